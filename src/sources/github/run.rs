//! `workflow_run`, and `check_run` of other CI systems: builds.

use serde::Deserialize;

use super::merge_queue::queued_number;
use super::payload::{Id, OtherRepository, Payload, PullRequestRef, Repository, Text, User};
use super::scene::{Scene, attempt_number, describe_head, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Facts, Ref, Relation, Run, Target, instant, stated};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp, Trust};

#[derive(Deserialize)]
pub(super) struct WorkflowRuns<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    workflow_run: WorkflowRun<'a>,
    workflow: Option<Workflow<'a>>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct WorkflowRun<'a> {
    id: Id,
    run_attempt: Option<Id>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    path: Option<Text<'a>>,
    display_title: Option<Text<'a>>,
    event: Option<Text<'a>>,
    head_branch: Option<Text<'a>>,
    head_sha: Option<Text<'a>>,
    html_url: Option<Text<'a>>,
    conclusion: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
    run_started_at: Option<Text<'a>>,
    updated_at: Option<Text<'a>>,
    pull_requests: Option<Vec<PullRequestRef<'a>>>,
    /// Null if the fork was deleted.
    head_repository: Option<OtherRepository<'a>>,
    actor: Option<User<'a>>,
}

#[derive(Deserialize)]
struct Workflow<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    path: Option<Text<'a>>,
}

impl<'a> Payload<'a> for WorkflowRuns<'a> {
    const EVENT: &'static str = "workflow_run";
    const ACTIONS: &'static [&'static str] = &["requested", "in_progress", "completed"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let run = &self.workflow_run;
        let attempt = attempt_number(run.run_attempt);
        let key = scene.run_key(run.id, run.run_attempt)?;
        let completed = action == "completed";
        let step = match action {
            "requested" => 0,
            "in_progress" => 1,
            _ => 2,
        };

        // The run was created once; a later attempt has no such time of its own.
        let created = scene.time(run.created_at.as_ref()).filter(|_| attempt == 1);
        let started = match scene.time(run.run_started_at.as_ref()) {
            Some(at) => Some(Instant::stated(at)),
            None => instant(Trust::Near, created),
        };
        let updated = if completed {
            Some(needed("workflow_run.updated_at", run.updated_at.as_ref())?)
        } else {
            scene.time(run.updated_at.as_ref())
        };
        let stamp = Stamp::stated(updated, step);
        let mut life = Run { queued: stated(created), started, ..Run::default() };
        // Only the action tells that it ended: a `requested` can carry the status `completed`,
        // and a `completed` the status `queued`.
        if completed {
            life.ended = stated(updated);
            life.outcome = Some(Latest::new(stamp, scene.outcome(run.conclusion.as_ref())));
        }
        let mut facts = Facts::run(life);
        self.describe(&mut facts, stamp, attempt, &scene);
        self.relate(&mut facts, stamp, attempt, &scene)?;
        scene.told(key, facts)
    }
}

impl WorkflowRuns<'_> {
    /// The workflow's name, else its file. Never the title of the run, which differs each time.
    fn name(&self) -> Option<&str> {
        let run = &self.workflow_run;
        let workflow = self.workflow.as_ref();
        let names = [workflow.and_then(|workflow| workflow.name.as_deref()), run.name.as_deref()];
        let paths = [workflow.and_then(|workflow| workflow.path.as_deref()), run.path.as_deref()];
        let paths = paths.map(|path| path.and_then(|path| path.split('@').next()));
        names.into_iter().chain(paths).flatten().find(|name| !name.is_empty())
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp, attempt: u64, scene: &Scene<'_, '_>) {
        let run = &self.workflow_run;
        facts.attr(stamp, Attr::PipelineName, self.name());
        facts.attr(stamp, Attr::PipelineRunId, Some(run.id.to_string()));
        facts.attr(stamp, Attr::PipelineRunUrl, link(run.html_url.as_ref()));
        facts.attr(stamp, Attr::PipelineAction, Some("RUN"));
        facts.attr(stamp, Attr::PipelineTrigger, run.event.as_deref());
        facts.attr(stamp, Attr::PipelineAttempt, i64::try_from(attempt).ok());
        // For a push, a release or a manual start the head may as well be a tag.
        let kind = match run.event.as_deref() {
            Some("pull_request" | "pull_request_target" | "merge_group" | "schedule") => Some("branch"),
            Some("release") => Some("tag"),
            _ => None,
        };
        describe_head(facts, stamp, run.head_branch.as_ref(), run.head_sha.as_ref(), kind);
        facts.attr(stamp, Attr::UserName, scene.person(run.actor.as_ref()));
        scene.describe_repository(facts, stamp);
    }

    fn relate(
        &self,
        facts: &mut Facts,
        stamp: Stamp,
        attempt: u64,
        scene: &Scene<'_, '_>,
    ) -> Result<(), ParseError> {
        let run = &self.workflow_run;
        let mut named = scene.pull_requests(run.pull_requests.as_deref().unwrap_or_default())?;
        if let Some(number) = run.head_branch.as_ref().and_then(|branch| queued_number(branch)) {
            let target = Target::Key(scene.key(Kind::PullRequest, &number.to_string())?);
            if !named.contains(&target) {
                named.push(target);
            }
        }
        relate(facts, stamp, Relation::PullRequest, named);
        let head = run.head_repository.as_ref().and_then(|repository| repository.full_name.as_deref());
        // A release's run has the tag for its branch.
        let tag = run.head_branch.as_ref().filter(|_| run.event.as_deref() == Some("release"));
        let branch = run.head_branch.as_ref().filter(|_| tag.is_none());
        relate_head(facts, stamp, scene, run.head_sha.as_ref(), head, branch);
        let tag = tag.and_then(|tag| scene.tag(tag)).map(Target::Ref);
        relate(facts, stamp, Relation::Release, tag.into_iter().collect());
        let texts = [(Spot::Branch, run.head_branch.as_ref()), (Spot::Title, run.display_title.as_ref())];
        scene.found(&texts).relate(facts, stamp);
        if attempt > 1 {
            let before = scene.run_key(run.id, Some(Id(attempt - 1)))?;
            relate(facts, stamp, Relation::Follows, vec![Target::Key(before)]);
        }
        Ok(())
    }
}

