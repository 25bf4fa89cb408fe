//! `pull_request` and `pull_request_review`: a pull request's life, what it closes, and how
//! builds find it: by its commits and its branch.

use serde::Deserialize;

use super::issue::{closed_at, happening, step};
use super::payload::{Id, Named, Number, OtherRepository, Payload, Repository, Text, Titled, User};
use super::scene::{Scene, clip, count, link, names, needed, role};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Cycle, Facts, Outcome, Pointer, Ref, Relation, Target, What};
use crate::work::key::{Key, Kind};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::mention;
use crate::work::time::Time;

#[derive(Deserialize)]
pub(super) struct PullRequests<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    pull_request: PullRequest<'a>,
    repository: Repository<'a>,
    before: Option<Text<'a>>,
    after: Option<Text<'a>>,
    label: Option<Named<'a>>,
    milestone: Option<Titled<'a>>,
    assignee: Option<User<'a>>,
    requested_reviewer: Option<User<'a>>,
    sender: Option<User<'a>>,
    reason: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Reviews<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    review: Review<'a>,
    pull_request: PullRequest<'a>,
    repository: Repository<'a>,
    sender: Option<User<'a>>,
}

#[derive(Deserialize)]
struct Review<'a> {
    #[serde(borrow)]
    state: Option<Text<'a>>,
    submitted_at: Option<Text<'a>>,
    user: Option<User<'a>>,
}

/// A pull request. In a review it lacks `merged`, `additions` and others.
#[derive(Deserialize)]
pub(super) struct PullRequest<'a> {
    number: Id,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    body: Option<Text<'a>>,
    html_url: Option<Text<'a>>,
    state: Option<Text<'a>>,
    draft: Option<bool>,
    merged: Option<bool>,
    created_at: Option<Text<'a>>,
    updated_at: Option<Text<'a>>,
    closed_at: Option<Text<'a>>,
    merged_at: Option<Text<'a>>,
    merge_commit_sha: Option<Text<'a>>,
    labels: Option<Vec<Named<'a>>>,
    pub(super) user: Option<User<'a>>,
    head: Head<'a>,
    base: Base<'a>,
    additions: Option<Number>,
    deletions: Option<Number>,
    changed_files: Option<Number>,
    commits: Option<Number>,
    comments: Option<Number>,
    review_comments: Option<Number>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, rename = "ref")]
    name: Text<'a>,
    sha: Option<Text<'a>>,
    /// Null if the fork was deleted.
    repo: Option<OtherRepository<'a>>,
}

#[derive(Deserialize)]
struct Base<'a> {
    #[serde(borrow, rename = "ref")]
    name: Text<'a>,
    sha: Option<Text<'a>>,
}

impl<'a> Payload<'a> for PullRequests<'a> {
    const EVENT: &'static str = "pull_request";
    const ACTIONS: &'static [&'static str] = &[
        "opened",
        "edited",
        "closed",
        "reopened",
        "synchronize",
        "labeled",
        "unlabeled",
        "assigned",
        "unassigned",
        "milestoned",
        "demilestoned",
        "ready_for_review",
        "converted_to_draft",
        "review_requested",
        "review_request_removed",
        "enqueued",
        "dequeued",
    ];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let told = self.pull_request.told(action, &mut scene)?;
        let Told { key, mut facts, updated } = told;
        self.happening(&mut facts, updated, action, &scene);
        if action == "synchronize" {
            let item = Pointer::Item(key.clone());
            for sha in [&self.before, &self.after].into_iter().flatten() {
                scene.point(Ref::commit(sha), &item);
            }
            // What the push says too; the pushes of a fork send nothing here.
            if let (Some(before), Some(after)) = (&self.before, &self.after) {
                scene.point_at_push_before(after, before);
            }
        }
        scene.told(key, facts)
    }
}

