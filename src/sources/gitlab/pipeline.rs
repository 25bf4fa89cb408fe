//! `Pipeline Hook`: a pipeline is a build; its jobs are told of with it.

use serde::Deserialize;

use super::head::Head;
use super::job::{Job, Runner};
use super::payload::{Commit, Free, Id, Payload, Project, Text, User, micros};
use super::scene::{Scene, link, relate};
use super::status::State;
use crate::sources::{Context, ParseError, Parsed, url};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Event, Facts, Relation, Run, Target, instant, stated};
use crate::work::key::{Key, Kind};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::time::Time;

/// How many jobs of a pipeline are looked at.
const MAX_JOBS: usize = 256;

#[derive(Deserialize)]
pub(super) struct Pipelines<'a> {
    #[serde(borrow)]
    object_attributes: Pipeline<'a>,
    project: Option<Project<'a>>,
    user: Option<User<'a>>,
    commit: Option<Commit<'a>>,
    merge_request: Option<MergeRequestRef<'a>>,
    source_pipeline: Option<SourcePipeline<'a>>,
    builds: Option<Vec<Build<'a>>>,
}

#[derive(Deserialize)]
struct Pipeline<'a> {
    id: Id,
    #[serde(borrow, rename = "ref")]
    name: Option<Text<'a>>,
    tag: Option<bool>,
    sha: Option<Text<'a>>,
    source: Option<Text<'a>>,
    status: Text<'a>,
    created_at: Option<Text<'a>>,
    finished_at: Option<Text<'a>>,
    duration: Option<f64>,
    queued_duration: Option<f64>,
    url: Option<Text<'a>>,
}

/// The merge request that a pipeline runs for.
#[derive(Deserialize)]
struct MergeRequestRef<'a> {
    iid: Id,
    source_project_id: Option<Id>,
    target_project_id: Option<Id>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// The pipeline that started this one.
#[derive(Deserialize)]
struct SourcePipeline<'a> {
    pipeline_id: Option<Id>,
    #[serde(borrow)]
    project: Option<Project<'a>>,
}

/// A job of the pipeline.
#[derive(Deserialize)]
struct Build<'a> {
    id: Id,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    stage: Option<Text<'a>>,
    status: Text<'a>,
    created_at: Option<Text<'a>>,
    started_at: Option<Text<'a>>,
    finished_at: Option<Text<'a>>,
    duration: Option<f64>,
    queued_duration: Option<f64>,
    failure_reason: Option<Text<'a>>,
    runner: Option<Runner<'a>>,
    #[serde(default)]
    environment: Free<'a>,
}

impl<'a> Payload<'a> for Pipelines<'a> {
    const NAME: &'static str = "pipelines";

    fn said(
        &self,
        _: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let pipeline = &self.object_attributes;
        let url = pipeline.url.as_ref().or(self.commit.as_ref().and_then(|commit| commit.url.as_ref()));
        let mut scene = Scene::new(self.project.as_ref(), None, url, instance, context)?;
        let key = scene.key(Kind::Build, &pipeline.id.to_string())?;
        let state = State::of(&pipeline.status, pipeline.finished_at.as_ref(), &mut scene);
        let ended = self.ended(state, &mut scene)?;
        let stamp = state.stamp(ended.map(|ended| ended.at));

        let mut run = self.begun(&mut scene);
        if let Some(outcome) = state.outcome() {
            run.ended = ended;
            let stamp = Stamp { trust: ended.map_or(Trust::Near, |ended| ended.trust), ..stamp };
            run.outcome = Some(Latest::new(stamp, outcome));
            run.duration = micros(pipeline.duration).map(|duration| Latest::new(stamp, duration));
        }
        let head = self.head(&scene)?;
        let mut facts = Facts::run(run);
        facts.attr(stamp, Attr::PipelineName, Some(scene.name()));
        facts.attr(stamp, Attr::PipelineRunId, Some(pipeline.id.to_string()));
        let page = || scene.page(format_args!("pipelines/{}", pipeline.id));
        let address = link(pipeline.url.as_ref()).map(str::to_owned).or_else(page);
        facts.attr(stamp, Attr::PipelineRunUrl, address);
        facts.attr(stamp, Attr::PipelineAction, Some("RUN"));
        facts.attr(stamp, Attr::PipelineTrigger, pipeline.source.as_deref());
        facts.attr(stamp, Attr::UserName, scene.person(self.user.as_ref()));
        head.describe(&mut facts, stamp);
        scene.describe_repository(&mut facts, stamp);
        head.relate(&mut facts, stamp, &scene);
        scene.found(&[(Spot::Branch, pipeline.name.as_ref())]).relate(&mut facts, stamp);
        let before = self.source_pipeline.as_ref().and_then(|before| before.key(&scene));
        relate(&mut facts, stamp, Relation::Follows, before.map(Target::Key).into_iter().collect());

        scene.said.events.push(Event { key, facts });
        let over = ended.map(|ended| ended.at);
        for build in self.builds.iter().flatten().take(MAX_JOBS) {
            let job = build.job(pipeline.id);
            let state = State::of(job.status, job.finished_at, &mut scene);
            let event = job.told(state, over, &head, &mut scene)?;
            scene.said.events.push(event);
        }
        Ok(Parsed::Used(scene.said))
    }
}

