//! `issues`: when an issue was opened, closed and reopened, and what happened to it. Other events
//! carry the same snapshot of an issue and tell its facts by it.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::payload::{Id, Named, OtherRepository, Payload, Repository, Text, Titled, User};
use super::scene::{Scene, clip, link, names, needed, unset};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Cycle, Facts, Flaw, Outcome, What};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::time::Time;

#[derive(Deserialize)]
pub(super) struct Issues<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    issue: Issue<'a>,
    repository: Repository<'a>,
    label: Option<Named<'a>>,
    milestone: Option<Titled<'a>>,
    assignee: Option<User<'a>>,
    sender: Option<User<'a>>,
    changes: Option<Changes<'a>>,
}

/// An issue as it was at the time of an event.
#[derive(Deserialize)]
pub(super) struct Issue<'a> {
    pub(super) number: Id,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    html_url: Option<Text<'a>>,
    state: Option<Text<'a>>,
    state_reason: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
    updated_at: Option<Text<'a>>,
    closed_at: Option<Text<'a>>,
    labels: Option<Vec<Named<'a>>>,
    milestone: Option<Titled<'a>>,
    #[serde(rename = "type")]
    kind: Option<Named<'a>>,
    pub(super) user: Option<User<'a>>,
    /// There if it is a pull request in the shape of an issue.
    pub(super) pull_request: Option<IgnoredAny>,
}

/// Where a transferred issue went.
#[derive(Deserialize)]
struct Changes<'a> {
    new_issue: Option<NewIssue>,
    #[serde(borrow)]
    new_repository: Option<OtherRepository<'a>>,
}

#[derive(Deserialize)]
struct NewIssue {
    number: Option<Id>,
}

impl<'a> Payload<'a> for Issues<'a> {
    const EVENT: &'static str = "issues";
    const ACTIONS: &'static [&'static str] = &[
        "opened",
        "edited",
        "closed",
        "reopened",
        "labeled",
        "unlabeled",
        "assigned",
        "unassigned",
        "milestoned",
        "demilestoned",
        "transferred",
        "deleted",
        "typed",
        "untyped",
    ];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let Told { key, mut facts, updated, .. } = self.issue.told("issue", action, &mut scene)?;
        self.happening(&mut facts, updated, action, &scene);
        scene.point_at_project();
        scene.told(key, facts)
    }
}

/// What the snapshot of an issue says by itself.
pub(super) struct Told {
    pub(super) key: Key,
    pub(super) facts: Facts,
    /// When the snapshot was taken, as far as its sender says.
    pub(super) updated: Option<Time>,
    pub(super) stamp: Stamp,
}

impl Issue<'_> {
    /// What the snapshot says; `object` is the field that holds it, for errors.
    pub(super) fn told(
        &self,
        object: &str,
        action: &str,
        scene: &mut Scene<'_, '_>,
    ) -> Result<Told, ParseError> {
        let key = scene.key(Kind::Issue, &self.number.to_string())?;
        let opened = needed(&format!("{object}.created_at"), self.created_at.as_ref())?;
        let updated = match action {
            // What these actions say is nothing without its time.
            "reopened" | "transferred" | "deleted" => {
                Some(needed(&format!("{object}.updated_at"), self.updated_at.as_ref())?)
            }
            _ => scene.time(self.updated_at.as_ref()),
        };
        let stamp = Stamp::stated(updated, step(action));

        let mut cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
        if let Some((at, outcome)) = self.closed(object, action, stamp, scene)? {
            cycle.closed.insert(at, outcome);
        }
        match (action, updated) {
            ("reopened", Some(at)) => cycle.reopened.insert(at),
            ("transferred" | "deleted", Some(at)) => cycle.withdrawn = Some(Instant::stated(at)),
            _ => {}
        }
        let mut facts = Facts::cycle(cycle);
        self.describe(&mut facts, stamp, action, scene);
        Ok(Told { key, facts, updated, stamp })
    }

    /// When it was closed, and how. A snapshot of a reopened issue still says when it was closed
    /// before, but no longer how.
    fn closed(
        &self,
        object: &str,
        action: &str,
        stamp: Stamp,
        scene: &mut Scene<'_, '_>,
    ) -> Result<Option<(Time, Latest<Outcome>)>, ParseError> {
        let Some(at) = closed_at(action, object, self.closed_at.as_ref(), self.updated_at.as_ref(), scene)?
        else {
            return Ok(None);
        };
        if action != "closed" && self.state.as_deref() != Some("closed") {
            let stamp = Stamp { trust: Trust::Near, ..stamp };
            return Ok(Some((at, Latest::new(stamp, Outcome::Completed))));
        }
        let outcome = match self.state_reason.as_deref() {
            None | Some("completed") => Outcome::Completed,
            Some("not_planned") => Outcome::NotPlanned,
            Some("duplicate") => Outcome::Duplicate,
            Some(_) => {
                scene.flaw(Flaw::UnknownOutcome);
                Outcome::Unknown
            }
        };
        Ok(Some((at, Latest::new(stamp, outcome))))
    }

    fn describe(&self, facts: &mut Facts, stamp: Stamp, action: &str, scene: &Scene<'_, '_>) {
        facts.attr(stamp, Attr::IssueNumber, i64::try_from(self.number.0).ok());
        facts.attr(stamp, Attr::IssueTitle, self.title.as_deref());
        facts.attr(stamp, Attr::IssueUrl, link(self.html_url.as_ref()));
        match self.kind.as_ref().and_then(|kind| kind.name.as_deref()) {
            None if action == "untyped" => unset(facts, stamp, Attr::IssueType),
            kind => facts.attr(stamp, Attr::IssueType, kind),
        }
        match self.milestone.as_ref().and_then(|milestone| milestone.title.as_deref()) {
            None if action == "demilestoned" => unset(facts, stamp, Attr::IssueMilestone),
            milestone => facts.attr(stamp, Attr::IssueMilestone, milestone),
        }
        facts.attr(stamp, Attr::UserName, scene.person(self.user.as_ref()));
        scene.describe_repository(facts, stamp);
        facts.marks.labels = self.labels.as_ref().map(|labels| Latest::new(stamp, names(labels)));
    }

    /// When it was last changed.
    pub(super) fn updated(&self, scene: &mut Scene<'_, '_>) -> Option<Time> {
        scene.time(self.updated_at.as_ref())
    }

    /// What a comment says of the pull request that it stands under: GitHub sends that as an issue
    /// too, without head and base, and not always with when it was merged, so never how it ended.
    pub(super) fn told_as_pull_request(&self, scene: &mut Scene<'_, '_>) -> Result<Told, ParseError> {
        let key = scene.key(Kind::PullRequest, &self.number.to_string())?;
        let opened = needed("issue.created_at", self.created_at.as_ref())?;
        let updated = scene.time(self.updated_at.as_ref());
        let stamp = Stamp::stated(updated, step("commented"));
        let cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
        let mut facts = Facts::cycle(cycle);
        facts.attr(stamp, Attr::ChangeId, Some(self.number.to_string()));
        facts.attr(stamp, Attr::ChangeTitle, self.title.as_deref());
        facts.attr(stamp, Attr::ChangeUrl, link(self.html_url.as_ref()));
        facts.attr(stamp, Attr::UserName, scene.person(self.user.as_ref()));
        scene.describe_repository(&mut facts, stamp);
        facts.marks.labels = self.labels.as_ref().map(|labels| Latest::new(stamp, names(labels)));
        Ok(Told { key, facts, updated, stamp })
    }
}