impl PullRequests<'_> {
    fn happening(&self, facts: &mut Facts, at: Option<Time>, action: &str, scene: &Scene<'_, '_>) {
        let shared = happening(action, self.label.as_ref(), self.milestone.as_ref());
        let own = || {
            Some(match action {
                "synchronize" => {
                    let sha = self.pull_request.head.sha.as_ref().or(self.after.as_ref());
                    (What::Synchronize, sha.map(|sha| clip(sha)))
                }
                "ready_for_review" => (What::ReadyForReview, None),
                "converted_to_draft" => (What::ConvertedToDraft, None),
                "review_requested" => (What::ReviewRequested, None),
                "review_request_removed" => (What::ReviewRequestRemoved, None),
                "enqueued" => (What::Enqueued, None),
                "dequeued" => (What::Dequeued, self.reason.as_ref().map(|reason| clip(reason))),
                _ => return None,
            })
        };
        let Some((what, detail)) = shared.or_else(own) else { return };
        let whom = match what {
            What::Assigned | What::Unassigned => self.assignee.as_ref(),
            What::ReviewRequested | What::ReviewRequestRemoved => self.requested_reviewer.as_ref(),
            _ => self.sender.as_ref(),
        };
        facts.happened(at, what, detail.as_deref(), None, scene.person(whom));
    }
}

impl<'a> Payload<'a> for Reviews<'a> {
    const EVENT: &'static str = "pull_request_review";
    const ACTIONS: &'static [&'static str] = &["submitted", "dismissed"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let Told { key, mut facts, updated } = self.pull_request.told(action, &mut scene)?;
        let state = self.review.state.as_ref().map(|state| state.to_lowercase());
        let (at, what, who) = if action == "dismissed" {
            // Who dismissed it; the review's own time is when it was submitted.
            (updated, What::ReviewDismissed, self.sender.as_ref())
        } else {
            let submitted = scene.time(self.review.submitted_at.as_ref());
            (submitted.or(updated), What::Reviewed, self.review.user.as_ref())
        };
        let role = who.map(|who| role(who, self.pull_request.user.as_ref()));
        facts.happened(at, what, state.as_deref(), role, scene.person(who));
        scene.told(key, facts)
    }
}

/// What the snapshot of a pull request says by itself.
pub(super) struct Told {
    pub(super) key: Key,
    pub(super) facts: Facts,
    updated: Option<Time>,
}

