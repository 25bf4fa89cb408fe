//! What an item points at, and what the index of references knows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::work::key::{Key, Kind, Source};
use crate::work::time::Time;

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
    /// The artifact that was deployed (CDEvents).
    Artifact,
    /// The issues that it closes by keyword.
    Closes,
    /// The branch that was built.
    Branch,
    /// A `vstrace-…` token, or the parent that a custom event names.
    Token,
    /// What a rule of the configuration found.
    Rule,
    /// The issue number that a branch begins with: a hint.
    BranchNumber,
    /// An issue key such as `PROJ-12` in a branch, a title or a commit message: a hint.
    IssueKey,
    /// The changes that a deploy brings.
    Ships,
    /// The release whose tag was built or deployed.
    Release,
    /// The sprint that an issue is in.
    Sprint,
    /// The epic that an issue belongs to.
    Epic,
    /// The issue that this one is a part of.
    PartOf,
    /// The issue that this one waits for.
    BlockedBy,
    /// What it follows, such as the attempt before.
    Follows,
}

impl Relation {
    /// Whether it can make something a parent. The others are span links in any case.
    pub fn is_parental(self) -> bool {
        self < Relation::Ships
    }

    /// The name in a span link's attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Run => "run",
            Relation::PullRequest => "pull_request",
            Relation::Commit => "commit",
            Relation::Artifact => "artifact",
            Relation::Closes => "closes",
            Relation::Branch => "branch",
            Relation::Token => "token",
            Relation::BranchNumber => "branch_number",
            Relation::Rule => "rule",
            Relation::IssueKey => "issue_key",
            Relation::Ships => "ships",
            Relation::Release => "release",
            Relation::Sprint => "sprint",
            Relation::Epic => "epic",
            Relation::PartOf => "part_of",
            Relation::BlockedBy => "blocked_by",
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
        /// The kind of item. `build` also stands for a job that deploys, as in the original.
        kind: Kind,
        /// The number, or whatever else is the id there.
        id: String,
    },
}

/// Something that items of several systems have in common: a commit, a branch, a tag, a project's
/// name, an issue's key.
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

    /// A tag of a repository, `host/owner/repo`. It points at its commit, and at its release.
    pub fn tag(host: &str, repository: &str, tag: &str) -> Option<Self> {
        let named = !host.is_empty() && !repository.is_empty() && !tag.is_empty() && tag.len() <= 512;
        named.then(|| Self(format!("tag:{host}/{}:{tag}", repository.to_lowercase())))
    }

    /// A push, by the commit that it ended with. It points at the push before on the same branch, at
    /// the time of its first own commit, and at the issues that its commits name.
    pub fn push(sha: &str) -> Option<Self> {
        Self::commit(sha).map(|Self(commit)| Self(commit.replacen("sha:", "push:", 1)))
    }

    /// The commit that a [`Ref::push`] ended with.
    pub fn commit_of_push(&self) -> Option<Self> {
        self.0.strip_prefix("push:").map(|sha| Self(format!("sha:{sha}")))
    }

    /// An issue by the key that people write, `PROJ-12`.
    pub fn issue_key(key: &str) -> Self {
        Self(format!("issue:{}", key.to_ascii_uppercase()))
    }

    /// An artifact, by its purl or whatever its systems call it.
    pub fn artifact(id: &str) -> Option<Self> {
        let id = id.trim();
        (!id.is_empty() && id.len() <= 1024).then(|| Self(format!("artifact:{id}")))
    }

    /// An item of the custom source, by namespace and id alone.
    pub fn named(namespace: &str, id: &str) -> Self {
        Self(format!("named:{namespace}:{id}"))
    }

    /// A project by its last name alone, as `vstrace-…` tokens write it.
    pub fn project(source: Source, name: &str) -> Self {
        Self(format!("project:{source}/{}", name.to_lowercase()))
    }

    /// The source of a [`Ref::project`].
    pub fn project_source(&self) -> Option<Source> {
        self.0.strip_prefix("project:")?.split_once('/')?.0.parse().ok()
    }

    /// The text that the index stores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From the text that the index stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        KINDS.iter().any(|p| text.starts_with(p)).then(|| Self(text.to_owned()))
    }
}

/// How the texts of references begin. None is a source's name, so no text is both key and reference.
const KINDS: [&str; 8] = ["sha:", "branch:", "tag:", "push:", "issue:", "artifact:", "named:", "project:"];

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
    /// A moment, such as that of a push's first commit.
    Moment(Time),
}

impl Pointer {
    /// The text that the index stores.
    pub fn to_stored(&self) -> String {
        match self {
            Pointer::Item(key) => key.as_str().to_owned(),
            Pointer::Ref(reference) => reference.as_str().to_owned(),
            Pointer::Project(host, path) => format!("at:{host}/{path}"),
            Pointer::Moment(at) => format!("t:{}", at.micros()),
        }
    }

    /// From the text that the index stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        if let Some(at) = text.strip_prefix("at:") {
            let (host, path) = at.split_once('/')?;
            return Some(Pointer::Project(host.to_owned(), path.to_owned()));
        }
        if let Some(at) = text.strip_prefix("t:") {
            return at.parse().ok().and_then(Time::from_micros).map(Pointer::Moment);
        }
        Ref::from_stored(text).map(Pointer::Ref).or_else(|| text.parse().ok().map(Pointer::Item))
    }
}
