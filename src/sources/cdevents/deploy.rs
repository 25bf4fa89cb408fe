//! `service.deployed`, `.upgraded`, `.rolledback`: deploys. Each event is told once a deployment is
//! over, so it is a deploy of its own, of which only the end is known.

use super::scene::Scene;
use crate::sources::{ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Facts, Outcome, Ref, Relation, Run, Target};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest};

pub(super) fn told(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let (event, content) = (scene.event, scene.content);
    let environment = content.environment.as_ref().map(|environment| environment.id.trim());
    // The service's name comes again with each of its deployments; the event's id does not.
    let id = format!("{}@{}:{}", scene.id(), environment.unwrap_or_default(), &*event.context.id);
    let key = scene.key_of(Kind::Deploy, &id)?;
    let stamp = scene.stamp(0);
    let mut facts = Facts::run(Run {
        ended: Some(Instant::stated(scene.at)),
        outcome: Some(Latest::new(stamp, Outcome::Success)),
        ..Run::default()
    });
    facts.attr(stamp, Attr::DeploymentId, Some(&*event.context.id));
    facts.attr(stamp, Attr::DeploymentName, Some(scene.id()));
    facts.attr(stamp, Attr::Environment, environment);
    let production = environment.is_some_and(|environment| {
        ["prod", "production"].iter().any(|name| environment.eq_ignore_ascii_case(name))
    });
    // Another name may well be production's: that is for the configuration to say.
    facts.attr(stamp, Attr::ProductionEnvironment, production.then_some(true));
    let artifact = content.artifact_id.as_deref();
    facts.attr(stamp, Attr::ArtifactId, artifact);
    if let Some(artifact) = artifact.and_then(Ref::artifact) {
        facts.relate(stamp, Relation::Artifact, vec![Target::Ref(artifact)]);
    }
    scene.describe_commit(&mut facts, stamp);
    let rollback: &[_] = if scene.predicate == "rolledback" { &[("rollback", "true")] } else { &[] };
    scene.mark(&mut facts, stamp, key.kind(), rollback);
    scene.conventions(&mut facts, stamp, &[]);
    Ok(scene.told(key, facts))
}