impl PullRequest<'_> {
    pub(super) fn told(&self, action: &str, scene: &mut Scene<'_, '_>) -> Result<Told, ParseError> {
        let key = scene.key(Kind::PullRequest, &self.number.to_string())?;
        let opened = needed("pull_request.created_at", self.created_at.as_ref())?;
        let updated = match action {
            "reopened" => Some(needed("pull_request.updated_at", self.updated_at.as_ref())?),
            _ => scene.time(self.updated_at.as_ref()),
        };
        let stamp = Stamp::stated(updated, step(action));
        let merged_at = scene.time(self.merged_at.as_ref());
        let merged = merged_at.is_some() || self.merged == Some(true);

        let mut cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
        let closed = match merged_at {
            Some(at) => Some(at),
            None => {
                let (closed, updated) = (self.closed_at.as_ref(), self.updated_at.as_ref());
                closed_at(action, "pull_request", closed, updated, scene)?
            }
        };
        if let Some(at) = closed {
            let closed = merged || action == "closed" || self.state.as_deref() == Some("closed");
            // A reopened one still says when it was closed before.
            let stamp = if closed { stamp } else { Stamp { trust: Trust::Near, ..stamp } };
            let outcome = if merged { Outcome::Merged } else { Outcome::Closed };
            cycle.closed.insert(at, Latest::new(stamp, outcome));
        }
        if let ("reopened", Some(at)) = (action, updated) {
            cycle.reopened.insert(at);
        }
        let mut facts = Facts::cycle(cycle);
        self.describe(&mut facts, stamp, merged, scene);
        self.relate(&mut facts, stamp, scene);
        self.point(&key, merged, scene);
        Ok(Told { key, facts, updated })
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp, merged: bool, scene: &Scene<'_, '_>) {
        facts.attr(stamp, Attr::ChangeId, Some(self.number.to_string()));
        facts.attr(stamp, Attr::ChangeTitle, self.title.as_deref());
        facts.attr(stamp, Attr::ChangeUrl, link(self.html_url.as_ref()));
        facts.attr(stamp, Attr::ChangeDraft, self.draft);
        facts.attr(stamp, Attr::ChangeAdditions, count(self.additions));
        facts.attr(stamp, Attr::ChangeDeletions, count(self.deletions));
        facts.attr(stamp, Attr::ChangeFiles, count(self.changed_files));
        facts.attr(stamp, Attr::ChangeCommits, count(self.commits));
        let comments = count(self.comments).zip(count(self.review_comments));
        facts.attr(stamp, Attr::ChangeComments, comments.map(|(talk, lines)| talk.saturating_add(lines)));
        // Until it is merged, this is a trial merge that belongs to no branch.
        let merge = self.merge_commit_sha.as_deref().filter(|_| merged);
        facts.attr(stamp, Attr::ChangeMergeRevision, merge);
        facts.attr(stamp, Attr::RefHeadName, Some(&*self.head.name));
        facts.attr(stamp, Attr::RefHeadRevision, self.head.sha.as_deref());
        facts.attr(stamp, Attr::RefHeadType, Some("branch"));
        facts.attr(stamp, Attr::RefBaseName, Some(&*self.base.name));
        facts.attr(stamp, Attr::RefBaseRevision, self.base.sha.as_deref());
        facts.attr(stamp, Attr::RefBaseType, Some("branch"));
        facts.attr(stamp, Attr::UserName, scene.person(self.user.as_ref()));
        scene.describe_repository(facts, stamp);
        facts.marks.labels = self.labels.as_ref().map(|labels| Latest::new(stamp, names(labels)));
    }

    /// Says what it belongs to. Empty lists are said too: a text may have been edited.
    fn relate(&self, facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) {
        let repository = scene.repository;
        let mut closes: Vec<Target> = Vec::new();
        // GitHub heeds closing keywords only in what goes to the default branch.
        if repository.default_branch.as_deref().is_none_or(|branch| branch == &*self.base.name) {
            for text in [&self.title, &self.body].into_iter().flatten() {
                for key in mention::closing(text, &scene.host, &repository.full_name) {
                    let target = Target::Key(key);
                    if closes.len() < mention::MAX_MENTIONS && !closes.contains(&target) {
                        closes.push(target);
                    }
                }
            }
        }
        facts.relate(stamp, Relation::Closes, closes);
        let texts = [
            (Spot::Branch, Some(&self.head.name)),
            (Spot::Title, self.title.as_ref()),
            (Spot::Body, self.body.as_ref()),
        ];
        scene.found(&texts).relate_all(facts, stamp);
        let hint = mention::branch_number(&self.head.name)
            .and_then(|number| scene.key(Kind::Issue, &number.to_string()).ok());
        facts.relate(stamp, Relation::BranchNumber, hint.map(Target::Hint).into_iter().collect());
    }

    /// Says how builds and pushes find it.
    fn point(&self, key: &Key, merged: bool, scene: &mut Scene<'_, '_>) {
        let item = Pointer::Item(key.clone());
        scene.point(self.head.sha.as_ref().and_then(|sha| Ref::commit(sha)), &item);
        let fork = self.head.repo.as_ref().and_then(|repo| repo.full_name.as_deref());
        scene.point(fork.and_then(|project| scene.branch(project, &self.head.name)), &item);
        if merged {
            scene.point(self.merge_commit_sha.as_ref().and_then(|sha| Ref::commit(sha)), &item);
        }
        scene.point_at_project();
    }
}
