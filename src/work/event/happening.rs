//! What happens on an item's way, and in what part somebody acts. Becomes span events.

use serde::{Deserialize, Serialize};

use crate::work::time::Time;

/// Something that happened on an item's way. Becomes a span event of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A person or a team was put on it.
    Assigned,
    /// A person or a team was taken off it.
    Unassigned,
    /// A label was added.
    Labeled,
    /// A label was removed.
    Unlabeled,
    /// It was put into a milestone.
    Milestoned,
    /// It was taken out of a milestone.
    Demilestoned,
    /// Its text was changed.
    Edited,
    /// It was opened again.
    Reopened,
    /// It was moved to another repository.
    Transferred,
    /// It became a draft.
    ConvertedToDraft,
    /// It stopped being a draft.
    ReadyForReview,
    /// Somebody was asked for a review.
    ReviewRequested,
    /// Somebody no longer has to review it.
    ReviewRequestRemoved,
    /// A review was submitted.
    Reviewed,
    /// A review was dismissed.
    ReviewDismissed,
    /// Commits were pushed to it.
    Synchronize,
    /// It entered the merge queue.
    Enqueued,
    /// It left the merge queue.
    Dequeued,
    /// A deployment's status was reported.
    DeploymentStatus,
    /// Somebody wrote a comment.
    Commented,
    /// It was put into a sprint.
    SprintEntered,
    /// It was taken out of a sprint.
    SprintLeft,
    /// Something that a custom event names.
    Event,
}

impl What {
    /// The span event's name.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Assigned => "assigned",
            What::Unassigned => "unassigned",
            What::Labeled => "labeled",
            What::Unlabeled => "unlabeled",
            What::Milestoned => "milestoned",
            What::Demilestoned => "demilestoned",
            What::Edited => "edited",
            What::Reopened => "reopened",
            What::Transferred => "transferred",
            What::ConvertedToDraft => "converted_to_draft",
            What::ReadyForReview => "ready_for_review",
            What::ReviewRequested => "review_requested",
            What::ReviewRequestRemoved => "review_request_removed",
            What::Reviewed => "reviewed",
            What::ReviewDismissed => "review_dismissed",
            What::Synchronize => "synchronize",
            What::Enqueued => "enqueued",
            What::Dequeued => "dequeued",
            What::DeploymentStatus => "deployment_status",
            What::Commented => "commented",
            What::SprintEntered => "sprint_entered",
            What::SprintLeft => "sprint_left",
            What::Event => "event",
        }
    }

    /// The name of the attribute that says more about it, if it has one.
    pub fn detail_name(self) -> Option<&'static str> {
        match self {
            What::Labeled | What::Unlabeled => Some("valuestream.label"),
            What::Milestoned | What::Demilestoned => Some("issue.milestone"),
            What::Reviewed | What::ReviewDismissed => Some("valuestream.review.state"),
            What::Synchronize => Some("vcs.ref.head.revision"),
            What::DeploymentStatus => Some("valuestream.deployment.state"),
            What::Transferred => Some("valuestream.transferred_to"),
            What::Dequeued => Some("valuestream.dequeue.reason"),
            What::SprintEntered | What::SprintLeft => Some("issue.sprint"),
            What::Event => Some("valuestream.event"),
            _ => None,
        }
    }
}

/// In what part somebody acted. Says nothing of who it was, so it is kept even without people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one who opened the item.
    Author,
    /// A program.
    Bot,
    /// Somebody else.
    Other,
}

/// Something that happened, in the order of its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Happening {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
    /// More about it; see [`What::detail_name`].
    pub detail: Option<String>,
    /// In what part it was done.
    pub role: Option<Role>,
    /// The login of who did it, or whom it was done to; only with `people = true`.
    pub person: Option<String>,
}
