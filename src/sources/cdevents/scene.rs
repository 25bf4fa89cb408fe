//! What every CDEvent needs: where its subject stands, when it was, and what custom data adds.

use super::envelope::Letter;
use super::payload::{CdEvent, Content, Reference};
use crate::sources::url;
use crate::sources::{Context, ParseError, Parsed, telling};
use crate::work::attr::{Attr, clipped};
use crate::work::convention::Spot;
use crate::work::event::{Event, Facts, Flaw, Outcome, Pointer, Ref, Relation, Said, Target, What};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{Latest, Stamp};
use crate::work::mention;
use crate::work::time::Time;

/// The host where a source names none, and the project where it names no more than a host.
const HOST: &str = "cdevents";
const PROJECT: &str = "default";

/// The members of custom data that hold the commit which was built, deployed or changed.
const COMMITS: [&str; 6] = ["commit", "sha", "revision", "commitSha", "commitId", "gitCommit"];

/// The longest list of parameters that are read as texts.
const MAX_PARAMETERS: usize = 64;

/// An event being told.
pub(super) struct Scene<'a, 'c> {
    pub(super) event: &'a CdEvent<'a>,
    pub(super) content: &'a Content<'a>,
    pub(super) context: &'a Context<'c>,
    /// What happened to the subject: `created`, `finished` …
    pub(super) predicate: &'a str,
    /// When.
    pub(super) at: Time,
    /// The subject's source; without one of its own, the event's.
    source: &'a str,
    subject_id: String,
    said: Said,
}

impl<'a, 'c> Scene<'a, 'c> {
    pub(super) fn new(
        event: &'a CdEvent<'a>,
        ty: &'a str,
        letter: &Letter<'_>,
        context: &'a Context<'c>,
    ) -> Result<Self, ParseError> {
        let at = Time::parse(&event.context.timestamp)
            .ok_or_else(|| ParseError::time(&letter.path("context.timestamp")))?;
        let source = event.subject.source.as_deref().filter(|source| !source.is_empty());
        Ok(Self {
            event,
            content: &event.subject.content,
            context,
            predicate: ty.split('.').nth(3).unwrap_or_default(),
            at,
            source: source.unwrap_or(&event.context.source),
            subject_id: letter.path("subject.id"),
            said: Said::default(),
        })
    }

