//! What a hook's `changes` tell: labels, people, drafts and texts, by what they were before and
//! what they are now.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::payload::{Id, Label, User};
use super::scene::Scene;
use crate::work::event::{Facts, What};
use crate::work::time::Time;

/// How many labels or people of one change are told of.
const MAX_CHANGES: usize = 64;

/// What was changed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Changes<'a> {
    #[serde(borrow)]
    labels: Option<Change<Vec<Label<'a>>>>,
    #[serde(borrow)]
    assignees: Option<Change<Vec<User<'a>>>>,
    #[serde(borrow)]
    reviewers: Option<Change<Vec<User<'a>>>>,
    draft: Option<Change<bool>>,
    /// What `draft` was called before version 14.
    work_in_progress: Option<Change<bool>>,
    milestone_id: Option<Change<Id>>,
    moved_to_id: Option<Change<Id>>,
    title: Option<IgnoredAny>,
    description: Option<IgnoredAny>,
}

/// What something was and is.
#[derive(Deserialize)]
struct Change<T> {
    previous: Option<T>,
    current: Option<T>,
}

impl<T> Change<Vec<T>> {
    /// Those that were added, then those that were removed.
    fn difference(&self, same: impl Fn(&T, &T) -> bool) -> (Vec<&T>, Vec<&T>) {
        let lists = [&self.previous, &self.current].map(|list| list.as_deref().unwrap_or_default());
        let [before, now] = lists.map(|list| &list[..list.len().min(MAX_CHANGES)]);
        let missing = |from: &'_ [T], one: &T| !from.iter().any(|other| same(one, other));
        let added = now.iter().filter(|one| missing(before, one)).collect();
        (added, before.iter().filter(|one| missing(now, one)).collect())
    }
}

/// What an item has from the beginning: GitLab tells of it in the hook of the opening alone.
pub(super) struct Initially<'s, 'a> {
    pub(super) labels: &'s [Label<'a>],
    pub(super) assignees: &'s [User<'a>],
    pub(super) reviewers: &'s [User<'a>],
}

impl Initially<'_, '_> {
    /// Tells that it was so at the opening.
    pub(super) fn happen(
        &self,
        facts: &mut Facts,
        at: Option<Time>,
        actor: Option<&User<'_>>,
        scene: &Scene<'_, '_>,
    ) {
        for label in self.labels.iter().take(MAX_CHANGES) {
            facts.happened(at, What::Labeled, label.title.as_deref(), None, scene.person(actor));
        }
        for (what, people) in [(What::Assigned, self.assignees), (What::ReviewRequested, self.reviewers)] {
            for person in people.iter().take(MAX_CHANGES) {
                facts.happened(at, what, None, None, scene.person(Some(person)));
            }
        }
    }
}

impl Changes<'_> {
    /// Tells what happened to an issue or a merge request.
    pub(super) fn happen(
        &self,
        facts: &mut Facts,
        at: Option<Time>,
        actor: Option<&User<'_>>,
        scene: &Scene<'_, '_>,
    ) {
        let mut tell = |what, detail: Option<&str>, whom: Option<&User<'_>>| {
            facts.happened(at, what, detail, None, scene.person(whom));
        };
        if let Some(labels) = &self.labels {
            let (added, removed) = labels.difference(|one, other| one.title == other.title);
            for (what, labels) in [(What::Labeled, added), (What::Unlabeled, removed)] {
                for label in labels.into_iter().filter(|label| label.title.is_some()) {
                    tell(what, label.title.as_deref(), actor);
                }
            }
        }
        let people = [
            (&self.assignees, What::Assigned, What::Unassigned),
            (&self.reviewers, What::ReviewRequested, What::ReviewRequestRemoved),
        ];
        for (change, asked, released) in people {
            let Some(change) = change else { continue };
            let again = |user: &User<'_>| user.re_requested == Some(true);
            let same = |one: &User<'_>, other: &User<'_>| one.is(other);
            let (added, removed) = change.difference(same);
            for user in added {
                tell(asked, None, Some(user));
            }
            for user in removed {
                tell(released, None, Some(user));
            }
            // Asked once more, though they were on the list before.
            for user in change.current.iter().flatten().take(MAX_CHANGES).filter(|user| again(user)) {
                if change.previous.iter().flatten().any(|before| before.is(user) && !again(before)) {
                    tell(asked, None, Some(user));
                }
            }
        }
        let draft = self.draft.as_ref().or(self.work_in_progress.as_ref());
        match draft.map(|draft| (draft.previous.unwrap_or(false), draft.current.unwrap_or(false))) {
            Some((false, true)) => tell(What::ConvertedToDraft, None, actor),
            Some((true, false)) => tell(What::ReadyForReview, None, actor),
            _ => {}
        }
        match self.milestone_id.as_ref().map(|change| (change.previous, change.current)) {
            Some((_, Some(_))) => tell(What::Milestoned, None, actor),
            Some((Some(_), None)) => tell(What::Demilestoned, None, actor),
            _ => {}
        }
        if self.moved_to_id.as_ref().is_some_and(|moved| moved.current.is_some()) {
            tell(What::Transferred, None, actor);
        }
        if self.title.is_some() || self.description.is_some() {
            tell(What::Edited, None, actor);
        }
    }
}
