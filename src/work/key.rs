//! The global name of a work item, `{source}:{host}/{project}/{kind}/{id}`, and the parts it is
//! made of. Everything that identifies or links goes by key.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

/// A kind of sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// GitHub, github.com or GitHub Enterprise Server.
    Github,
    /// Jenkins, through the Notification or the Statistics Gatherer plugin.
    Jenkins,
    /// GitLab, gitlab.com or self-managed.
    Gitlab,
    /// Jira Cloud, or a Jira of one's own.
    Jira,
    /// Whatever speaks CDEvents.
    Cdevents,
    /// Whatever can send a small JSON over HTTP.
    Custom,
}

impl Source {
    /// Every source.
    pub const ALL: [Source; 6] =
        [Source::Github, Source::Jenkins, Source::Gitlab, Source::Jira, Source::Cdevents, Source::Custom];

    /// The name in keys, routes, configuration and `service.name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Github => "github",
            Source::Jenkins => "jenkins",
            Source::Gitlab => "gitlab",
            Source::Jira => "jira",
            Source::Cdevents => "cdevents",
            Source::Custom => "custom",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Source {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or_else(|| KeyError::Source(text.to_owned()))
    }
}

/// What a work item is. Also the name of its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An issue: the root of a trace.
    Issue,
    /// A pull request.
    PullRequest,
    /// One attempt of a pipeline: a GitHub workflow run, another CI's check run, a Jenkins build.
    Build,
    /// A job of a build.
    Job,
    /// A deployment.
    Deploy,
    /// A sprint, to which issues link.
    Sprint,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 6] =
        [Kind::Issue, Kind::PullRequest, Kind::Build, Kind::Job, Kind::Deploy, Kind::Sprint];

    /// The name in keys, spans and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Issue => "issue",
            Kind::PullRequest => "pull_request",
            Kind::Build => "build",
            Kind::Job => "job",
            Kind::Deploy => "deploy",
            Kind::Sprint => "sprint",
        }
    }

    /// How deep in a trace the kind stands. A parent always stands higher than its child, so no
    /// relation, however wrong, can close a circle.
    pub fn depth(self) -> u8 {
        match self {
            Kind::Issue | Kind::Sprint => 0,
            Kind::PullRequest => 1,
            Kind::Build => 2,
            Kind::Job | Kind::Deploy => 3,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::ALL.into_iter().find(|k| k.as_str() == text).ok_or_else(|| KeyError::Kind(text.to_owned()))
    }
}

/// Why a text is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The source is none that is known.
    #[error(
        "unknown source {0:?}: a key begins with github:, jenkins:, gitlab:, jira:, cdevents: or custom:"
    )]
    Source(String),
    /// The kind is none that is known.
    #[error("unknown kind {0:?}: one of issue, pull_request, build, job, deploy, sprint")]
    Kind(String),
    /// The parts are not all there.
    #[error(
        "{0:?} is not a key: write source:host/project/kind/id, for instance github:github.com/acme/api/issue/12"
    )]
    Form(String),
    /// A part is empty, or the whole too long.
    #[error("a key's {0} must not be empty, and the whole not longer than {MAX_LEN} bytes")]
    Part(&'static str),
}

/// The longest key in bytes: room for a deep Jenkins folder, too short to bloat an index.
pub const MAX_LEN: usize = 1024;

/// What must not stand in a key as it is: white space and controls, and what would change the
/// meaning of a path.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'?').add(b'#');
const UNSAFE_ID: &AsciiSet = &UNSAFE.add(b'/');

/// A work item's global name.
///
/// ```
/// use valuestream::work::key::{Key, Kind, Source};
/// let key: Key = "github:github.com/acme/api/issue/12".parse()?;
/// assert_eq!((key.source(), key.host(), key.project()), (Source::Github, "github.com", "acme/api"));
/// assert_eq!((key.kind(), key.id()), (Kind::Issue, "12"));
/// # Ok::<(), valuestream::work::key::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Key {
    text: String,
    source: Source,
    kind: Kind,
    /// Where host, project and id begin and end in `text`.
    project: (u16, u16),
    id: u16,
}

