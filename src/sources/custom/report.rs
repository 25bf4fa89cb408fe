//! What a custom event says of its item: when it lived and how it ended, what describes it, and
//! what it belongs to.

use std::collections::BTreeMap;

use super::payload::{Body, Fault, Moment, Word};
use super::place::{Namespace, Type, parent};
use crate::sources::url::{self, CloneAddress};
use crate::sources::{Context, ParseError};
use crate::work::attr::{Attr, clipped, cut};
use crate::work::convention::Spot;
use crate::work::event::{
    Cycle, Event, Facts, Flaw, Outcome, Pointer, Ref, Relation, Run, Said, Target, What,
};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::mention::{self, Near};
use crate::work::time::Time;

/// How many tags are kept, and how long a key may be, in bytes.
const MAX_TAGS: usize = 64;
const MAX_TAG_KEY: usize = 64;

/// What an event does to its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action<'a> {
    Start,
    End,
    /// Something that happened on the way.
    Event,
    /// A word that is not known: something that happened, too, and that is its name.
    Other(&'a str),
}

impl<'a> Action<'a> {
    pub(super) fn of(word: &'a str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "start" => Action::Start,
            "end" => Action::End,
            "event" => Action::Event,
            _ => Action::Other(word),
        }
    }

    /// The name in metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Action::Start => "start",
            Action::End => "end",
            Action::Event => "event",
            Action::Other(_) => "other",
        }
    }

    fn step(self) -> u8 {
        match self {
            Action::Start => 0,
            Action::Event | Action::Other(_) => 1,
            Action::End => 2,
        }
    }
}

/// A custom event, understood as far as its item and its time.
pub(super) struct Report<'a, 'c> {
    body: &'a Body<'a>,
    context: &'a Context<'c>,
    action: Action<'a>,
    id: &'a str,
    kind: Type<'a>,
    namespace: Namespace,
    key: Key,
    /// When it happened, and whether the sender said so.
    at: Instant,
    started_at: Option<Time>,
    repository: Option<CloneAddress>,
    flaws: Vec<Flaw>,
}

fn needed<'a>(field: &str, word: Option<&'a Word<'_>>) -> Result<&'a str, ParseError> {
    given(word).ok_or_else(|| ParseError::missing(field))
}

fn given<'a>(word: Option<&'a Word<'_>>) -> Option<&'a str> {
    word.map(|word| &**word).filter(|word| !word.is_empty())
}

fn time(field: &str, moment: Option<&Moment<'_>>) -> Result<Option<Time>, ParseError> {
    let moment = moment.filter(|moment| !moment.is_empty());
    moment.map(|moment| moment.time().ok_or_else(|| ParseError::time(field))).transpose()
}

impl<'a, 'c> Report<'a, 'c> {
    pub(super) fn new(body: &'a Body<'a>, context: &'a Context<'c>) -> Result<Self, ParseError> {
        let id = needed("id", body.id.as_ref())?;
        let kind = Type::of(needed("type", body.kind.as_ref())?);
        let action = Action::of(needed("action", body.action.as_ref())?);
        let namespace = Namespace::of(given(body.namespace.as_ref()).unwrap_or_default());
        let key = namespace
            .key(&kind, id)
            .ok_or_else(|| ParseError::field("id", "is too long for a key, with its type and namespace"))?;
        let (at, started_at) = (time("at", body.at.as_ref())?, time("started_at", body.started_at.as_ref())?);
        // A start that says when it started, has said its time.
        let at = if action == Action::Start { started_at.or(at) } else { at };
        let mut flaws = Vec::new();
        let at = at.map(Instant::stated).unwrap_or_else(|| {
            flaws.push(Flaw::TimeOfReceipt);
            Instant { trust: Trust::Receipt, at: context.received_at }
        });
        let repository = given(body.repository.as_ref()).and_then(repository);
        Ok(Self { body, context, action, id, kind, namespace, key, at, started_at, repository, flaws })
    }

    /// All that it says.
    pub(super) fn said(mut self) -> Result<Said, ParseError> {
        let stamp = Stamp::stated(Some(self.at.at), self.action.step());
        let mut facts = self.life(stamp);
        self.happened(&mut facts);
        self.describe(&mut facts, stamp);
        self.describe_scm(&mut facts, stamp);
        self.relate(&mut facts, stamp);
        let tags = self.tags().into_iter().flatten();
        facts.marks.given = tags.map(|(key, value)| (key, Latest::new(stamp, value))).collect();
        let refs = self.refs();
        Ok(Said { events: vec![Event { key: self.key, facts }], refs, flaws: self.flaws })
    }

