//! What every event of Jira needs: which Jira it comes from, keys within it, times that may be
//! implausible, and people, who are named only if that is wanted.

use super::payload::{Message, Text, User};
pub(super) use crate::sources::telling::needed;
use crate::sources::{Context, ParseError, Parsed, telling, url};
use crate::work::attr::{Attr, Value, clipped};
use crate::work::event::{Event, Facts, Flaw, Pointer, Ref, Said};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{Latest, Stamp};
use crate::work::time::Time;

/// The project in the keys of sprints: they belong to boards, not to projects.
const AGILE: &str = "agile";

/// An issue's key as people write it, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IssueCode {
    /// The whole in upper case, `PROJ-12`.
    pub(super) text: String,
    /// The project's key is as many bytes long.
    project: usize,
    /// The number within the project.
    pub(super) number: i64,
}

impl IssueCode {
    /// From `PROJ-12`, in any case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let (project, number) = text.split_once('-')?;
        let word = project.starts_with(|c: char| c.is_ascii_uppercase())
            && project.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
        let number = number.parse().ok().filter(|_| word && plain)?;
        let project = project.len();
        Some(Self { text, project, number })
    }

    /// The project's key, `PROJ`.
    pub(super) fn project(&self) -> &str {
        &self.text[..self.project]
    }
}

/// An event being told: where it happened, when, and what is said so far.
pub(super) struct Scene<'m, 'c> {
    pub(super) message: &'m Message<'m>,
    pub(super) context: &'m Context<'c>,
    pub(super) host: String,
    /// Where people find this Jira, without a slash at the end; empty if that is no address to follow.
    base: String,
    /// When Jira says that it happened.
    pub(super) now: Option<Time>,
    pub(super) said: Said,
}

impl<'m, 'c> Scene<'m, 'c> {
    /// `address` is that of the issue or sprint in Jira's API, and `path` where it stands in the payload.
    pub(super) fn new(
        message: &'m Message<'m>,
        context: &'m Context<'c>,
        path: &str,
        address: &str,
    ) -> Result<Self, ParseError> {
        let parts = url::split(address).ok_or_else(|| ParseError::field(path, "is not an address"))?;
        let below = parts.path.split_once("/rest/").map_or("", |(below, _)| below);
        let base = format!("{}://{}{below}", parts.scheme.to_ascii_lowercase(), parts.host);
        let base = url::web(&base).unwrap_or_default().to_owned();
        let mut scene = Self { message, context, host: parts.host, base, now: None, said: Said::default() };
        scene.now = message.timestamp.and_then(|millis| {
            let now = Time::from_millis(millis.0);
            if now.is_none() {
                scene.flaw(Flaw::ImplausibleTime);
            }
            now
        });
        Ok(scene)
    }

    /// When it happened, for what is nothing without its time.
    pub(super) fn needed_now(&self) -> Result<Time, ParseError> {
        self.now.ok_or_else(|| match self.message.timestamp {
            None => ParseError::missing("timestamp"),
            Some(_) => ParseError::time("timestamp"),
        })
    }

    /// An issue's key.
    pub(super) fn issue_key(&self, code: &IssueCode) -> Result<Key, ParseError> {
        Key::new(Source::Jira, &self.host, code.project(), Kind::Issue, &code.text)
            .map_err(|error| ParseError::field("issue.key", error.to_string()))
    }

    /// The key of an issue that is named in passing.
    pub(super) fn other_issue(&self, text: Option<&str>) -> Option<Key> {
        IssueCode::parse(text?).and_then(|code| self.issue_key(&code).ok())
    }

    /// A sprint's key.
    pub(super) fn sprint_key(&self, id: u64) -> Result<Key, ParseError> {
        Key::new(Source::Jira, &self.host, AGILE, Kind::Sprint, &id.to_string())
            .map_err(|error| ParseError::field("sprint.self", error.to_string()))
    }

    /// Where people look at an issue.
    pub(super) fn browse(&self, code: &IssueCode) -> Option<String> {
        (!self.base.is_empty()).then(|| format!("{}/browse/{}", self.base, code.text))
    }

    /// An optional time; one that no sender can mean is passed over, and counted.
    pub(super) fn time(&mut self, text: Option<&Text<'_>>) -> Option<Time> {
        telling::time(&mut self.said, text)
    }

    fn flaw(&mut self, flaw: Flaw) {
        self.said.flaw(flaw);
    }

    /// What somebody is called, if people are kept.
    pub(super) fn person(&self, user: Option<&User<'_>>) -> Option<String> {
        self.name(user?.display_name.as_deref())
    }

    /// A person's name, if people are kept. Where a name is an e-mail address it is none.
    pub(super) fn name(&self, name: Option<&str>) -> Option<String> {
        let name = name.filter(|name| self.context.people && !name.is_empty() && !name.contains('@'))?;
        Some(clipped(name).to_owned())
    }

    /// Tells the index of references where something is found.
    pub(super) fn point(&mut self, reference: Ref, pointer: Pointer) {
        self.said.refs.push((reference, pointer));
    }

    /// Tells of an item.
    pub(super) fn tell(&mut self, key: Key, facts: Facts) {
        self.said.events.push(Event { key, facts });
    }

    /// All that was said.
    pub(super) fn told(self) -> Result<Parsed, ParseError> {
        Ok(Parsed::Used(self.said))
    }
}

/// Takes an attribute's value back.
pub(super) fn unset(facts: &mut Facts, stamp: Stamp, attr: Attr) {
    facts.attrs.insert(attr, Latest::new(stamp, Value::Str(String::new())));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_issues_key_is_a_project_and_a_number() {
        let code = IssueCode::parse(" proj_2-12 ").unwrap();
        assert_eq!((code.text.as_str(), code.project(), code.number), ("PROJ_2-12", "PROJ_2", 12));
        for none in [
            "", "PROJ", "-1", "PROJ-", "PROJ-0", "PROJ-01", "PROJ-1-2", "PR OJ-1", "2P-1", "É-1", "P-+1",
            "P/Q-1",
        ] {
            assert_eq!(IssueCode::parse(none), None, "{none}");
        }
        assert_eq!(IssueCode::parse("P-99999999999999999999"), None);
    }
}
