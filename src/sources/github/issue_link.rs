//! `sub_issues` and `issue_dependencies`: which issue is a part of which, and which waits for which.
//! Links, never parents. Each is sent once for either end, from the end's own repository.

use serde::Deserialize;

use super::issue::{Issue, Told};
use super::payload::{OtherRepository, Payload, Repository, Text};
use super::scene::Scene;
use crate::sources::{Context, ParseError, Parsed};
use crate::work::event::{Pointer, Ref, Relation, Target};
use crate::work::key::{Key, Kind};
use crate::work::lattice::Stamp;

/// What stands for the action where snapshots are read: one that neither opens nor closes.
const LINKED: &str = "linked";

/// Under which references the issues are collected that an issue waits for.
const BLOCKED_BY: &str = "github/blocked-by";

#[derive(Deserialize)]
pub(super) struct SubIssues<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    parent_issue: Issue<'a>,
    sub_issue: Issue<'a>,
    /// Each end's own, where it is not the delivery's.
    parent_issue_repo: Option<OtherRepository<'a>>,
    sub_issue_repo: Option<Repository<'a>>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
pub(super) struct Dependencies<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    blocked_issue: Issue<'a>,
    blocking_issue: Issue<'a>,
    blocked_issue_repo: Option<Repository<'a>>,
    blocking_issue_repo: Option<OtherRepository<'a>>,
    repository: Repository<'a>,
}

impl<'a> Payload<'a> for SubIssues<'a> {
    const EVENT: &'static str = "sub_issues";
    const ACTIONS: &'static [&'static str] =
        &["parent_issue_added", "parent_issue_removed", "sub_issue_added", "sub_issue_removed"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// An issue is a part of one other at most, so the latest word counts.
    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(self.sub_issue_repo.as_ref().unwrap_or(&self.repository), context);
        let Told { key, mut facts, updated, .. } = self.sub_issue.told("sub_issue", LINKED, &mut scene)?;
        let parent = other(&self.parent_issue, self.parent_issue_repo.as_ref(), &self.repository, &scene)?;
        // Adding changes either issue, and a snapshot may be a little older than the change.
        let at = updated.max(self.parent_issue.updated(&mut scene));
        let added = action.ends_with("added");
        // An issue that goes from one parent to another leaves and enters within a second.
        let stamp = Stamp::stated(at, u8::from(added));
        let parent = added.then_some(Target::Key(parent));
        facts.relate(stamp, Relation::PartOf, parent.into_iter().collect());
        scene.point_at_project();
        scene.told(key, facts)
    }
}

impl<'a> Payload<'a> for Dependencies<'a> {
    const EVENT: &'static str = "issue_dependencies";
    /// A removal is not used: what an issue once waited for belongs to its story.
    const ACTIONS: &'static [&'static str] = &["blocked_by_added", "blocking_added"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// An issue can wait for many and a delivery names one of them. So the issue points at one
    /// reference, always the same, and the index collects under it whatever was ever named.
    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(self.blocked_issue_repo.as_ref().unwrap_or(&self.repository), context);
        let told = self.blocked_issue.told("blocked_issue", LINKED, &mut scene)?;
        let Told { key, mut facts, stamp, .. } = told;
        let blocking =
            other(&self.blocking_issue, self.blocking_issue_repo.as_ref(), &self.repository, &scene)?;
        let collected = Ref::named(BLOCKED_BY, key.as_str());
        facts.relate(stamp, Relation::BlockedBy, vec![Target::Ref(collected.clone())]);
        scene.point(Some(collected), &Pointer::Item(blocking));
        scene.point_at_project();
        scene.told(key, facts)
    }
}

/// The key of the issue at the other end.
fn other(
    issue: &Issue<'_>,
    own: Option<&OtherRepository<'_>>,
    delivery: &Repository<'_>,
    scene: &Scene<'_, '_>,
) -> Result<Key, ParseError> {
    let project = own.and_then(|own| own.full_name.as_deref()).unwrap_or(&delivery.full_name);
    scene.key_in(project, Kind::Issue, &issue.number.to_string())
}
