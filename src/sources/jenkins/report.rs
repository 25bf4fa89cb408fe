//! What either plugin tells of a build, in one shape, and what follows from it: whether it is a
//! deploy, which pull request it belongs to, and what describes it.

use super::Scm;
use super::checkout::{Checkout, Repository, branch_name, is_change_job};
use super::notification::TestSummary;
use super::place::Place;
use super::statistics::Slave;
use crate::sources::json::{Free, Id, Number};
use crate::sources::url;
use crate::sources::{Context, ParseError, telling};
use crate::work::attr::{Attr, Value, clipped};
use crate::work::convention::{Found, Spot};
use crate::work::event::{Event, Facts, Flaw, Outcome, Pointer, Ref, Relation, Run, Said, Target};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{Latest, Stamp, Trust};
use crate::work::mention;

/// Parameters that name, as a whole key or by token, what the build belongs to.
const TRACE_PARAMETERS: [&str; 4] =
    ["vstrace-trace-id", "vstrace_trace_id", "upstream_build", "upstream-build"];

/// How far a build has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    Started,
    Completed,
    Finalized,
}

impl Stage {
    /// What orders the statements about a build: messages have no time of their own.
    pub(super) fn step(self) -> u8 {
        match self {
            Stage::Queued => 0,
            Stage::Started => 1,
            Stage::Completed => 2,
            Stage::Finalized => 3,
        }
    }

    fn ended(self) -> bool {
        matches!(self, Stage::Completed | Stage::Finalized)
    }
}

/// How a build ended.
pub(super) fn outcome(status: Option<&str>, flaws: &mut Vec<Flaw>) -> Outcome {
    match status.map(str::to_ascii_uppercase).as_deref() {
        Some("SUCCESS") => Outcome::Success,
        Some("UNSTABLE" | "FAILURE") => Outcome::Failure,
        Some("ABORTED") => Outcome::Cancellation,
        Some("NOT_BUILT") => Outcome::Skip,
        Some(_) => {
            flaws.push(Flaw::UnknownOutcome);
            Outcome::Unknown
        }
        None => {
            flaws.push(Flaw::MissingOutcome);
            Outcome::Unknown
        }
    }
}

/// What a message tells of a build.
pub(super) struct Report<'a> {
    pub(super) place: Place,
    pub(super) number: Id,
    pub(super) stage: Stage,
    pub(super) run: Run,
    /// The job's names as the plugin has them: short, and full or displayed.
    pub(super) names: [Option<&'a str>; 2],
    /// The build's address.
    pub(super) address: Option<String>,
    pub(super) scm: &'a Scm<'a>,
    pub(super) parameters: &'a Free<'a>,
    pub(super) tests: Option<&'a TestSummary>,
    pub(super) worker: Option<&'a Slave<'a>>,
    pub(super) trigger: Option<&'static str>,
    pub(super) user: Option<&'a str>,
    pub(super) flaws: Vec<Flaw>,
}

