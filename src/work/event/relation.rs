//! What an item points at, and what the index of references knows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::work::key::{Key, Kind, Source};

/// How an item came to point at another. The order is the order in which parents are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The run that it is part of: a job's build, a deployment's workflow run.
    Run,
    /// The pull requests that the sender names (`pull_requests[]`, `ghprbPullId`).
    PullRequest,
    /// The commit that was built or deployed.
    Commit,
    /// The issues that it closes by keyword.
    Closes,
    /// The branch that was built.
    Branch,
    /// A `vstrace-…` token.
    Token,
    /// The issue number that a branch begins with: a hint.
    BranchNumber,
    /// What it follows, such as the attempt before: always a link, never a parent.
    Follows,
}

impl Relation {
    /// The name in a span link's attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Run => "run",
            Relation::PullRequest => "pull_request",
            Relation::Commit => "commit",
            Relation::Closes => "closes",
            Relation::Branch => "branch",
            Relation::Token => "token",
            Relation::BranchNumber => "branch_number",
            Relation::Follows => "follows",
        }
    }
}

/// What an item points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// An explicit reference: binds even if the item was never seen, since its ids are known.
    #[serde(rename = "k")]
    Key(Key),
    /// A hint: binds only if the item was seen.
    #[serde(rename = "h")]
    Hint(Key),
    /// Something that the index of references may know.
    #[serde(rename = "r")]
    Ref(Ref),
    /// A `vstrace-…` token: the project's short name, to be looked up, and what it names there.
    #[serde(rename = "t")]
    Token {
        /// Where the project's short name is known.
        project: Ref,
        /// `issue` or `pull_request`.
        kind: Kind,
        /// The number.
        id: String,
    },
}

/// Something that items of several systems have in common: a commit, a branch, a project's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ref(String);

impl Ref {
    /// A commit. Only a full SHA-1 or SHA-256 is one: a Subversion revision, or a short sha,
    /// would tie strangers together.
    pub fn commit(sha: &str) -> Option<Self> {
        let full = matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        (full && sha.bytes().any(|b| b != b'0')).then(|| Self(format!("sha:{}", sha.to_ascii_lowercase())))
    }

    /// A branch of a repository, `host/owner/repo`.
    pub fn branch(host: &str, repository: &str, branch: &str) -> Option<Self> {
        let named = !host.is_empty() && !repository.is_empty() && !branch.is_empty() && branch.len() <= 512;
        named.then(|| Self(format!("branch:{host}/{}:{branch}", repository.to_lowercase())))
    }

    /// A project by its last name alone, as `vstrace-…` tokens write it.
    pub fn project(source: Source, name: &str) -> Self {
        Self(format!("project:{source}/{}", name.to_lowercase()))
    }

    /// The text that the index stores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From the text that the index stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        ["sha:", "branch:", "project:"].iter().any(|p| text.starts_with(p)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the index of references answers for a [`Ref`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pointer {
    /// An item: this commit is the head or the merge of that pull request.
    Item(Key),
    /// Another reference: this commit was pushed to that branch.
    Ref(Ref),
    /// A project: `(host, path)`.
    Project(String, String),
}

impl Pointer {
    /// The text that the index stores.
    pub fn to_stored(&self) -> String {
        match self {
            Pointer::Item(key) => key.as_str().to_owned(),
            Pointer::Ref(reference) => reference.as_str().to_owned(),
            Pointer::Project(host, path) => format!("at:{host}/{path}"),
        }
    }

    /// From the text that the index stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        if let Some(at) = text.strip_prefix("at:") {
            let (host, path) = at.split_once('/')?;
            return Some(Pointer::Project(host.to_owned(), path.to_owned()));
        }
        Ref::from_stored(text).map(Pointer::Ref).or_else(|| text.parse().ok().map(Pointer::Item))
    }
}