    fn kind(&self) -> Kind {
        self.kind.kind()
    }

    /// When it lived. Issues, pull requests and sprints are opened and closed, and may be opened
    /// again; everything else runs once.
    fn life(&mut self, stamp: Stamp) -> Facts {
        let at = self.at;
        let end = self.action == Action::End;
        let outcome = if end { Some(Latest::new(stamp, self.outcome())) } else { None };
        let duration = self.body.duration.filter(|_| end).map(|seconds| seconds.0);
        let by_duration = duration
            .map(|duration| Instant { trust: at.trust.min(Trust::Derived), at: at.at.plus(-duration) });
        let started = match self.action {
            Action::Start => Some(at),
            _ => self.started_at.map(Instant::stated).or(by_duration),
        };
        if !matches!(self.kind(), Kind::Issue | Kind::PullRequest | Kind::Sprint) {
            return Facts::run(Run {
                queued: None,
                started,
                ended: end.then_some(at),
                duration: duration.map(|duration| Latest::new(stamp, duration)),
                outcome,
            });
        }
        let mut cycle = Cycle { opened: started, ..Cycle::default() };
        // A start after an end opens it again; but when a start came says nothing of when it was.
        if self.action == Action::Start && at.trust == Trust::Stated {
            cycle.under_way.insert(at.at);
        }
        if let Some(outcome) = outcome {
            cycle.closed.insert(at.at, outcome);
        }
        Facts::cycle(cycle)
    }

    /// How it ended: by what is said of it, else by whether there was an error.
    fn outcome(&mut self) -> Outcome {
        let error = match &self.body.error {
            Some(Fault::Flag(error)) => *error,
            Some(Fault::Message(_)) => true,
            None => false,
        };
        let said = match given(self.body.outcome.as_ref()) {
            None if error => Outcome::Failure,
            None => Outcome::Success,
            Some(word) => outcome(word).unwrap_or_else(|| {
                self.flaws.push(Flaw::UnknownOutcome);
                Outcome::Unknown
            }),
        };
        in_terms_of(self.kind(), said)
    }

    fn happened(&self, facts: &mut Facts) {
        let detail = match self.action {
            Action::Start | Action::End => return,
            Action::Event => given(self.body.event.as_ref()).or(given(self.body.name.as_ref())),
            Action::Other(word) => Some(given(self.body.event.as_ref()).unwrap_or(word)),
        };
        facts.happened(Some(self.at.at), What::Event, detail, None, None);
    }

