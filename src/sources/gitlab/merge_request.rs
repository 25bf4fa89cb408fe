//! `Merge Request Hook`: a merge request's life, what it closes, and how builds find it: by its
//! commits and its branch.

use serde::Deserialize;

use super::changes::{Changes, Initially};
use super::issue::{Told, step};
use super::payload::{Commit, Id, Label, Payload, Project, Repository, Text, User};
use super::scene::{Scene, clip, link, needed, role, titles};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Cycle, Facts, Outcome, Pointer, Ref, Relation, Target, What};
use crate::work::key::{Key, Kind};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::mention;
use crate::work::time::Time;

#[derive(Deserialize)]
pub(super) struct MergeRequests<'a> {
    #[serde(borrow)]
    object_attributes: MergeRequest<'a>,
    project: Option<Project<'a>>,
    repository: Option<Repository<'a>>,
    user: Option<User<'a>>,
    labels: Option<Vec<Label<'a>>>,
    assignees: Option<Vec<User<'a>>>,
    reviewers: Option<Vec<User<'a>>>,
    changes: Option<Changes<'a>>,
}

/// A merge request as its own hooks and those of its notes have it.
#[derive(Deserialize)]
pub(super) struct MergeRequest<'a> {
    iid: Id,
    #[serde(borrow)]
    action: Option<Text<'a>>,
    title: Option<Text<'a>>,
    description: Option<Text<'a>>,
    url: Option<Text<'a>>,
    state: Option<Text<'a>>,
    draft: Option<bool>,
    work_in_progress: Option<bool>,
    created_at: Option<Text<'a>>,
    updated_at: Option<Text<'a>>,
    merged_at: Option<Text<'a>>,
    closed_at: Option<Text<'a>>,
    oldrev: Option<Text<'a>>,
    merge_commit_sha: Option<Text<'a>>,
    squash_commit_sha: Option<Text<'a>>,
    last_commit: Option<Commit<'a>>,
    source_branch: Text<'a>,
    target_branch: Text<'a>,
    source_project_id: Option<Id>,
    target_project_id: Option<Id>,
    /// Null if the fork was deleted.
    source: Option<Project<'a>>,
    pub(super) author_id: Option<Id>,
    labels: Option<Vec<Label<'a>>>,
}

impl<'a> Payload<'a> for MergeRequests<'a> {
    const NAME: &'static str = "merge requests";
    const ACTIONS: &'static [&'static str] =
        &["open", "update", "close", "reopen", "merge", "approved", "approval", "unapproved", "unapproval"];
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
        let change = &self.object_attributes;
        let url = change.url.as_ref();
        let mut scene = Scene::new(self.project.as_ref(), self.repository.as_ref(), url, instance, context)?;
        let labels = self.labels.as_deref().or(change.labels.as_deref());
        let Told { key, mut facts, opened, updated } = change.told(action, labels, &mut scene)?;
        if action == "open" {
            let actor = self.user.as_ref();
            facts.attr(Stamp::stated(updated, 0), Attr::UserName, scene.person(actor));
            Initially {
                labels: labels.unwrap_or_default(),
                assignees: self.assignees.as_deref().unwrap_or_default(),
                reviewers: self.reviewers.as_deref().unwrap_or_default(),
            }
            .happen(&mut facts, opened, actor, &scene);
        }
        self.happen(&mut facts, updated, action, &scene);
        if let Some(before) = &change.oldrev {
            let item = Pointer::Item(key.clone());
            scene.point(Ref::commit(before), &item);
            if let Some(before) = Ref::push(before) {
                scene.point(change.head().and_then(Ref::push), &Pointer::Ref(before));
            }
        }
        scene.told(key, facts)
    }
}

impl MergeRequests<'_> {
    fn happen(&self, facts: &mut Facts, at: Option<Time>, action: &str, scene: &Scene<'_, '_>) {
        let change = &self.object_attributes;
        let actor = self.user.as_ref();
        let reviewed = match action {
            "approved" | "approval" => Some((What::Reviewed, "approved")),
            "unapproved" | "unapproval" => Some((What::ReviewDismissed, "approved")),
            _ => None,
        };
        if let Some((what, state)) = reviewed {
            let role = actor.and_then(|who| role(who.id, who.username.as_ref(), change.author_id));
            facts.happened(at, what, Some(state), role, scene.person(actor));
        }
        if action == "reopen" {
            facts.happened(at, What::Reopened, None, None, scene.person(actor));
        }
        if change.oldrev.is_some() {
            facts.happened(at, What::Synchronize, change.head(), None, scene.person(actor));
        }
        if let Some(changes) = &self.changes {
            changes.happen(facts, at, actor, scene);
        }
    }
}