impl Key {
    /// Builds a key from its parts; white space and controls are percent-encoded.
    pub fn new(source: Source, host: &str, project: &str, kind: Kind, id: &str) -> Result<Self, KeyError> {
        let project = project.trim_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err(KeyError::Part("host"));
        }
        if project.is_empty() {
            return Err(KeyError::Part("project"));
        }
        if id.is_empty() {
            return Err(KeyError::Part("id"));
        }
        let mut text = String::with_capacity(host.len() + project.len() + id.len() + 24);
        text.push_str(source.as_str());
        text.push(':');
        text.extend(utf8_percent_encode(host, UNSAFE));
        text.push('/');
        let from = text.len();
        text.extend(utf8_percent_encode(project, UNSAFE));
        let to = text.len();
        text.push('/');
        text.push_str(kind.as_str());
        text.push('/');
        let id_from = text.len();
        text.extend(utf8_percent_encode(id, UNSAFE_ID));
        if text.len() > MAX_LEN {
            return Err(KeyError::Part("text"));
        }
        // The length is at most MAX_LEN, so the positions fit.
        Ok(Self { text, source, kind, project: (from as u16, to as u16), id: id_from as u16 })
    }

    /// A key beside this one: the same source, host and project.
    pub fn sibling(&self, kind: Kind, id: &str) -> Result<Self, KeyError> {
        Self::new(self.source, self.host(), self.project(), kind, id)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The kind of sender.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The sender's host, with its port if it is not the usual one.
    pub fn host(&self) -> &str {
        let from = self.source.as_str().len() + 1;
        &self.text[from..usize::from(self.project.0) - 1]
    }

    /// The repository or the job's path.
    pub fn project(&self) -> &str {
        &self.text[usize::from(self.project.0)..usize::from(self.project.1)]
    }

    /// The kind of item.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The sender's id within project and kind.
    pub fn id(&self) -> &str {
        &self.text[usize::from(self.id)..]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let form = || KeyError::Form(text.to_owned());
        let (source, rest) = text.split_once(':').ok_or_else(form)?;
        let source: Source = source.parse()?;
        let (rest, id) = rest.rsplit_once('/').ok_or_else(form)?;
        let (rest, kind) = rest.rsplit_once('/').ok_or_else(form)?;
        let (host, project) = rest.split_once('/').ok_or_else(form)?;
        Self::new(source, host, project, kind.parse()?, id)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> String {
        key.text
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_the_forms_of_the_contract() {
        for text in [
            "github:github.com/acme/api/issue/12",
            "github:github.com/acme/api/build/14460881260.1",
            "jenkins:ci.example.org/org/repo/PR-12/build/7",
            "jenkins:localhost:8080/asgard/build/18",
        ] {
            let key: Key = text.parse().unwrap();
            assert_eq!(key.as_str(), text);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        assert!(matches!("svn:host/a/issue/1".parse::<Key>(), Err(KeyError::Source(_))));
        assert!(matches!("github:github.com/acme/api/bug/1".parse::<Key>(), Err(KeyError::Kind(_))));
        assert!(matches!("github:12".parse::<Key>(), Err(KeyError::Form(_))));
        assert!(matches!("github:github.com/acme/api/issue/".parse::<Key>(), Err(KeyError::Part("id"))));
    }

    proptest! {
        #[test]
        fn parts_survive_the_way_through_text(host in "[a-z.]{1,12}(:[0-9]{2,5})?", project in "\\PC{1,20}", id in "\\PC{1,10}") {
            let Ok(key) = Key::new(Source::Jenkins, &host, &project, Kind::Build, &id) else { return Ok(()); };
            let again: Key = key.as_str().parse().unwrap();
            prop_assert_eq!(&again, &key);
            prop_assert_eq!(again.host(), host);
            prop_assert!(!key.id().contains('/'));
        }
    }
}
