//! What every event of GitHub needs: the repository it is about and its host, keys within it,
//! times that may be implausible, and the facts that any item has from its repository.

use std::collections::BTreeSet;

use super::payload::{Free, Id, PullRequestRef, Repository, Text, User, string};
pub(super) use crate::sources::telling::{clip, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed, telling, url};
use crate::work::attr::{Attr, Value};
use crate::work::convention::{Found, Spot};
use crate::work::event::{Event, Facts, Flaw, Outcome, Pointer, Ref, Role, Said, Target};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{BOUND, Latest, Stamp};
use crate::work::mention::{self, Near};
use crate::work::time::Time;

/// The host if the payload does not name one.
const HOST: &str = "github.com";

/// An event being told: where it happened, and what is said so far.
pub(super) struct Scene<'a, 'c> {
    pub(super) repository: &'a Repository<'a>,
    pub(super) host: String,
    pub(super) context: &'a Context<'c>,
    pub(super) said: Said,
}

impl<'a, 'c> Scene<'a, 'c> {
    pub(super) fn new(repository: &'a Repository<'a>, context: &'a Context<'c>) -> Self {
        let address = repository.html_url.as_ref().and_then(|html_url| url::split(html_url));
        let host = address.map_or_else(|| HOST.to_owned(), |address| address.host);
        Self { repository, host, context, said: Said::default() }
    }

    /// The key of something in this repository.
    pub(super) fn key(&self, kind: Kind, id: &str) -> Result<Key, ParseError> {
        self.key_in(&self.repository.full_name, kind, id)
    }

    /// The key of something in any repository of this host.
    pub(super) fn key_in(&self, project: &str, kind: Kind, id: &str) -> Result<Key, ParseError> {
        Key::new(Source::Github, &self.host, project, kind, id)
            .map_err(|error| ParseError::field("repository.full_name", error.to_string()))
    }

    /// The key of an attempt of a workflow run. Where no attempt is said it is the first.
    pub(super) fn run_key(&self, run: Id, attempt: Option<Id>) -> Result<Key, ParseError> {
        self.key(Kind::Build, &format!("{run}.{}", attempt_number(attempt)))
    }

    /// An optional time; one that no sender can mean is passed over, and counted.
    pub(super) fn time(&mut self, text: Option<&Text<'_>>) -> Option<Time> {
        telling::time(&mut self.said, text)
    }

    /// Counts what had to be mended.
    pub(super) fn flaw(&mut self, flaw: Flaw) {
        self.said.flaw(flaw);
    }

    /// How a run, check, job or step ended.
    pub(super) fn outcome(&mut self, conclusion: Option<&Text<'_>>) -> Outcome {
        match conclusion.map(|conclusion| &**conclusion) {
            Some("success" | "neutral") => Outcome::Success,
            Some("failure" | "action_required" | "stale") => Outcome::Failure,
            Some("cancelled") => Outcome::Cancellation,
            Some("skipped") => Outcome::Skip,
            Some("timed_out") => Outcome::Timeout,
            Some("startup_failure") => Outcome::Error,
            Some(_) => {
                self.flaw(Flaw::UnknownOutcome);
                Outcome::Unknown
            }
            None => {
                self.flaw(Flaw::MissingOutcome);
                Outcome::Unknown
            }
        }
    }

    /// What any item has from its repository.
    pub(super) fn describe_repository(&self, facts: &mut Facts, stamp: Stamp) {
        let repository = self.repository;
        let (owner, last) = repository.full_name.split_once('/').unwrap_or(("", &repository.full_name));
        let address = repository.html_url.as_ref().and_then(|address| url::web(address));
        let address = address.map(|address| address.strip_suffix(".git").unwrap_or(address));
        facts.attr(stamp, Attr::RepositoryUrl, address);
        facts.attr(stamp, Attr::RepositoryName, Some(repository.name.as_ref().map_or(last, |name| name)));
        facts.attr(stamp, Attr::OwnerName, Some(owner));
        facts.attr(stamp, Attr::ProviderName, Some(Source::Github.as_str()));

        let marks = &mut facts.marks;
        marks.language =
            repository.language.as_ref().filter(|l| !l.is_empty()).map(|l| Latest::new(stamp, clip(l)));
        marks.topics = repository
            .topics
            .as_ref()
            .map(|topics| Latest::new(stamp, topics.iter().take(BOUND).map(|topic| clip(topic)).collect()));
        marks.properties = repository
            .custom_properties
            .as_ref()
            .map(|properties| Latest::new(stamp, self.tag_texts(properties).collect()));
    }