    /// The subject's id.
    pub(super) fn id(&self) -> &'a str {
        &self.event.subject.id
    }

    /// What the event says is said at its time; `step` orders what is said at the same time.
    pub(super) fn stamp(&self, step: u8) -> Stamp {
        Stamp::stated(Some(self.at), step)
    }

    /// The subject's key.
    pub(super) fn key(&self, kind: Kind) -> Result<Key, ParseError> {
        self.key_of(kind, self.id())
    }

    /// The key of something in the subject's place.
    pub(super) fn key_of(&self, kind: Kind, id: &str) -> Result<Key, ParseError> {
        key(self.source, kind, id).ok_or_else(|| {
            ParseError::field(&self.subject_id, "is empty, or too long for a key with its source")
        })
    }

    /// The key of what the subject refers to: without a source of its own, in the subject's.
    pub(super) fn referred(&self, kind: Kind, reference: &Reference<'_>) -> Option<Key> {
        let source = reference.source.as_deref().filter(|source| !source.is_empty());
        key(source.unwrap_or(self.source), kind, &reference.id)
    }

    /// How a run ended.
    pub(super) fn outcome(&mut self, said: Option<&str>) -> Outcome {
        let Some(word) = said.map(str::trim).filter(|word| !word.is_empty()) else {
            self.flaw(Flaw::MissingOutcome);
            return Outcome::Unknown;
        };
        match word.to_ascii_lowercase().as_str() {
            "success" | "succeeded" | "successful" | "pass" | "passed" => Outcome::Success,
            "failure" | "failed" | "fail" => Outcome::Failure,
            "error" | "errored" => Outcome::Error,
            "cancel" | "canceled" | "cancelled" | "cancellation" | "aborted" => Outcome::Cancellation,
            "timeout" | "timed_out" => Outcome::Timeout,
            "skip" | "skipped" => Outcome::Skip,
            _ => {
                self.flaw(Flaw::UnknownOutcome);
                Outcome::Unknown
            }
        }
    }

    fn flaw(&mut self, flaw: Flaw) {
        self.said.flaw(flaw);
    }

    /// The commit that custom data names.
    pub(super) fn commit(&self) -> Option<&'a str> {
        let named = COMMITS.iter().filter_map(|name| self.event.custom.get(name));
        named.map(str::trim).find(|sha| Ref::commit(sha).is_some())
    }

    /// Says which commit a run or a deploy is of, if custom data does.
    pub(super) fn describe_commit(&self, facts: &mut Facts, stamp: Stamp) {
        let Some(sha) = self.commit() else { return };
        facts.attr(stamp, Attr::RefHeadRevision, Some(sha));
        facts.relate(stamp, Relation::Commit, Ref::commit(sha).into_iter().map(Target::Ref).collect());
    }

    /// Keeps of custom data, and of `more`, what can become tags; of a deploy its flags too.
    pub(super) fn mark(&self, facts: &mut Facts, stamp: Stamp, kind: Kind, more: &[(&str, &str)]) {
        // What the event itself says outdoes its custom data.
        let all = self.event.custom.texts().chain(more.iter().copied());
        facts.marks.parameters =
            telling::parameters(self.context, kind, all).map(|kept| Latest::new(stamp, kept));
    }

    /// Says what texts of the event, and of custom data, say that it belongs to.
    pub(super) fn conventions(&self, facts: &mut Facts, stamp: Stamp, texts: &[(Spot<'_>, Option<&str>)]) {
        let mut all: Vec<(Spot<'_>, &str)> =
            texts.iter().filter_map(|(spot, text)| Some((*spot, (*text)?))).collect();
        let custom = self.event.custom.texts().take(MAX_PARAMETERS);
        all.extend(custom.map(|(name, value)| (Spot::Parameter(name), value)));
        let named =
            ["vstrace-trace-id", "vstrace_trace_id"].iter().find_map(|name| self.event.custom.get(name));
        let on_purpose = named.map(mention::trace_parameter).unwrap_or_default();
        let found = self.context.conventions.read(Source::Cdevents, None, &all).after(on_purpose);
        found.relate(facts, stamp);
    }

    /// A login, if people are kept; an e-mail address is none.
    pub(super) fn person(&self, name: Option<&str>) -> Option<String> {
        let name = name.map(str::trim).filter(|name| !name.is_empty() && !name.contains('@'));
        name.filter(|_| self.context.people).map(|name| clipped(name).to_owned())
    }

    /// Tells that something happened.
    pub(super) fn happened(&self, facts: &mut Facts, what: What, person: Option<String>) {
        facts.happened(Some(self.at), what, None, None, person);
    }

    /// Tells the index of references where something is found.
    pub(super) fn point(&mut self, reference: Option<Ref>, to: &Key) {
        self.said.refs.extend(reference.map(|reference| (reference, Pointer::Item(to.clone()))));
    }

    /// All that was said, with what the index should know of the place.
    pub(super) fn told(&mut self, key: Key, facts: Facts) -> Parsed {
        if let Some(last) = key.project().rsplit('/').next().filter(|last| *last != PROJECT) {
            let pointer = Pointer::Project(key.host().to_owned(), key.project().to_owned());
            self.said.refs.push((Ref::project(Source::Cdevents, last), pointer));
        }
        self.said.events.push(Event { key, facts });
        self.all()
    }

    /// All that was said.
    pub(super) fn all(&mut self) -> Parsed {
        Parsed::Used(std::mem::take(&mut self.said))
    }
}

/// The address, if a browser may follow it.
pub(super) fn link(address: Option<&str>) -> Option<&str> {
    address.and_then(url::web)
}

fn key(source: &str, kind: Kind, id: &str) -> Option<Key> {
    let (host, project) = place(source);
    Key::new(Source::Cdevents, &host, &project, kind, id.trim()).ok()
}

/// Where a source stands. An address has a host; of another reference (`/clusterA/teamB`,
/// `my-git.example/org/repo`) the first segment is taken for one. The rest is the project.
fn place(source: &str) -> (String, String) {
    let address = url::split(source);
    let path = address.as_ref().map_or(source.trim(), |address| address.path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let host = match address {
        Some(address) => address.host,
        // Nothing before an @ is kept: it could be a password.
        None => segments.next().and_then(|first| first.rsplit('@').next()).unwrap_or_default().to_owned(),
    };
    let project = segments.collect::<Vec<_>>().join("/");
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    (or(host, HOST), or(project, PROJECT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_gives_host_and_project() {
        for (source, host, project) in [
            ("https://GitHub.com/acme/api", "github.com", "acme/api"),
            ("https://u:p@ci.example.org:8443/a//b/?x#y", "ci.example.org:8443", "a/b"),
            ("https://example.org", "example.org", "default"),
            ("/event/source/123", "event", "source/123"),
            ("my-git.example/an-org/a-repo", "my-git.example", "an-org/a-repo"),
            ("urn:acme:ci", "urn:acme:ci", "default"),
            ("u:p@host/x", "host", "x"),
            ("dev", "dev", "default"),
            ("", "cdevents", "default"),
            ("//", "cdevents", "default"),
            ("?a=b", "cdevents", "default"),
        ] {
            assert_eq!(place(source), (host.to_owned(), project.to_owned()), "{source}");
        }
    }
}