    /// The item's title or name. The name in an event that names nothing else is the event's.
    fn title(&self) -> Option<&'a str> {
        let events = self.action == Action::Event && given(self.body.event.as_ref()).is_none();
        let name = given(self.body.name.as_ref()).filter(|_| !events);
        match self.kind() {
            Kind::Issue | Kind::PullRequest => given(self.body.title.as_ref()).or(name),
            _ => name.or(given(self.body.title.as_ref())),
        }
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp) {
        let (id, url) = match self.kind() {
            Kind::Issue | Kind::Sprint => (None, Attr::IssueUrl),
            Kind::PullRequest => (Some(Attr::ChangeId), Attr::ChangeUrl),
            Kind::Build => (Some(Attr::PipelineRunId), Attr::PipelineRunUrl),
            Kind::Job => (Some(Attr::TaskRunId), Attr::TaskRunUrl),
            Kind::Deploy => (Some(Attr::DeploymentId), Attr::DeploymentUrl),
        };
        if let Some(attr) = id {
            facts.attr(stamp, attr, Some(self.id));
        }
        facts.attr(stamp, url, given(self.body.url.as_ref()).and_then(url::web));
        let title = self.title();
        match self.kind {
            Type::Known(Kind::Issue) => facts.attr(stamp, Attr::IssueTitle, title),
            Type::Known(Kind::Sprint) => facts.attr(stamp, Attr::IssueSprint, title),
            Type::Known(Kind::PullRequest) => facts.attr(stamp, Attr::ChangeTitle, title),
            Type::Known(Kind::Build | Kind::Deploy) => facts.attr(stamp, Attr::PipelineName, title),
            Type::Known(Kind::Job) => facts.attr(stamp, Attr::TaskName, title),
            Type::Other(word) => {
                facts.attr(stamp, Attr::CustomType, Some(word));
                facts.attr(stamp, Attr::TaskName, Some(word));
            }
        }
        if let Some(key) = self.issue_key() {
            facts.attr(stamp, Attr::IssueKey, Some(key));
        }
        if let Some(Fault::Message(message)) = &self.body.error {
            facts.attr(stamp, Attr::ErrorMessage, Some(message.trim()));
        }
        let environment = given(self.body.environment.as_ref());
        facts.attr(stamp, Attr::Environment, environment);
        if self.kind() == Kind::Deploy {
            facts.attr(stamp, Attr::PipelineAction, Some("RUN"));
            facts.attr(stamp, Attr::DeploymentName, given(self.body.service.as_ref()).or(title));
            let production = environment.is_some_and(|environment| {
                ["prod", "production"].iter().any(|name| environment.eq_ignore_ascii_case(name))
            });
            // Another name may well be production's: that is for the configuration to say.
            facts.attr(stamp, Attr::ProductionEnvironment, production.then_some(true));
        }
    }

    /// What people write in branches and titles, if the id is such a one: `PROJ-12`.
    fn issue_key(&self) -> Option<String> {
        let keys = if self.kind() == Kind::Issue { mention::issue_keys(self.id) } else { Vec::new() };
        keys.into_iter().find(|key| key.eq_ignore_ascii_case(self.id))
    }

    /// The branch or tag, without what git puts before its name, and whether it is a tag.
    fn branch(&self) -> Option<(&'a str, bool)> {
        let name = given(self.body.branch.as_ref())?;
        if let Some(tag) = name.strip_prefix("refs/tags/") {
            return Some((tag, true));
        }
        let name =
            name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/remotes/")).unwrap_or(name);
        let name = name.strip_prefix("origin/").unwrap_or(name);
        let odd = name.is_empty() || name.contains(char::is_whitespace) || name.eq_ignore_ascii_case("head");
        (!odd).then_some((name, false))
    }

    fn describe_scm(&self, facts: &mut Facts, stamp: Stamp) {
        if let Some((name, tag)) = self.branch() {
            facts.attr(stamp, Attr::RefHeadName, Some(name));
            facts.attr(stamp, Attr::RefHeadType, Some(if tag { "tag" } else { "branch" }));
        }
        facts.attr(stamp, Attr::RefHeadRevision, given(self.body.commit.as_ref()));
        let Some(clone) = &self.repository else { return };
        facts.attr(stamp, Attr::RepositoryUrl, url::web(&clone.url));
        if let Some((owner, name)) = clone.owner_and_name() {
            facts.attr(stamp, Attr::OwnerName, Some(owner));
            facts.attr(stamp, Attr::RepositoryName, Some(name));
        }
        let providers = ["github", "gitlab", "bitbucket", "gitea"];
        let provider = providers.into_iter().find(|provider| clone.host.contains(provider));
        facts.attr(stamp, Attr::ProviderName, provider);
    }

    fn commit(&self) -> Option<Ref> {
        given(self.body.commit.as_ref()).and_then(Ref::commit)
    }

    /// The branch as builds and changes have it in common. Nobody owns the main one.
    fn branch_ref(&self) -> Option<Ref> {
        let (name, tag) = self.branch()?;
        let own = !tag && !matches!(name, "main" | "master");
        let clone = self.repository.as_ref().filter(|_| own)?;
        Ref::branch(&clone.host, &clone.path, name)
    }

    fn relate(&self, facts: &mut Facts, stamp: Stamp) {
        if matches!(self.kind(), Kind::Build | Kind::Job | Kind::Deploy) {
            for (relation, reference) in
                [(Relation::Commit, self.commit()), (Relation::Branch, self.branch_ref())]
            {
                if let Some(reference) = reference {
                    facts.relate(stamp, relation, vec![Target::Ref(reference)]);
                }
            }
        }
        let near = self.repository.as_ref().filter(|clone| clone.owner_and_name().is_some());
        let near = near.map(|clone| Near { source: Source::Github, host: &clone.host, project: &clone.path });
        let texts = [
            (Spot::Branch, self.branch().map(|(name, _)| name)),
            (Spot::Title, given(self.body.title.as_ref())),
            (Spot::Job, given(self.body.name.as_ref())),
        ];
        let texts: Vec<_> = texts.into_iter().filter_map(|(spot, text)| Some((spot, text?))).collect();
        let mut found = self.context.conventions.read(Source::Custom, near, &texts);
        let named = given(self.body.parent.as_ref()).map(|text| parent(text, &self.namespace));
        let mut tokens = named.unwrap_or_default();
        // An end need not repeat the parent; what its texts say must not take its place.
        let trust = if tokens.is_empty() { Trust::Near } else { stamp.trust };
        found.tokens.retain(|token| !tokens.contains(token));
        tokens.append(&mut found.tokens);
        tokens.truncate(mention::MAX_MENTIONS);
        if !tokens.is_empty() {
            facts.relate(Stamp { trust, ..stamp }, Relation::Token, tokens);
        }
        found.relate(facts, stamp);
    }

    /// What the sender calls tags, under keys that can be such.
    fn tags(&self) -> Option<BTreeMap<String, String>> {
        let mut tags = BTreeMap::new();
        for (name, value) in &self.body.tags.0 {
            let (key, value) = (tag_key(name), clipped(value.trim()));
            let room = tags.len() < MAX_TAGS || tags.contains_key(&key);
            if room && !key.is_empty() && !value.is_empty() {
                tags.insert(key, value.to_owned());
            }
        }
        (!tags.is_empty()).then_some(tags)
    }

    /// What the index of references should know: how others name it.
    fn refs(&self) -> Vec<(Ref, Pointer)> {
        let item = Pointer::Item(self.key.clone());
        let namespace = self.namespace.whole();
        let mut refs = vec![(Ref::named(&namespace, self.id), item.clone())];
        if let Type::Other(word) = self.kind {
            refs.push((Ref::named(&namespace, &format!("{word}/{}", self.id)), item.clone()));
        }
        refs.extend(self.issue_key().map(|key| (Ref::issue_key(&key), item.clone())));
        if self.kind() == Kind::PullRequest {
            let found = [self.commit(), self.branch_ref()];
            refs.extend(found.into_iter().flatten().map(|reference| (reference, item.clone())));
        }
        let project = Pointer::Project(self.key.host().to_owned(), self.key.project().to_owned());
        refs.push((Ref::project(Source::Custom, self.namespace.last()), project));
        refs
    }
}

