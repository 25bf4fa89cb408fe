//! `workflow_job`: a job of a workflow run, with its steps.

use serde::Deserialize;

use super::payload::{Id, Payload, Repository, Text};
use super::run::relate_head;
use super::scene::{Scene, attempt_number, clip, describe_head, link, needed, relate};
use crate::sources::telling::task_type;
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::{Attr, Value};
use crate::work::event::{Facts, Relation, Run, Step, Target, stated};
use crate::work::key::Kind;
use crate::work::lattice::{Latest, Stamp};

#[derive(Deserialize)]
pub(super) struct WorkflowJobs<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    workflow_job: WorkflowJob<'a>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct WorkflowJob<'a> {
    id: Id,
    run_id: Id,
    run_attempt: Option<Id>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    workflow_name: Option<Text<'a>>,
    html_url: Option<Text<'a>>,
    head_branch: Option<Text<'a>>,
    head_sha: Option<Text<'a>>,
    conclusion: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
    started_at: Option<Text<'a>>,
    completed_at: Option<Text<'a>>,
    steps: Option<Vec<JobStep<'a>>>,
    labels: Option<Vec<Text<'a>>>,
    runner_id: Option<Id>,
    runner_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct JobStep<'a> {
    number: Id,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    conclusion: Option<Text<'a>>,
    started_at: Option<Text<'a>>,
    completed_at: Option<Text<'a>>,
}

impl<'a> Payload<'a> for WorkflowJobs<'a> {
    const EVENT: &'static str = "workflow_job";
    const ACTIONS: &'static [&'static str] = &["queued", "waiting", "in_progress", "completed"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let job = &self.workflow_job;
        let key = scene.key(Kind::Job, &job.id.to_string())?;
        // A job has no time of its last change, and its start can lie before its creation: only
        // the action tells what came later.
        let stamp = Stamp::stated(
            None,
            match action {
                "queued" => 0,
                "waiting" => 1,
                "in_progress" => 2,
                _ => 3,
            },
        );
        let mut run = Run { queued: stated(scene.time(job.created_at.as_ref())), ..Run::default() };
        if matches!(action, "in_progress" | "completed") {
            // Before that it is a copy of the creation time.
            run.started = stated(scene.time(job.started_at.as_ref()));
        }
        if action == "completed" {
            run.ended = stated(Some(needed("workflow_job.completed_at", job.completed_at.as_ref())?));
            run.outcome = Some(Latest::new(stamp, scene.outcome(job.conclusion.as_ref())));
        }
        let mut facts = Facts::run(run);
        for step in job.steps.iter().flatten() {
            if let Ok(number) = u32::try_from(step.number.0) {
                facts.steps.insert(number, step.told(stamp, &mut scene));
            }
        }
        self.describe(&mut facts, stamp, &scene);
        self.relate(&mut facts, stamp, &scene)?;
        scene.told(key, facts)
    }
}

impl JobStep<'_> {
    fn told(&self, stamp: Stamp, scene: &mut Scene<'_, '_>) -> Step {
        let started = scene.time(self.started_at.as_ref());
        let ended = scene.time(self.completed_at.as_ref());
        let outcome = self.conclusion.as_ref().map(|given| scene.outcome(Some(given)));
        Step {
            name: self.name.as_ref().map(|name| Latest::new(stamp, clip(name))),
            run: Run {
                started: stated(started),
                // A step that goes on has no conclusion.
                ended: stated(ended.filter(|_| outcome.is_some())),
                outcome: outcome.map(|outcome| Latest::new(stamp, outcome)),
                ..Run::default()
            },
        }
    }
}

impl WorkflowJobs<'_> {
    fn describe(&self, facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) {
        let job = &self.workflow_job;
        facts.attr(stamp, Attr::TaskName, job.name.as_deref());
        facts.attr(stamp, Attr::TaskRunId, Some(job.id.to_string()));
        facts.attr(stamp, Attr::TaskRunUrl, link(job.html_url.as_ref()));
        facts.attr(stamp, Attr::TaskType, job.name.as_deref().and_then(task_type));
        facts.attr(stamp, Attr::PipelineName, job.workflow_name.as_deref());
        facts.attr(stamp, Attr::PipelineRunId, Some(job.run_id.to_string()));
        facts.attr(stamp, Attr::PipelineAttempt, i64::try_from(attempt_number(job.run_attempt)).ok());
        // 0 stands for no runner.
        let worker = job.runner_id.filter(|id| id.0 > 0);
        facts.attr(stamp, Attr::WorkerId, worker.map(|id| id.to_string()));
        facts.attr(stamp, Attr::WorkerName, job.runner_name.as_deref());
        let labels = job.labels.as_ref().map(|labels| labels.iter().take(20).map(|l| clip(l)).collect());
        facts.attr(stamp, Attr::WorkerLabels, labels.map(Value::List));
        describe_head(facts, stamp, job.head_branch.as_ref(), job.head_sha.as_ref(), None);
        scene.describe_repository(facts, stamp);
    }

    fn relate(&self, facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) -> Result<(), ParseError> {
        let job = &self.workflow_job;
        let run = scene.run_key(job.run_id, job.run_attempt)?;
        relate(facts, stamp, Relation::Run, vec![Target::Key(run)]);
        let project = Some(&*self.repository.full_name);
        relate_head(facts, stamp, scene, job.head_sha.as_ref(), project, job.head_branch.as_ref());
        Ok(())
    }
}
