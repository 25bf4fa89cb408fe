//! `Job Hook`, and the jobs that a pipeline's hook lists: both say the same of a job.

use serde::Deserialize;

use super::head::Head;
use super::payload::{Free, Id, Payload, Project, Repository, Text, micros};
use super::scene::{Scene, clip, relate};
use super::status::State;
use crate::sources::telling::task_type;
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::{Attr, Value};
use crate::work::convention::Spot;
use crate::work::event::{Event, Facts, Outcome, Relation, Run, Target, instant, stated};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::time::Time;

/// How many of a runner's tags are kept.
const MAX_TAGS: usize = 20;

#[derive(Deserialize)]
pub(super) struct Jobs<'a> {
    build_id: Id,
    pipeline_id: Option<Id>,
    #[serde(borrow)]
    build_name: Option<Text<'a>>,
    build_stage: Option<Text<'a>>,
    build_status: Text<'a>,
    build_created_at: Option<Text<'a>>,
    build_started_at: Option<Text<'a>>,
    build_finished_at: Option<Text<'a>>,
    build_duration: Option<f64>,
    build_queued_duration: Option<f64>,
    build_failure_reason: Option<Text<'a>>,
    runner: Option<Runner<'a>>,
    #[serde(default)]
    environment: Free<'a>,
    #[serde(rename = "ref")]
    name: Option<Text<'a>>,
    tag: Option<bool>,
    sha: Option<Text<'a>>,
    project: Option<Project<'a>>,
    repository: Option<Repository<'a>>,
}

/// Who carries jobs out.
#[derive(Deserialize)]
pub(super) struct Runner<'a> {
    id: Option<Id>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    tags: Option<Vec<Text<'a>>>,
}

/// A job, however it was said.
pub(super) struct Job<'a> {
    pub(super) id: Id,
    pub(super) pipeline: Option<Id>,
    pub(super) name: Option<&'a Text<'a>>,
    pub(super) stage: Option<&'a Text<'a>>,
    pub(super) status: &'a Text<'a>,
    pub(super) created_at: Option<&'a Text<'a>>,
    pub(super) started_at: Option<&'a Text<'a>>,
    pub(super) finished_at: Option<&'a Text<'a>>,
    pub(super) duration: Option<f64>,
    pub(super) queued_duration: Option<f64>,
    pub(super) failure_reason: Option<&'a Text<'a>>,
    pub(super) runner: Option<&'a Runner<'a>>,
    pub(super) environment: &'a Free<'a>,
}

impl<'a> Payload<'a> for Jobs<'a> {
    const NAME: &'static str = "jobs";

    fn said(
        &self,
        _: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(self.project.as_ref(), self.repository.as_ref(), None, instance, context)?;
        let job = Job {
            id: self.build_id,
            pipeline: self.pipeline_id,
            name: self.build_name.as_ref(),
            stage: self.build_stage.as_ref(),
            status: &self.build_status,
            created_at: self.build_created_at.as_ref(),
            started_at: self.build_started_at.as_ref(),
            finished_at: self.build_finished_at.as_ref(),
            duration: self.build_duration,
            queued_duration: self.build_queued_duration,
            failure_reason: self.build_failure_reason.as_ref(),
            runner: self.runner.as_ref(),
            environment: &self.environment,
        };
        let head = Head {
            sha: self.sha.as_ref(),
            name: self.name.as_ref(),
            tag: self.tag == Some(true),
            own: true,
            merge_request: None,
        };
        let state = State::of(job.status, job.finished_at, &mut scene);
        let finished = scene.time(job.finished_at);
        if state.outcome().is_some() && finished.is_none() && !state.may_lack_times() {
            return Err(match job.finished_at {
                None => ParseError::missing("build_finished_at"),
                Some(_) => ParseError::time("build_finished_at"),
            });
        }
        let event = job.told(state, None, &head, &mut scene)?;
        scene.told(event.key, event.facts)
    }
}

