//! `ticket` and `incident`: issues.

use std::collections::BTreeSet;

use super::scene::{Scene, link};
use crate::sources::{ParseError, Parsed};
use crate::work::attr::{Attr, clipped};
use crate::work::event::{Cycle, Facts, Outcome, Ref, Relation, Target, What};
use crate::work::key::{Key, Kind};
use crate::work::lattice::{BOUND, Instant, Latest};
use crate::work::mention;

pub(super) fn ticket(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let key = scene.key(Kind::Issue)?;
    let content = scene.content;
    let step = match scene.predicate {
        "created" => 0,
        "closed" => 2,
        _ => 1,
    };
    let (at, stamp) = (scene.at, scene.stamp(step));
    let mut cycle = Cycle::default();
    match scene.predicate {
        "created" => cycle.opened = Some(Instant::stated(at)),
        "closed" => {
            let outcome = resolution(content.resolution.as_deref().unwrap_or_default());
            cycle.closed.insert(at, Latest::new(stamp, outcome));
        }
        _ => {}
    }
    let mut facts = Facts::cycle(cycle);
    match scene.predicate {
        "created" => {
            for assignee in content.assignees.iter().take(mention::MAX_MENTIONS) {
                scene.happened(&mut facts, What::Assigned, scene.person(Some(assignee)));
            }
        }
        "updated" => scene.happened(&mut facts, What::Edited, None),
        _ => {}
    }
    facts.attr(stamp, Attr::IssueTitle, content.summary.as_deref());
    facts.attr(stamp, Attr::IssueUrl, link(content.uri.as_deref()));
    facts.attr(stamp, Attr::IssueType, content.ticket_type.as_deref());
    facts.attr(stamp, Attr::IssuePriority, content.priority.as_deref());
    facts.attr(stamp, Attr::IssueMilestone, content.milestone.as_deref());
    facts.attr(stamp, Attr::UserName, scene.person(content.creator.as_deref()));
    if let Some(labels) = &content.labels {
        let labels = labels.iter().take(BOUND).map(|label| clipped(label).to_owned());
        facts.marks.labels = Some(Latest::new(stamp, labels.collect::<BTreeSet<_>>()));
    }
    let group = content.group.as_deref().map(|group| ("group", group));
    scene.mark(&mut facts, stamp, key.kind(), group.as_slice());
    name(scene, &mut facts, &key, step);
    Ok(scene.told(key, facts))
}

pub(super) fn incident(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let key = scene.key(Kind::Issue)?;
    let content = scene.content;
    let step = match scene.predicate {
        "detected" => 0,
        "resolved" => 2,
        _ => 1,
    };
    let (at, stamp) = (scene.at, scene.stamp(step));
    let mut cycle = Cycle::default();
    if scene.predicate == "resolved" {
        cycle.closed.insert(at, Latest::new(stamp, Outcome::Completed));
    } else {
        // Of the two that open it, the earlier counts.
        cycle.opened = Some(Instant::stated(at));
    }
    let mut facts = Facts::cycle(cycle);
    facts.attr(stamp, Attr::IssueType, Some("incident"));
    // What was seen when it came up says more of it than what was seen when it was over.
    let title = content.description.as_deref().filter(|_| scene.predicate != "resolved");
    let title = title.and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    facts.attr(stamp, Attr::IssueTitle, title);
    facts.attr(stamp, Attr::IssueUrl, link(content.ticket_uri.as_deref()));
    let environment = content.environment.as_ref().map(|environment| &*environment.id);
    facts.attr(stamp, Attr::Environment, environment);
    facts.attr(stamp, Attr::DeploymentName, content.service.as_ref().map(|service| &*service.id));
    // When it is over, the artifact is the one that mended it.
    let artifact = content.artifact_id.as_deref().filter(|_| scene.predicate != "resolved");
    facts.attr(stamp, Attr::ArtifactId, artifact);
    if let Some(artifact) = artifact.and_then(Ref::artifact) {
        facts.relate(stamp, Relation::Artifact, vec![Target::Ref(artifact)]);
    }
    scene.mark(&mut facts, stamp, key.kind(), &[]);
    name(scene, &mut facts, &key, step);
    Ok(scene.told(key, facts))
}

/// An id such as `PROJ-12` is what people write in branches and titles.
fn name(scene: &mut Scene<'_, '_>, facts: &mut Facts, key: &Key, step: u8) {
    let id = scene.id().trim();
    let named = mention::issue_keys(id);
    if let [name] = named.as_slice()
        && name.eq_ignore_ascii_case(id)
    {
        facts.attr(scene.stamp(step), Attr::IssueKey, Some(name.as_str()));
        scene.point(Some(Ref::issue_key(name)), key);
    }
}

/// How an issue ended, in whatever words. What is not known was done, as GitHub has it too.
fn resolution(word: &str) -> Outcome {
    let plain: String =
        word.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "notplanned" | "wontfix" | "wontdo" | "willnotfix" | "invalid" | "declined" | "rejected"
        | "cannotreproduce" | "abandoned" | "cancelled" | "canceled" | "obsolete" | "withdrawn"
        | "worksforme" => Outcome::NotPlanned,
        "duplicate" => Outcome::Duplicate,
        _ => Outcome::Completed,
    }
}