/// A clone address, or `owner/name`, which is GitHub's where nothing else is said.
fn repository(text: &str) -> Option<CloneAddress> {
    url::clone_address(text).or_else(|| {
        let plain = !text.contains(':') && text.split('/').filter(|part| !part.is_empty()).count() == 2;
        plain.then(|| url::clone_address(&format!("https://github.com/{text}")))?
    })
}

fn tag_key(name: &str) -> String {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let key: String = name.trim().to_lowercase().chars().map(|c| if fits(c) { c } else { '_' }).collect();
    cut(&key, MAX_TAG_KEY).to_owned()
}

fn outcome(word: &str) -> Option<Outcome> {
    let plain = word.to_ascii_lowercase().replace([' ', '-'], "_");
    Some(match plain.as_str() {
        "success" | "succeeded" | "successful" | "passed" | "ok" => Outcome::Success,
        "failure" | "failed" | "fail" => Outcome::Failure,
        "error" => Outcome::Error,
        "timeout" | "timed_out" => Outcome::Timeout,
        "cancellation" | "cancelled" | "canceled" | "cancel" | "aborted" => Outcome::Cancellation,
        "skip" | "skipped" => Outcome::Skip,
        "completed" | "done" => Outcome::Completed,
        "not_planned" | "wontfix" => Outcome::NotPlanned,
        "duplicate" => Outcome::Duplicate,
        "merged" => Outcome::Merged,
        "closed" => Outcome::Closed,
        _ => return None,
    })
}

/// The outcome in the terms of its kind: a build is not merged, an issue does not succeed.
fn in_terms_of(kind: Kind, outcome: Outcome) -> Outcome {
    use Outcome::{Cancellation, Closed, Completed, Duplicate, Merged, NotPlanned, Skip, Success};
    match (kind, outcome) {
        (Kind::Issue | Kind::Sprint, Success | Merged | Closed) => Completed,
        (Kind::Issue | Kind::Sprint, Cancellation | Skip) => NotPlanned,
        (Kind::PullRequest, Success | Completed) => Merged,
        (Kind::PullRequest, Cancellation | Skip | NotPlanned | Duplicate) => Closed,
        (Kind::Build | Kind::Job | Kind::Deploy, Completed | Merged) => Success,
        (Kind::Build | Kind::Job | Kind::Deploy, NotPlanned | Duplicate | Closed) => Cancellation,
        (_, outcome) => outcome,
    }
}