impl Job<'_> {
    /// What is said of the job. `otherwise` is when it ended at the latest, for an end that has no
    /// time of its own.
    pub(super) fn told(
        &self,
        state: State,
        otherwise: Option<Time>,
        head: &Head<'_>,
        scene: &mut Scene<'_, '_>,
    ) -> Result<Event, ParseError> {
        let key = scene.key(Kind::Job, &self.id.to_string())?;
        let created = scene.time(self.created_at);
        let started = scene.time(self.started_at);
        let finished = scene.time(self.finished_at).filter(|_| state.outcome().is_some());
        let stamp = state.stamp(finished);

        let asked_for = state != State::Asleep || started.is_some();
        let mut run = Run {
            queued: queued(created, started, self.queued_duration).filter(|_| asked_for),
            started: stated(started),
            ..Run::default()
        };
        if let Some(outcome) = state.outcome() {
            let ended = match finished {
                Some(at) => Some(Instant::stated(at)),
                // It never ran: it ended where it began, unless it is woken up after all.
                None if state.may_lack_times() => instant(Trust::Near, started.or(created)),
                None => instant(Trust::Near, otherwise),
            };
            if let Some(ended) = ended {
                run.ended = Some(ended);
                let stamp = Stamp { trust: ended.trust, ..stamp };
                run.outcome = Some(Latest::new(stamp, outcome));
                run.duration = micros(self.duration).map(|duration| Latest::new(stamp, duration));
            }
        }
        let mut facts = Facts::run(run);
        self.describe(&mut facts, stamp, state, scene);
        head.describe(&mut facts, stamp);
        if let Some(pipeline) = self.pipeline {
            facts.attr(stamp, Attr::PipelineRunId, Some(pipeline.to_string()));
            let pipeline = scene.key(Kind::Build, &pipeline.to_string())?;
            relate(&mut facts, stamp, Relation::Run, vec![Target::Key(pipeline)]);
        }
        head.relate(&mut facts, stamp, scene);
        scene.found(&[(Spot::Job, self.name)]).relate(&mut facts, stamp);
        Ok(Event { key, facts })
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp, state: State, scene: &Scene<'_, '_>) {
        facts.attr(stamp, Attr::TaskName, self.name.map(|name| &**name));
        facts.attr(stamp, Attr::TaskRunId, Some(self.id.to_string()));
        facts.attr(stamp, Attr::TaskRunUrl, scene.page(format_args!("jobs/{}", self.id)));
        facts.attr(stamp, Attr::PipelineName, Some(scene.name()));
        let (environment, tier) = environment(self.environment);
        facts.attr(stamp, Attr::Environment, environment);
        facts.attr(stamp, Attr::ProductionEnvironment, tier.map(is_production));
        let words = [self.name, self.stage].into_iter().flatten();
        let named = || words.into_iter().find_map(|text| task_type(text));
        // A job with an environment deploys there, or stops what was deployed.
        facts.attr(stamp, Attr::TaskType, environment.map(|_| "deploy").or_else(named));
        if state == State::Ended(Outcome::Failure) {
            facts.attr(stamp, Attr::ErrorMessage, self.failure_reason.map(|reason| &**reason));
        }
        if let Some(runner) = self.runner {
            facts.attr(stamp, Attr::WorkerId, runner.id.map(|id| id.to_string()));
            facts.attr(stamp, Attr::WorkerName, runner.description.as_deref());
            let tags = runner.tags.as_ref().map(|tags| tags.iter().take(MAX_TAGS).map(|t| clip(t)).collect());
            facts.attr(stamp, Attr::WorkerLabels, tags.map(Value::List));
        }
        scene.describe_repository(facts, stamp);
    }
}

/// When a job began to wait for a runner. It is created with its pipeline and first waits for the
/// jobs before it; that is no queue, and `queued_duration` leaves it out.
fn queued(created: Option<Time>, started: Option<Time>, waited: Option<f64>) -> Option<Instant> {
    match (started, micros(waited)) {
        (Some(started), Some(waited)) => {
            let at = started.plus(-waited);
            Some(Instant { trust: Trust::Derived, at: created.map_or(at, |created| at.max(created)) })
        }
        _ => instant(Trust::Near, created),
    }
}

/// The name and the tier of an environment, which is a map, or in old versions a name.
fn environment<'a>(environment: &'a Free<'_>) -> (Option<&'a str>, Option<&'a str>) {
    let name = match environment {
        Free::Text(name) => Some(&**name),
        other => other.get("name"),
    };
    (name.filter(|name| !name.is_empty()), environment.get("deployment_tier"))
}

/// Whether an environment's tier says that it is production.
pub(super) fn is_production(tier: &str) -> bool {
    tier.eq_ignore_ascii_case("production")
}