impl Issues<'_> {
    fn happening(&self, facts: &mut Facts, at: Option<Time>, action: &str, scene: &Scene<'_, '_>) {
        let transferred = self.transferred_to(scene);
        let Some((what, detail)) = happening(action, self.label.as_ref(), self.milestone.as_ref()) else {
            if action == "transferred" {
                let detail = transferred.as_ref().map(Key::as_str);
                let person = scene.person(self.sender.as_ref());
                facts.happened(at, What::Transferred, detail, None, person);
            }
            return;
        };
        let whom = match what {
            What::Assigned | What::Unassigned => self.assignee.as_ref(),
            _ => self.sender.as_ref(),
        };
        facts.happened(at, what, detail.as_deref(), None, scene.person(whom));
    }

    fn transferred_to(&self, scene: &Scene<'_, '_>) -> Option<Key> {
        let changes = self.changes.as_ref()?;
        let number = changes.new_issue.as_ref()?.number?.to_string();
        let project = changes.new_repository.as_ref()?.full_name.as_deref()?;
        Key::new(Source::Github, &scene.host, project, Kind::Issue, &number).ok()
    }
}

/// When a snapshot says that something was closed. Needed if it is the closing that is told.
pub(super) fn closed_at(
    action: &str,
    object: &str,
    closed_at: Option<&Text<'_>>,
    updated_at: Option<&Text<'_>>,
    scene: &mut Scene<'_, '_>,
) -> Result<Option<Time>, ParseError> {
    if action != "closed" {
        return Ok(scene.time(closed_at));
    }
    match (closed_at, updated_at) {
        (None, Some(_)) => needed(&format!("{object}.updated_at"), updated_at).map(Some),
        (closed_at, _) => needed(&format!("{object}.closed_at"), closed_at).map(Some),
    }
}

/// What orders the statements of one second.
pub(super) fn step(action: &str) -> u8 {
    match action {
        "opened" => 0,
        "closed" => 2,
        _ => 1,
    }
}

/// What the actions that issues and pull requests share tell, and about what.
pub(super) fn happening(
    action: &str,
    label: Option<&Named<'_>>,
    milestone: Option<&Titled<'_>>,
) -> Option<(What, Option<String>)> {
    let label = || label.and_then(|label| label.name.as_deref()).map(clip);
    let milestone = || milestone.and_then(|milestone| milestone.title.as_deref()).map(clip);
    Some(match action {
        "edited" => (What::Edited, None),
        "reopened" => (What::Reopened, None),
        "labeled" => (What::Labeled, label()),
        "unlabeled" => (What::Unlabeled, label()),
        "assigned" => (What::Assigned, None),
        "unassigned" => (What::Unassigned, None),
        "milestoned" => (What::Milestoned, milestone()),
        "demilestoned" => (What::Demilestoned, milestone()),
        _ => return None,
    })
}
