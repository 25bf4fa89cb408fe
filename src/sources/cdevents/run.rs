//! `pipelinerun` and `build`: builds; `taskrun`: jobs.

use super::scene::{Scene, link};
use crate::sources::{ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Facts, Outcome, Ref, Relation, Run, Target};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp};

pub(super) fn pipeline(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let key = scene.key(Kind::Build)?;
    let outcome = scene.content.outcome.as_deref();
    let (mut facts, stamp) = life(scene, |scene| scene.outcome(outcome));
    let name = scene.content.pipeline_name.as_deref();
    facts.attr(stamp, Attr::PipelineName, name);
    facts.attr(stamp, Attr::PipelineRunId, Some(scene.id()));
    facts.attr(stamp, Attr::PipelineRunUrl, link(scene.content.uri.as_deref()));
    facts.attr(stamp, Attr::PipelineAction, Some("RUN"));
    facts.attr(stamp, Attr::ErrorMessage, scene.content.errors.as_deref());
    scene.describe_commit(&mut facts, stamp);
    scene.mark(&mut facts, stamp, key.kind(), &[]);
    scene.conventions(&mut facts, stamp, &[(Spot::Job, name)]);
    Ok(scene.told(key, facts))
}

/// A build's end says nothing of how it ended, but one that made an artifact succeeded.
pub(super) fn build(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let key = scene.key(Kind::Build)?;
    let artifact = scene.content.artifact_id.as_deref().filter(|artifact| !artifact.trim().is_empty());
    let (mut facts, stamp) = life(scene, |scene| match artifact {
        Some(_) => Outcome::Success,
        None => scene.outcome(None),
    });
    facts.attr(stamp, Attr::PipelineRunId, Some(scene.id()));
    facts.attr(stamp, Attr::PipelineAction, Some("BUILD"));
    facts.attr(stamp, Attr::ArtifactId, artifact);
    if let Some(artifact) = artifact.and_then(Ref::artifact) {
        // Whoever packaged it may have said which change it was made of.
        facts.relate(stamp, Relation::Artifact, vec![Target::Ref(artifact)]);
    }
    scene.describe_commit(&mut facts, stamp);
    scene.mark(&mut facts, stamp, key.kind(), &[]);
    scene.conventions(&mut facts, stamp, &[]);
    scene.point(artifact.and_then(Ref::artifact), &key);
    Ok(scene.told(key, facts))
}

pub(super) fn task(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let key = scene.key(Kind::Job)?;
    let outcome = scene.content.outcome.as_deref();
    let (mut facts, stamp) = life(scene, |scene| scene.outcome(outcome));
    let name = scene.content.task_name.as_deref();
    facts.attr(stamp, Attr::TaskName, name);
    facts.attr(stamp, Attr::TaskRunId, Some(scene.id()));
    facts.attr(stamp, Attr::TaskRunUrl, link(scene.content.uri.as_deref()));
    facts.attr(stamp, Attr::ErrorMessage, scene.content.errors.as_deref());
    let run = scene.content.pipeline_run.as_ref();
    if let Some(run) = run.and_then(|run| scene.referred(Kind::Build, run)) {
        facts.relate(stamp, Relation::Run, vec![Target::Key(run)]);
    }
    scene.describe_commit(&mut facts, stamp);
    scene.mark(&mut facts, stamp, key.kind(), &[]);
    scene.conventions(&mut facts, stamp, &[(Spot::Job, name)]);
    Ok(scene.told(key, facts))
}

/// When something ran that is queued, started and finished.
fn life<'a, 'c>(
    scene: &mut Scene<'a, 'c>,
    outcome: impl FnOnce(&mut Scene<'a, 'c>) -> Outcome,
) -> (Facts, Stamp) {
    let now = Some(Instant::stated(scene.at));
    match scene.predicate {
        "queued" => (Facts::run(Run { queued: now, ..Run::default() }), scene.stamp(0)),
        "started" => (Facts::run(Run { started: now, ..Run::default() }), scene.stamp(1)),
        _ => {
            let stamp = scene.stamp(2);
            let outcome = Some(Latest::new(stamp, outcome(scene)));
            (Facts::run(Run { ended: now, outcome, ..Run::default() }), stamp)
        }
    }
}
