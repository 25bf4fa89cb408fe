//! The parts that Jira's payloads have in common: only the fields that are used.

use serde::Deserialize;

use super::custom::Loose;
use super::fields::Fields;
pub(super) use crate::sources::json::{Id, Number, Text};

/// Any of Jira's messages.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, rename = "webhookEvent")]
    pub(super) event: Option<Text<'a>>,
    /// When it happened, in milliseconds since the epoch.
    pub(super) timestamp: Option<Number>,
    /// Who did it.
    pub(super) user: Option<User<'a>>,
    pub(super) issue: Option<Issue<'a>>,
    pub(super) changelog: Option<Changelog<'a>>,
    pub(super) comment: Option<Comment<'a>>,
    pub(super) sprint: Option<Sprint<'a>>,
    /// A sprint as it was before an update.
    #[serde(rename = "oldValue")]
    pub(super) old: Option<OldSprint<'a>>,
}

/// An issue, as it is now.
#[derive(Deserialize)]
pub(super) struct Issue<'a> {
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    /// Its address in Jira's API, from which host and path of this Jira are known.
    #[serde(rename = "self")]
    pub(super) address: Text<'a>,
    pub(super) fields: Option<Fields<'a>>,
}

/// An issue named in passing.
#[derive(Deserialize)]
pub(super) struct OtherIssue<'a> {
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
    pub(super) fields: Option<OtherFields<'a>>,
}

#[derive(Deserialize)]
pub(super) struct OtherFields<'a> {
    #[serde(borrow)]
    pub(super) issuetype: Option<IssueType<'a>>,
}

#[derive(Deserialize)]
pub(super) struct IssueType<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    /// 1 for epics, 0 for what they consist of, -1 for sub-tasks.
    #[serde(rename = "hierarchyLevel")]
    pub(super) level: Option<Number>,
}

#[derive(Deserialize)]
pub(super) struct Status<'a> {
    #[serde(borrow, default)]
    pub(super) id: Loose<'a>,
    pub(super) name: Option<Text<'a>>,
    #[serde(rename = "statusCategory")]
    pub(super) category: Option<StatusCategory<'a>>,
}

#[derive(Deserialize)]
pub(super) struct StatusCategory<'a> {
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
}

/// Something with a name: a priority, a resolution, a component, a version.
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

/// A link between two issues, seen from one of them.
#[derive(Deserialize)]
pub(super) struct Link<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<LinkType<'a>>,
    /// The other issue, if `inward` says what this one is to it.
    #[serde(rename = "inwardIssue")]
    pub(super) inward: Option<OtherIssue<'a>>,
    /// The other issue, if `outward` says what this one is to it.
    #[serde(rename = "outwardIssue")]
    pub(super) outward: Option<OtherIssue<'a>>,
}

#[derive(Deserialize)]
pub(super) struct LinkType<'a> {
    #[serde(borrow)]
    pub(super) inward: Option<Text<'a>>,
    pub(super) outward: Option<Text<'a>>,
}

/// A person or an app. Cloud tells them apart by account, Data Center by key or name.
#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow, rename = "accountId")]
    pub(super) account: Option<Text<'a>>,
    pub(super) key: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    #[serde(rename = "displayName")]
    pub(super) display_name: Option<Text<'a>>,
    #[serde(rename = "accountType")]
    pub(super) kind: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Comment<'a> {
    #[serde(borrow)]
    pub(super) author: Option<User<'a>>,
    pub(super) created: Option<Text<'a>>,
}

/// What was changed.
#[derive(Deserialize)]
pub(super) struct Changelog<'a> {
    #[serde(borrow)]
    pub(super) items: Option<Vec<Change<'a>>>,
}

/// One field that was changed: its ids and what people see, before and after.
#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow, default)]
    pub(super) field: Loose<'a>,
    /// `jira` or `custom`.
    #[serde(default)]
    pub(super) fieldtype: Loose<'a>,
    #[serde(default, rename = "fieldId")]
    pub(super) field_id: Loose<'a>,
    #[serde(default)]
    pub(super) from: Loose<'a>,
    #[serde(default, rename = "fromString")]
    pub(super) from_text: Loose<'a>,
    #[serde(default)]
    pub(super) to: Loose<'a>,
    #[serde(default, rename = "toString")]
    pub(super) to_text: Loose<'a>,
}

/// A sprint, as it is now.
#[derive(Deserialize)]
pub(super) struct Sprint<'a> {
    pub(super) id: Id,
    #[serde(borrow, rename = "self")]
    pub(super) address: Text<'a>,
    pub(super) state: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    pub(super) goal: Option<Text<'a>>,
    /// When it is or was to start. While it has not started this is a plan.
    #[serde(rename = "startDate")]
    pub(super) start: Option<Text<'a>>,
    /// When it was really started.
    #[serde(rename = "activatedDate")]
    pub(super) activated: Option<Text<'a>>,
    /// When it was really completed.
    #[serde(rename = "completeDate")]
    pub(super) complete: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct OldSprint<'a> {
    #[serde(borrow, default)]
    pub(super) state: Loose<'a>,
}