impl MergeRequest<'_> {
    /// Its newest commit.
    fn head(&self) -> Option<&str> {
        self.last_commit.as_ref()?.id.as_deref()
    }

    /// What is said of it, whatever else the hook is about.
    pub(super) fn told(
        &self,
        action: &str,
        labels: Option<&[Label<'_>]>,
        scene: &mut Scene<'_, '_>,
    ) -> Result<Told, ParseError> {
        let key = scene.key(Kind::PullRequest, &self.iid.to_string())?;
        let opened = needed("object_attributes.created_at", self.created_at.as_ref())?;
        let updated = match action {
            "reopen" => Some(needed("object_attributes.updated_at", self.updated_at.as_ref())?),
            _ => scene.time(self.updated_at.as_ref()),
        };
        let stamp = Stamp::stated(updated, step(action));
        let merged_at = scene.time(self.merged_at.as_ref());
        let state = self.state.as_deref();
        let merged = action == "merge" || merged_at.is_some() || state == Some("merged");

        let mut cycle = Cycle::default();
        let closed = self.closed(action, merged_at, scene)?;
        if let Some(at) = closed {
            let over = merged || action == "close" || state == Some("closed");
            let stamp = if over { stamp } else { Stamp { trust: Trust::Near, ..stamp } };
            let outcome = if merged { Outcome::Merged } else { Outcome::Closed };
            cycle.closed.insert(at, Latest::new(stamp, outcome));
        }
        // A snapshot of one that is over does not always say since when. Its beginning alone would
        // make it work in progress for good.
        if closed.is_some() || !matches!(state, Some("closed" | "merged")) {
            cycle.opened = Some(Instant::stated(opened));
        }
        if let ("reopen", Some(at)) = (action, updated) {
            cycle.reopened.insert(at);
        }
        let mut facts = Facts::cycle(cycle);
        self.describe(&mut facts, stamp, merged, scene);
        let labels = labels.or(self.labels.as_deref());
        facts.marks.labels = labels.map(|labels| Latest::new(stamp, titles(labels)));
        self.relate(&mut facts, stamp, scene);
        self.point(&key, merged, scene);
        Ok(Told { key, facts, opened: Some(opened), updated })
    }

    /// When it ended. Hooks have no such time of their own in most versions: then the change that
    /// they tell of is the end.
    fn closed(
        &self,
        action: &str,
        merged_at: Option<Time>,
        scene: &mut Scene<'_, '_>,
    ) -> Result<Option<Time>, ParseError> {
        let at = merged_at.or_else(|| scene.time(self.closed_at.as_ref()));
        match (at, action) {
            (None, "close" | "merge") => {
                needed("object_attributes.updated_at", self.updated_at.as_ref()).map(Some)
            }
            (at, _) => Ok(at),
        }
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp, merged: bool, scene: &Scene<'_, '_>) {
        facts.attr(stamp, Attr::ChangeId, Some(self.iid.to_string()));
        facts.attr(stamp, Attr::ChangeTitle, self.title.as_deref());
        facts.attr(stamp, Attr::ChangeUrl, link(self.url.as_ref()));
        facts.attr(stamp, Attr::ChangeDraft, self.draft.or(self.work_in_progress));
        let merge = self.merge_commit_sha.as_ref().or(self.squash_commit_sha.as_ref());
        facts.attr(stamp, Attr::ChangeMergeRevision, merge.filter(|_| merged).map(|sha| clip(sha)));
        facts.attr(stamp, Attr::RefHeadName, Some(&*self.source_branch));
        facts.attr(stamp, Attr::RefHeadRevision, self.head());
        facts.attr(stamp, Attr::RefHeadType, Some("branch"));
        facts.attr(stamp, Attr::RefBaseName, Some(&*self.target_branch));
        facts.attr(stamp, Attr::RefBaseType, Some("branch"));
        scene.describe_repository(facts, stamp);
    }

    /// Says what it belongs to. Empty lists are said too: a text may have been edited.
    fn relate(&self, facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) {
        let mut closes: Vec<Target> = Vec::new();
        // GitLab heeds the pattern only in what goes to the default branch.
        if scene.is_default(&self.target_branch) != Some(false) {
            let texts = [&self.title, &self.description].into_iter().flatten();
            for target in texts.flat_map(|text| scene.closing(text)).map(Target::Key) {
                if closes.len() < mention::MAX_MENTIONS && !closes.contains(&target) {
                    closes.push(target);
                }
            }
        }
        facts.relate(stamp, Relation::Closes, closes);
        let texts = [
            (Spot::Branch, Some(&self.source_branch)),
            (Spot::Title, self.title.as_ref()),
            (Spot::Body, self.description.as_ref()),
        ];
        scene.found(&texts).relate_all(facts, stamp);
        let hint = mention::branch_number(&self.source_branch)
            .and_then(|number| scene.key(Kind::Issue, &number.to_string()).ok());
        facts.relate(stamp, Relation::BranchNumber, hint.map(Target::Hint).into_iter().collect());
    }

    /// Says how builds and pushes find it.
    fn point(&self, key: &Key, merged: bool, scene: &mut Scene<'_, '_>) {
        let item = Pointer::Item(key.clone());
        scene.point(self.head().and_then(Ref::commit), &item);
        let source = self.source.as_ref().and_then(|source| source.path_with_namespace.as_deref());
        let own = self.source_project_id.is_some() && self.source_project_id == self.target_project_id;
        let branch = match source {
            Some(path) => scene.branch(path, &self.source_branch),
            None if own => scene.branch(&scene.path, &self.source_branch),
            None => None,
        };
        scene.point(branch, &item);
        if merged {
            for sha in [&self.merge_commit_sha, &self.squash_commit_sha].into_iter().flatten() {
                scene.point(Ref::commit(sha), &item);
            }
        }
        scene.point_at_project();
    }
}