impl Pipelines<'_> {
    /// When it was asked for, and when its first job began.
    fn begun(&self, scene: &mut Scene<'_, '_>) -> Run {
        let pipeline = &self.object_attributes;
        let created = scene.time(pipeline.created_at.as_ref());
        let builds = self.builds.iter().flatten();
        let first = builds.filter_map(|build| build.started_at.as_deref().and_then(Time::parse)).min();
        // GitLab keeps both ends of the queue, but tells only how long it was.
        let started = match (created, micros(pipeline.queued_duration)) {
            (Some(created), Some(queued)) => Some(Instant::stated(created.plus(queued))),
            _ => instant(Trust::Derived, first),
        };
        Run { queued: stated(created), started, ..Run::default() }
    }

    /// When it ended, if it has. What ran must have ended at some time.
    fn ended(&self, state: State, scene: &mut Scene<'_, '_>) -> Result<Option<Instant>, ParseError> {
        let pipeline = &self.object_attributes;
        if state.outcome().is_none() {
            return Ok(None);
        }
        if let Some(at) = scene.time(pipeline.finished_at.as_ref()) {
            return Ok(Some(Instant::stated(at)));
        }
        let builds = self.builds.iter().flatten();
        let last = builds.filter_map(|build| build.finished_at.as_deref().and_then(Time::parse)).max();
        let created = pipeline.created_at.as_deref().and_then(Time::parse);
        match (last, created) {
            (Some(last), _) => Ok(instant(Trust::Derived, Some(last))),
            (None, created) if state.may_lack_times() && created.is_some() => {
                Ok(instant(Trust::Near, created))
            }
            _ if pipeline.finished_at.is_some() => Err(ParseError::time("object_attributes.finished_at")),
            _ => Err(ParseError::missing("object_attributes.finished_at")),
        }
    }

    fn head<'s>(&'s self, scene: &Scene<'_, '_>) -> Result<Head<'s>, ParseError> {
        let pipeline = &self.object_attributes;
        let change = self.merge_request.as_ref();
        // Of a merge request from a fork, the branch is the fork's.
        let source = change.and_then(|change| change.source_project_id);
        Ok(Head {
            sha: pipeline.sha.as_ref(),
            name: pipeline.name.as_ref(),
            tag: pipeline.tag == Some(true),
            own: source.is_none() || scene.id.is_none() || source == scene.id,
            merge_request: change.map(|change| change.key(scene)).transpose()?,
        })
    }
}

impl MergeRequestRef<'_> {
    /// Its key. A pipeline in a fork names the merge request of the project above.
    fn key(&self, scene: &Scene<'_, '_>) -> Result<Key, ParseError> {
        let own = self.target_project_id.is_some() && self.target_project_id == scene.id;
        let number = self.iid.to_string();
        let address = self.url.as_ref().filter(|_| !own).and_then(|url| url::split(url));
        let elsewhere = address.as_ref().and_then(|address| {
            let path = address.path.strip_prefix(scene.root.as_str())?;
            // Before version 12 there was no `/-/`.
            let (path, _) = path.split_once("/-/").or_else(|| path.rsplit_once("/merge_requests/"))?;
            scene.key_at(&address.host, path, Kind::PullRequest, &number).ok()
        });
        elsewhere.map_or_else(|| scene.key(Kind::PullRequest, &number), Ok)
    }
}

impl SourcePipeline<'_> {
    fn key(&self, scene: &Scene<'_, '_>) -> Option<Key> {
        let project = self.project.as_ref().and_then(|project| project.path_with_namespace.as_deref());
        let path = project.unwrap_or(&scene.path);
        scene.key_in(path, Kind::Build, &self.pipeline_id?.to_string()).ok()
    }
}

impl<'a> Build<'a> {
    fn job(&'a self, pipeline: Id) -> Job<'a> {
        Job {
            id: self.id,
            pipeline: Some(pipeline),
            name: self.name.as_ref(),
            stage: self.stage.as_ref(),
            status: &self.status,
            created_at: self.created_at.as_ref(),
            started_at: self.started_at.as_ref(),
            finished_at: self.finished_at.as_ref(),
            duration: self.duration,
            queued_duration: self.queued_duration,
            failure_reason: self.failure_reason.as_ref(),
            runner: self.runner.as_ref(),
            environment: &self.environment,
        }
    }
}