    /// The members of a free map that can become tags.
    pub(super) fn tag_texts<'m>(&'m self, map: &'m Free<'_>) -> impl Iterator<Item = (String, String)> + 'm {
        map.texts()
            .filter(|(name, _)| self.context.tagger.key_of(name).is_some())
            .map(|(name, value)| (name.to_owned(), clip(value)))
    }

    /// A login, if people are kept.
    pub(super) fn person(&self, user: Option<&User<'_>>) -> Option<String> {
        user.filter(|_| self.context.people).and_then(|user| string(user.login.as_ref()))
    }

    /// The branch that builds and pushes belong to a pull request by. The default branch is
    /// nobody's: whoever opened a pull request from it would own all builds of it.
    pub(super) fn branch(&self, project: &str, branch: &str) -> Option<Ref> {
        let main = self.repository.default_branch.as_deref() == Some(branch)
            && project.eq_ignore_ascii_case(&self.repository.full_name);
        if main { None } else { Ref::branch(&self.host, project, branch) }
    }

    /// The pull requests that the sender names.
    pub(super) fn pull_requests(&self, named: &[PullRequestRef<'_>]) -> Result<Vec<Target>, ParseError> {
        let mut targets = Vec::new();
        for named in named.iter().take(mention::MAX_MENTIONS) {
            let project = project_of(named).unwrap_or(&self.repository.full_name);
            let known = project.eq_ignore_ascii_case(&self.repository.full_name);
            let project = if known { &self.repository.full_name } else { project };
            let key = self.key_in(project, Kind::PullRequest, &named.number.to_string())?;
            let target = Target::Key(key);
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        Ok(targets)
    }

    /// What some texts say that an item belongs to.
    pub(super) fn found(&self, texts: &[(Spot<'_>, Option<&Text<'_>>)]) -> Found {
        let near = Near { source: Source::Github, host: &self.host, project: &self.repository.full_name };
        telling::found(self.context, Source::Github, near, texts)
    }

    /// Tells the index of references where something is found.
    pub(super) fn point(&mut self, reference: Option<Ref>, pointer: &Pointer) {
        self.said.point(reference, pointer);
    }

    /// Tells which push a push came after. The first push of a branch came after none.
    pub(super) fn point_at_push_before(&mut self, after: &str, before: &str) {
        if let Some(before) = Ref::push(before) {
            self.point(Ref::push(after), &Pointer::Ref(before));
        }
    }

    /// The reference of a tag of this repository.
    pub(super) fn tag(&self, tag: &str) -> Option<Ref> {
        Ref::tag(&self.host, &self.repository.full_name, tag)
    }

    /// Tells where this repository is, for tokens, which know only its last name.
    pub(super) fn point_at_project(&mut self) {
        let full_name = &self.repository.full_name;
        let last = full_name.rsplit('/').next().unwrap_or(full_name);
        let name = self.repository.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(last);
        let pointer = Pointer::Project(self.host.clone(), full_name.0.to_string());
        self.point(Some(Ref::project(Source::Github, name)), &pointer);
    }

    /// All that was said, with one last event.
    pub(super) fn told(mut self, key: Key, facts: Facts) -> Result<Parsed, ParseError> {
        self.said.events.push(Event { key, facts });
        Ok(Parsed::Used(self.said))
    }
}

/// In what part somebody acts on what `author` opened.
pub(super) fn role(who: &User<'_>, author: Option<&User<'_>>) -> Role {
    let author = author.is_some_and(|author| author.id.is_some() && author.id == who.id);
    let bot = who.kind.as_deref() == Some("Bot") || who.login.as_ref().is_some_and(|l| l.ends_with("[bot]"));
    match (author, bot) {
        (true, _) => Role::Author,
        (false, true) => Role::Bot,
        (false, false) => Role::Other,
    }
}

/// `owner/repo` out of a named pull request's address in the API. It may be another repository
/// than the delivery's: a run in a fork names the pull request upstream.
fn project_of<'a>(named: &'a PullRequestRef<'_>) -> Option<&'a str> {
    let (_, path) = named.url.as_ref()?.split_once("/repos/")?;
    let (project, _) = path.split_once("/pulls/")?;
    let (owner, name) = project.split_once('/')?;
    let base = named.base.as_ref().and_then(|base| base.repo.as_ref()).and_then(|repo| repo.name.as_deref());
    let plain = !owner.is_empty() && !name.is_empty() && !name.contains('/');
    (plain && base.is_none_or(|base| base.eq_ignore_ascii_case(name))).then_some(project)
}

/// The attempt as a number from 1.
pub(super) fn attempt_number(attempt: Option<Id>) -> u64 {
    attempt.map_or(1, |attempt| attempt.0.max(1))
}

/// A count, as an attribute.
pub(super) fn count(number: Option<super::payload::Number>) -> Option<i64> {
    number.map(|number| number.0)
}

/// The names of labels as a set.
pub(super) fn names<'a>(labels: &'a [super::payload::Named<'_>]) -> BTreeSet<String> {
    labels.iter().take(BOUND).filter_map(|label: &'a _| label.name.as_deref()).map(clip).collect()
}

/// Says what was built: its branch and commit.
pub(super) fn describe_head(
    facts: &mut Facts,
    stamp: Stamp,
    branch: Option<&Text<'_>>,
    sha: Option<&Text<'_>>,
    kind: Option<&'static str>,
) {
    facts.attr(stamp, Attr::RefHeadName, branch.map(|branch| &**branch));
    facts.attr(stamp, Attr::RefHeadRevision, sha.map(|sha| &**sha));
    if branch.is_some() {
        facts.attr(stamp, Attr::RefHeadType, kind);
    }
}

/// Takes an attribute's value back.
pub(super) fn unset(facts: &mut Facts, stamp: Stamp, attr: Attr) {
    facts.attrs.insert(attr, Latest::new(stamp, Value::Str(String::new())));
}