/// Says which commit and branch something was built from.
pub(super) fn relate_head(
    facts: &mut Facts,
    stamp: Stamp,
    scene: &Scene<'_, '_>,
    sha: Option<&Text<'_>>,
    project: Option<&str>,
    branch: Option<&Text<'_>>,
) {
    let commit = sha.and_then(|sha| Ref::commit(sha));
    relate(facts, stamp, Relation::Commit, commit.map(Target::Ref).into_iter().collect());
    let branch = project.zip(branch).and_then(|(project, branch)| scene.branch(project, branch));
    relate(facts, stamp, Relation::Branch, branch.map(Target::Ref).into_iter().collect());
}

#[derive(Deserialize)]
pub(super) struct CheckRuns<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    check_run: CheckRun<'a>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct CheckRun<'a> {
    id: Id,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    html_url: Option<Text<'a>>,
    head_sha: Option<Text<'a>>,
    status: Option<Text<'a>>,
    conclusion: Option<Text<'a>>,
    started_at: Option<Text<'a>>,
    completed_at: Option<Text<'a>>,
    pull_requests: Option<Vec<PullRequestRef<'a>>>,
    check_suite: Option<CheckSuite<'a>>,
    app: Option<App<'a>>,
}

#[derive(Deserialize)]
struct CheckSuite<'a> {
    #[serde(borrow)]
    head_branch: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct App<'a> {
    #[serde(borrow)]
    slug: Option<Text<'a>>,
    name: Option<Text<'a>>,
}

impl<'a> Payload<'a> for CheckRuns<'a> {
    const EVENT: &'static str = "check_run";
    const ACTIONS: &'static [&'static str] = &["created", "completed"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let check = &self.check_run;
        let slug = check.app.as_ref().and_then(|app| app.slug.as_deref());
        if slug == Some("github-actions") {
            return Ok(Parsed::ignored("check_run of GitHub Actions repeats workflow_job"));
        }
        let mut scene = Scene::new(&self.repository, context);
        let key = scene.key(Kind::Build, &format!("check-{}", check.id))?;
        // A check can be created when it is already over.
        let ended = if action == "completed" {
            Some(needed("check_run.completed_at", check.completed_at.as_ref())?)
        } else {
            let over = check.status.as_deref() == Some("completed") && check.conclusion.is_some();
            scene.time(check.completed_at.as_ref()).filter(|_| over)
        };
        let began = scene.time(check.started_at.as_ref());
        // An app may run a check again under its id: the later end has the last word.
        let stamp = Stamp::stated(ended, u8::from(ended.is_some()));
        let mut run = Run::default();
        if check.status.as_deref() == Some("queued") && ended.is_none() {
            // GitHub gives a queued check the time of its creation as its start.
            run.queued = stated(began);
        } else {
            run.started = stated(began);
        }
        if ended.is_some() {
            run.ended = stated(ended);
            run.outcome = Some(Latest::new(stamp, scene.outcome(check.conclusion.as_ref())));
        }
        let mut facts = Facts::run(run);
        facts.attr(stamp, Attr::PipelineName, check.name.as_deref());
        facts.attr(stamp, Attr::PipelineRunId, Some(check.id.to_string()));
        facts.attr(stamp, Attr::PipelineRunUrl, link(check.html_url.as_ref()));
        facts.attr(stamp, Attr::PipelineAction, Some("BUILD"));
        let app = check.app.as_ref().and_then(|app| app.name.as_deref()).or(slug);
        facts.attr(stamp, Attr::PipelineTrigger, app);
        let branch = check.check_suite.as_ref().and_then(|suite| suite.head_branch.as_ref());
        describe_head(&mut facts, stamp, branch, check.head_sha.as_ref(), Some("branch"));
        scene.describe_repository(&mut facts, stamp);

        let named = scene.pull_requests(check.pull_requests.as_deref().unwrap_or_default())?;
        relate(&mut facts, stamp, Relation::PullRequest, named);
        let project = Some(&*self.repository.full_name);
        relate_head(&mut facts, stamp, &scene, check.head_sha.as_ref(), project, branch);
        scene.found(&[(Spot::Branch, branch)]).relate(&mut facts, stamp);
        scene.told(key, facts)
    }
}
