//! `Issue Hook`: when an issue or incident was opened, closed and reopened, and what happened to it.

use serde::Deserialize;

use super::changes::{Changes, Initially};
use super::payload::{Id, Label, Payload, Project, Repository, Text, User};
use super::scene::{Scene, link, needed, titles};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Cycle, Facts, Outcome, What};
use crate::work::key::{Key, Kind};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::time::Time;

#[derive(Deserialize)]
pub(super) struct Issues<'a> {
    #[serde(borrow)]
    object_attributes: Issue<'a>,
    project: Option<Project<'a>>,
    repository: Option<Repository<'a>>,
    user: Option<User<'a>>,
    labels: Option<Vec<Label<'a>>>,
    assignees: Option<Vec<User<'a>>>,
    changes: Option<Changes<'a>>,
}

/// An issue as its own hooks and those of its notes have it.
#[derive(Deserialize)]
pub(super) struct Issue<'a> {
    iid: Id,
    #[serde(borrow)]
    action: Option<Text<'a>>,
    title: Option<Text<'a>>,
    url: Option<Text<'a>>,
    state: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
    updated_at: Option<Text<'a>>,
    closed_at: Option<Text<'a>>,
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
    issue_type: Option<Text<'a>>,
    moved_to_id: Option<Id>,
    duplicated_to_id: Option<Id>,
    pub(super) author_id: Option<Id>,
    labels: Option<Vec<Label<'a>>>,
}

impl<'a> Payload<'a> for Issues<'a> {
    const NAME: &'static str = "issues";
    const ACTIONS: &'static [&'static str] = &["open", "update", "close", "reopen"];
    const USUAL_ACTION: &'static str = "update";

    fn action(&self) -> Option<&str> {
        self.object_attributes.action.as_deref()
    }

    fn said(
        &self,
        action: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let issue = &self.object_attributes;
        if issue.kind().is_some_and(|kind| kind.eq_ignore_ascii_case("epic")) {
            return Ok(Parsed::ignored("an epic is not used"));
        }
        let url = issue.url.as_ref();
        let mut scene = Scene::new(self.project.as_ref(), self.repository.as_ref(), url, instance, context)?;
        let labels = self.labels.as_deref().or(issue.labels.as_deref());
        let Told { key, mut facts, opened, updated } = issue.told(action, labels, &mut scene)?;
        let actor = self.user.as_ref();
        if action == "open" {
            facts.attr(Stamp::stated(updated, 0), Attr::UserName, scene.person(actor));
            let assignees = self.assignees.as_deref().unwrap_or_default();
            Initially { labels: labels.unwrap_or_default(), assignees, reviewers: &[] }
                .happen(&mut facts, opened, actor, &scene);
        }
        if action == "reopen" {
            facts.happened(updated, What::Reopened, None, None, scene.person(actor));
        }
        if let Some(changes) = &self.changes {
            changes.happen(&mut facts, updated, actor, &scene);
        }
        scene.told(key, facts)
    }
}

/// What the snapshot of an issue or a merge request says by itself.
pub(super) struct Told {
    pub(super) key: Key,
    pub(super) facts: Facts,
    pub(super) opened: Option<Time>,
    pub(super) updated: Option<Time>,
}

impl Issue<'_> {
    /// What kind of issue it is, if it is a special one.
    fn kind(&self) -> Option<&str> {
        let kinds = [&self.kind, &self.issue_type].into_iter().flatten().map(|kind| &**kind);
        kinds.into_iter().find(|kind| !kind.is_empty() && !kind.eq_ignore_ascii_case("issue"))
    }

    /// What is said of it, whatever else the hook is about.
    pub(super) fn told(
        &self,
        action: &str,
        labels: Option<&[Label<'_>]>,
        scene: &mut Scene<'_, '_>,
    ) -> Result<Told, ParseError> {
        let key = scene.key(Kind::Issue, &self.iid.to_string())?;
        let opened = needed("object_attributes.created_at", self.created_at.as_ref())?;
        let updated = match action {
            "reopen" => Some(needed("object_attributes.updated_at", self.updated_at.as_ref())?),
            _ => scene.time(self.updated_at.as_ref()),
        };
        let stamp = Stamp::stated(updated, step(action));

        let mut cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
        if let Some(at) = self.closed_at(action, scene)? {
            let closed = action == "close" || self.state.as_deref() == Some("closed");
            // One that was reopened may still say when it was closed before.
            let stamp = if closed { stamp } else { Stamp { trust: Trust::Near, ..stamp } };
            let replaced = self.moved_to_id.is_some() || self.duplicated_to_id.is_some();
            let outcome = if replaced { Outcome::Duplicate } else { Outcome::Completed };
            cycle.closed.insert(at, Latest::new(stamp, outcome));
        }
        if let ("reopen", Some(at)) = (action, updated) {
            cycle.reopened.insert(at);
        }
        let mut facts = Facts::cycle(cycle);
        facts.attr(stamp, Attr::IssueNumber, i64::try_from(self.iid.0).ok());
        facts.attr(stamp, Attr::IssueTitle, self.title.as_deref());
        facts.attr(stamp, Attr::IssueUrl, link(self.url.as_ref()));
        facts.attr(stamp, Attr::IssueType, self.kind().map(str::to_lowercase));
        scene.describe_repository(&mut facts, stamp);
        let labels = labels.or(self.labels.as_deref());
        facts.marks.labels = labels.map(|labels| Latest::new(stamp, titles(labels)));
        scene.point_at_project();
        Ok(Told { key, facts, opened: Some(opened), updated })
    }

    /// When it was closed. Needed if it is the closing that is told.
    fn closed_at(&self, action: &str, scene: &mut Scene<'_, '_>) -> Result<Option<Time>, ParseError> {
        if action != "close" {
            return Ok(scene.time(self.closed_at.as_ref()));
        }
        match &self.closed_at {
            Some(closed_at) => needed("object_attributes.closed_at", Some(closed_at)).map(Some),
            None => needed("object_attributes.updated_at", self.updated_at.as_ref()).map(Some),
        }
    }
}

/// What orders the statements of one second.
pub(super) fn step(action: &str) -> u8 {
    match action {
        "open" => 0,
        "close" | "merge" => 2,
        _ => 1,
    }
}
