//! What either plugin tells of a build, in one shape, and what follows from it: whether it is a
//! deploy, which pull request it belongs to, and what describes it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::Scm;
use super::notification::TestSummary;
use super::place::Place;
use super::statistics::Slave;
use crate::sources::json::{Free, Id, Number};
use crate::sources::url::{self, CloneAddress};
use crate::sources::{Context, ParseError};
use crate::work::attr::{Attr, Value, clipped};
use crate::work::convention::{Found, Spot};
use crate::work::event::{Event, Facts, Flaw, Outcome, Ref, Relation, Run, Said, Target};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{Latest, Stamp, Trust};
use crate::work::mention::{self, Near};
use crate::work::tags::DEPLOY_FLAGS;

/// The name of a multibranch project's job for a pull request.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static PULL_REQUEST_JOB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^PR-([0-9]{1,10})(?:-merge|-head)?$").expect("the pattern of pull request jobs is valid")
});

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
        let clone = self.scm.url.as_deref().and_then(url::clone_address);
        let mut facts = Facts::run(self.run.clone());
        self.describe(&mut facts, stamp, key.kind(), context);
        self.describe_scm(&mut facts, scm_stamp, clone.as_ref());
        if key.kind() == Kind::Deploy {
            self.describe_deploy(&mut facts, stamp);
        }
        let kept = |name: &str| {
            let flag = || DEPLOY_FLAGS.iter().any(|flag| name.eq_ignore_ascii_case(flag));
            context.tagger.key_of(name).is_some() || (key.kind() == Kind::Deploy && flag())
        };
        let marks = self.parameters.texts().filter(|(name, _)| kept(name));
        let marks: BTreeMap<_, _> =
            marks.map(|(name, value)| (name.to_owned(), clipped(value).to_owned())).collect();
        if !marks.is_empty() {
            facts.marks.parameters = Some(Latest::new(stamp, marks));
        }
        self.relate(&mut facts, stamp, scm_stamp, clone.as_ref(), context);
        let mut flaws = self.flaws;
        flaws.sort_unstable();
        flaws.dedup();
        Said { events: vec![Event { key, facts }], refs: Vec::new(), flaws }
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
            Some(parent) if PULL_REQUEST_JOB.is_match(name) || of_branch().is_some() => parent,
            _ => &self.place.project,
        }
    }

    fn describe_scm(&self, facts: &mut Facts, stamp: Stamp, clone: Option<&CloneAddress>) {
        let source = self.parameters.get("ghprbSourceBranch");
        let branch = source.or_else(|| self.scm.branch.as_deref().and_then(branch_name));
        facts.attr(stamp, Attr::RefHeadName, branch);
        if branch.is_some() {
            facts.attr(stamp, Attr::RefHeadType, Some("branch"));
        }
        let commit = self.parameters.get("ghprbActualCommit").or(self.scm.commit.as_deref());
        facts.attr(stamp, Attr::RefHeadRevision, commit);
        facts.attr(stamp, Attr::RefBaseName, self.parameters.get("ghprbTargetBranch"));
        let Some(clone) = clone else { return };
        facts.attr(stamp, Attr::RepositoryUrl, Some(clone.url.as_str()));
        if let Some((owner, name)) = clone.owner_and_name() {
            facts.attr(stamp, Attr::OwnerName, Some(owner));
            facts.attr(stamp, Attr::RepositoryName, Some(name));
        }
        let providers = ["github", "gitlab", "bitbucket", "gitea"];
        let provider = providers.into_iter().find(|provider| clone.host.contains(provider));
        facts.attr(stamp, Attr::ProviderName, provider);
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
        clone: Option<&CloneAddress>,
        context: &Context<'_>,
    ) {
        let mut say = |stamp, relation, targets: Vec<Target>| {
            if !targets.is_empty() {
                facts.relate(stamp, relation, targets);
            }
        };
        let pull_request = self.named_pull_request(clone).or_else(|| self.hinted_pull_request(clone));
        say(stamp, Relation::PullRequest, pull_request.into_iter().collect());

        let commits = [self.parameters.get("ghprbActualCommit"), self.scm.commit.as_deref()];
        let mut commits: Vec<Target> =
            commits.into_iter().flatten().filter_map(Ref::commit).map(Target::Ref).collect();
        commits.dedup();
        say(scm_stamp, Relation::Commit, commits);

        let branch = self.scm.branch.as_deref().and_then(branch_name);
        let own = branch.filter(|branch| !matches!(*branch, "main" | "master"));
        let reference =
            clone.zip(own).and_then(|(clone, branch)| Ref::branch(&clone.host, &clone.path, branch));
        say(scm_stamp, Relation::Branch, reference.map(Target::Ref).into_iter().collect());

        self.found(branch, clone, context).relate(facts, stamp);
    }

    /// The pull request that the GitHub Pull Request Builder says it builds.
    fn named_pull_request(&self, clone: Option<&CloneAddress>) -> Option<Target> {
        let link = self.parameter("ghprbPullLink").and_then(url::split).and_then(|address| {
            let mut parts = address.path.trim_matches('/').split('/');
            let (owner, name, pull, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            (pull == "pull").then(|| pull_request(&address.host, &format!("{owner}/{name}"), number))?
        });
        let parts = || {
            let host = clone.map_or("github.com", |clone| &clone.host);
            pull_request(host, self.parameter("ghprbGhRepository")?, self.parameter("ghprbPullId")?)
        };
        link.or_else(parts).map(Target::Key)
    }

    /// The pull request that a multibranch job is named after. Its number is certain, the
    /// repository is not: a hint, which binds only to a pull request that was seen.
    fn hinted_pull_request(&self, clone: Option<&CloneAddress>) -> Option<Target> {
        let (parent, name) = self.place.parent_and_name();
        let number = PULL_REQUEST_JOB.captures(name)?.get(1)?.as_str();
        let key = match clone {
            Some(clone) if clone.owner_and_name().is_some() => pull_request(&clone.host, &clone.path, number),
            Some(_) => None,
            // Pipelines do not say what they check out, but an organisation's folders are named
            // after owner and repository.
            None => {
                let mut folders = parent?.rsplit('/');
                let (repository, owner) = (folders.next()?, folders.next()?);
                pull_request("github.com", &format!("{owner}/{repository}"), number)
            }
        };
        key.map(Target::Hint)
    }

    /// What its names and parameters say that it belongs to.
    fn found(&self, branch: Option<&str>, clone: Option<&CloneAddress>, context: &Context<'_>) -> Found {
        let (_, job) = self.place.parent_and_name();
        let mut texts: Vec<(Spot<'_>, &str)> = Vec::new();
        let branches = [branch, self.parameter("ghprbSourceBranch")];
        texts.extend(branches.into_iter().flatten().map(|branch| (Spot::Branch, branch)));
        texts.push((Spot::Job, job));
        texts.extend(self.parameters.texts().map(|(name, value)| (Spot::Parameter(name), value)));
        let near = clone.filter(|clone| clone.owner_and_name().is_some());
        let near = near.map(|clone| Near { source: Source::Github, host: &clone.host, project: &clone.path });
        let mut found = context.conventions.read(Source::Jenkins, near, &texts);
        // What was said on purpose comes first.
        let names = ["vstrace-trace-id", "vstrace_trace_id"].into_iter();
        let mut tokens: Vec<Target> =
            names.filter_map(|name| self.parameter(name)).flat_map(mention::trace_parameter).collect();
        tokens.append(&mut found.tokens);
        let mut seen = Vec::with_capacity(tokens.len());
        tokens.retain(|target| {
            let new = !seen.contains(target);
            if new {
                seen.push(target.clone());
            }
            new
        });
        tokens.truncate(mention::MAX_MENTIONS);
        Found { tokens, ..found }
    }
}

fn pull_request(host: &str, project: &str, number: &str) -> Option<Key> {
    let number: u64 = number.parse().ok()?;
    let plain = project.split('/').count() == 2 && project.split('/').all(|part| !part.is_empty());
    Key::new(Source::Github, host, project, Kind::PullRequest, &number.to_string()).ok().filter(|_| plain)
}

/// A branch's own name; `None` for what is not a branch, such as a detached head or a pull
/// request's ref.
fn branch_name(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("refs/heads/").unwrap_or(text);
    let text = text.strip_prefix("refs/").unwrap_or(text);
    let text = text.strip_prefix("remotes/").unwrap_or(text);
    let text = text.strip_prefix("origin/").or_else(|| text.strip_prefix("*/")).unwrap_or(text);
    let pull = ["pr/", "pull/", "pull-requests/", "merge-requests/", "tags/"];
    let other = text.is_empty()
        || text.contains(char::is_whitespace)
        || text.contains('*')
        || text.eq_ignore_ascii_case("detached")
        || text.eq_ignore_ascii_case("head")
        || PULL_REQUEST_JOB.is_match(text)
        || pull.iter().any(|prefix| text.starts_with(prefix));
    (!other).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_known_by_its_own_name() {
        for (text, name) in [
            ("origin/feature/x", Some("feature/x")),
            ("refs/heads/x", Some("x")),
            ("refs/remotes/origin/x", Some("x")),
            ("x", Some("x")),
            ("origin/pr/12/merge", None),
            ("refs/pull/12/head", None),
            ("PR-12-merge", None),
            ("detached", None),
            ("HEAD", None),
            ("*/main", Some("main")),
            ("**", None),
            ("", None),
        ] {
            assert_eq!(branch_name(text), name, "{text}");
        }
    }
}