impl Report<'_> {
    pub(super) fn key(&self, context: &Context<'_>) -> Result<Key, ParseError> {
        let kind = if self.deploys(context) { Kind::Deploy } else { Kind::Build };
        let Place { host, project } = &self.place;
        Key::new(Source::Jenkins, host, project, kind, &self.number.to_string())
            .map_err(|error| ParseError::field("build.full_url", error.to_string()))
    }

    fn deploys(&self, context: &Context<'_>) -> bool {
        let (_, last) = self.place.parent_and_name();
        let names = self.names.into_iter().flatten().chain([last, &self.place.project]);
        self.parameters.get("type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("deploy"))
            || names.into_iter().any(|name| name.starts_with("deploy:"))
            || context.jenkins.deploy_jobs.iter().any(|glob| glob.is_match(&self.place.project))
    }

    /// All that follows from the message.
    pub(super) fn said(self, key: Key, context: &Context<'_>) -> Said {
        let stamp = Stamp::stated(None, self.stage.step());
        // When a build starts, what was checked out can still be the build before's.
        let scm_stamp = if self.stage.ended() { stamp } else { Stamp { trust: Trust::Near, ..stamp } };
        let checkout = Checkout::new(self.scm, self.parameters, key.kind() == Kind::Deploy);
        let mut facts = Facts::run(self.run.clone());
        self.describe(&mut facts, stamp, key.kind(), context);
        describe_checkout(&mut facts, stamp, scm_stamp, &checkout);
        if key.kind() == Kind::Deploy {
            self.describe_deploy(&mut facts, stamp);
        }
        let kept = telling::parameters(context, key.kind(), self.parameters.texts());
        facts.marks.parameters = kept.map(|kept| Latest::new(stamp, kept));
        self.relate(&mut facts, stamp, scm_stamp, &checkout, context);
        let refs = self.refs();
        let mut flaws = self.flaws;
        flaws.sort_unstable();
        flaws.dedup();
        Said { events: vec![Event { key, facts }], refs, flaws }
    }

    /// Where the job is, for tokens, which know only its short name; of a job that deploys as well
    /// the name that it is called by, `deploy:api`.
    fn refs(&self) -> Vec<(Ref, Pointer)> {
        let (_, job) = self.place.parent_and_name();
        let deploys = self.names.into_iter().flatten().filter_map(|name| {
            let of_deploy = name.rsplit('/').next()?.strip_prefix("deploy:")?.trim();
            Some(format!("deploy:{of_deploy}"))
        });
        let Place { host, project } = &self.place;
        let pointer = Pointer::Project(host.clone(), project.clone());
        let mut refs: Vec<(Ref, Pointer)> = Vec::new();
        for name in [job.to_owned()].into_iter().chain(deploys) {
            let reference = Ref::project(Source::Jenkins, &name);
            if !refs.iter().any(|(known, _)| *known == reference) {
                refs.push((reference, pointer.clone()));
            }
        }
        refs
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp, kind: Kind, context: &Context<'_>) {
        facts.attr(stamp, Attr::PipelineName, Some(self.pipeline()));
        facts.attr(stamp, Attr::PipelineRunId, Some(self.number.to_string()));
        facts.attr(stamp, Attr::PipelineRunUrl, self.address.as_deref().and_then(url::web));
        facts.attr(stamp, Attr::PipelineAction, Some(if kind == Kind::Deploy { "RUN" } else { "BUILD" }));
        facts.attr(stamp, Attr::PipelineTrigger, self.trigger);
        if let Some(tests) = self.tests {
            let count = |n: Option<Number>| n.map(|n| n.0);
            facts.attr(stamp, Attr::TestsTotal, count(tests.total));
            facts.attr(stamp, Attr::TestsFailed, count(tests.failed));
            facts.attr(stamp, Attr::TestsSkipped, count(tests.skipped));
        }
        if let Some(worker) = self.worker {
            facts.attr(stamp, Attr::WorkerName, worker.name.as_deref());
            let labels = worker.label.as_deref().unwrap_or_default().split_whitespace();
            let labels = labels.take(20).map(|label| clipped(label).to_owned()).collect();
            facts.attr(stamp, Attr::WorkerLabels, Some(Value::List(labels)));
        }
        facts.attr(stamp, Attr::UserName, self.user.filter(|_| context.people));
    }

    /// The pipeline's name: the job's path, but for a job of a multibranch project the project's,
    /// so that not every pull request is a pipeline of its own.
    fn pipeline(&self) -> &str {
        let (parent, name) = self.place.parent_and_name();
        let of_branch = || {
            let branch = self.scm.branch.as_deref().and_then(branch_name)?;
            (branch.replace('/', "%2F") == name).then_some(())
        };
        match parent {
            Some(parent) if is_change_job(name) || of_branch().is_some() => parent,
            _ => &self.place.project,
        }
    }

    fn describe_deploy(&self, facts: &mut Facts, stamp: Stamp) {
        let environment = ["environment", "env"].into_iter().find_map(|name| self.parameter(name));
        facts.attr(stamp, Attr::Environment, environment);
        let production = environment.is_some_and(|environment| {
            ["prod", "production"].iter().any(|name| environment.eq_ignore_ascii_case(name))
        });
        // Another name may well be production's: that is for the configuration to say.
        facts.attr(stamp, Attr::ProductionEnvironment, production.then_some(true));
        let job = self.pipeline();
        let job = job.rsplit('/').next().unwrap_or(job);
        let job = job.strip_prefix("deploy:").map(str::trim).filter(|rest| !rest.is_empty()).unwrap_or(job);
        let service = ["service", "app"].into_iter().find_map(|name| self.parameter(name));
        facts.attr(stamp, Attr::DeploymentName, Some(service.unwrap_or(job)));
        facts.attr(stamp, Attr::DeploymentId, Some(self.number.to_string()));
        facts.attr(stamp, Attr::DeploymentUrl, self.address.as_deref().and_then(url::web));
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    fn relate(
        &self,
        facts: &mut Facts,
        stamp: Stamp,
        scm_stamp: Stamp,
        checkout: &Checkout<'_>,
        context: &Context<'_>,
    ) {
        let mut say = |by_checkout: bool, relation, targets: Vec<Target>| {
            if !targets.is_empty() {
                facts.relate(if by_checkout { scm_stamp } else { stamp }, relation, targets);
            }
        };
        let (parent, job) = self.place.parent_and_name();
        let change = checkout.named_change().or_else(|| checkout.hinted_change(parent, job));
        say(false, Relation::PullRequest, change.into_iter().collect());
        let (commits, by_checkout) = checkout.commits();
        say(by_checkout, Relation::Commit, commits);
        if let Some((branch, by_checkout)) = checkout.branch() {
            say(by_checkout, Relation::Branch, vec![branch]);
        }
        say(false, Relation::Release, checkout.release().into_iter().collect());
        self.found(checkout, context).relate(facts, stamp);
    }

    /// What its names and parameters say that it belongs to.
    fn found(&self, checkout: &Checkout<'_>, context: &Context<'_>) -> Found {
        let (_, job) = self.place.parent_and_name();
        let mut texts: Vec<(Spot<'_>, &str)> = Vec::new();
        let branches = [checkout.own_branch(), checkout.source_branch(), checkout.named_branch()];
        texts.extend(branches.into_iter().flatten().map(|branch| (Spot::Branch, branch)));
        texts.push((Spot::Job, job));
        texts.extend(self.parameters.texts().map(|(name, value)| (Spot::Parameter(name), value)));
        let near = checkout.repository().and_then(Repository::near);
        let names = TRACE_PARAMETERS.into_iter();
        let on_purpose = names.filter_map(|name| self.parameter(name)).flat_map(mention::trace_parameter);
        context.conventions.read(Source::Jenkins, near, &texts).after(on_purpose)
    }
}

/// What describes the build of its repository, branch and commit. What only the checkout knows is
/// believed as far as the checkout.
fn describe_checkout(facts: &mut Facts, stamp: Stamp, scm_stamp: Stamp, checkout: &Checkout<'_>) {
    let by = |by_checkout: bool| if by_checkout { scm_stamp } else { stamp };
    if let Some((branch, by_checkout)) = checkout.head() {
        facts.attr(by(by_checkout), Attr::RefHeadName, Some(branch));
        facts.attr(by(by_checkout), Attr::RefHeadType, Some("branch"));
    }
    if let Some((commit, by_checkout)) = checkout.revision() {
        facts.attr(by(by_checkout), Attr::RefHeadRevision, Some(commit));
    }
    facts.attr(stamp, Attr::RefBaseName, checkout.target_branch());
    facts.attr(stamp, Attr::ReleaseName, checkout.release_name());
    let Some(repository) = checkout.repository() else { return };
    facts.attr(scm_stamp, Attr::RepositoryUrl, Some(repository.address.url.as_str()));
    if let Some((owner, name)) = repository.owner_and_name() {
        facts.attr(scm_stamp, Attr::OwnerName, Some(owner));
        facts.attr(scm_stamp, Attr::RepositoryName, Some(name));
    }
    facts.attr(scm_stamp, Attr::ProviderName, repository.provider());
}
