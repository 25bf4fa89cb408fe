//! Jira's webhooks, of Jira Cloud and of Jira Data Center: which events are used, and what each says.
//! The event's name is in the payload, so what is read first is the whole message; one that is not
//! used need not be understood.

mod changes;
mod custom;
mod fields;
mod issue;
mod life;
mod payload;
mod scene;
mod sprint;

use axum::http::HeaderMap;
use serde::Deserialize;

use self::payload::{Message, Text};
use super::{Context, Delivery, DeliveryId, ParseError, Parsed, Request, cut, json, text};
use crate::work::key::Source;

/// The header that identifies a delivery of Jira Cloud; a retry carries the same. Data Center sends none.
pub const IDENTIFIER: &str = "X-Atlassian-Webhook-Identifier";

/// What the name of an event that is not known becomes.
const OTHER: &str = "other";

/// The events that metrics tell apart: all that Atlassian documents. Any other is `other`, so that a
/// payload cannot invent time series.
const EVENTS: &[&str] = &[
    "attachment_created",
    "attachment_deleted",
    "board_configuration_changed",
    "board_created",
    "board_deleted",
    "board_updated",
    "comment_created",
    "comment_deleted",
    "comment_updated",
    "issue_property_deleted",
    "issue_property_set",
    "issuelink_created",
    "issuelink_deleted",
    "issuetype_created",
    "issuetype_deleted",
    "issuetype_updated",
    "jira:issue_created",
    "jira:issue_deleted",
    "jira:issue_updated",
    "jira:version_created",
    "jira:version_deleted",
    "jira:version_moved",
    "jira:version_released",
    "jira:version_unreleased",
    "jira:version_updated",
    "jira:worklog_updated",
    "jira_expression_evaluation_failed",
    "option_attachments_changed",
    "option_issuelinks_changed",
    "option_subtasks_changed",
    "option_timetracking_changed",
    "option_timetracking_provider_changed",
    "option_unassigned_issues_changed",
    "option_voting_changed",
    "option_watching_changed",
    "project_archived",
    "project_created",
    "project_deleted",
    "project_restored_archived",
    "project_restored_deleted",
    "project_soft_deleted",
    "project_updated",
    "sprint_closed",
    "sprint_created",
    "sprint_deleted",
    "sprint_started",
    "sprint_updated",
    "user_created",
    "user_deleted",
    "user_updated",
    "worklog_created",
    "worklog_deleted",
    "worklog_updated",
];

/// The events that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    IssueCreated,
    IssueUpdated,
    IssueDeleted,
    CommentCreated,
    SprintCreated,
    SprintUpdated,
    SprintStarted,
    SprintClosed,
    SprintDeleted,
}

impl Event {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "jira:issue_created" => Event::IssueCreated,
            "jira:issue_updated" => Event::IssueUpdated,
            "jira:issue_deleted" => Event::IssueDeleted,
            "comment_created" => Event::CommentCreated,
            "sprint_created" => Event::SprintCreated,
            "sprint_updated" => Event::SprintUpdated,
            "sprint_started" => Event::SprintStarted,
            "sprint_closed" => Event::SprintClosed,
            "sprint_deleted" => Event::SprintDeleted,
            _ => return None,
        })
    }
}

/// Parses a verified delivery.
pub(super) fn parse(request: Request<'_>, context: &Context<'_>) -> Delivery {
    let id = match header(request.headers, IDENTIFIER) {
        Some(id) => DeliveryId::of(Source::Jira, &[id]),
        None => DeliveryId::of_body(Source::Jira, request.body),
    };
    let (event_type, content) = match text(request.body) {
        Ok(text) => content(text, context),
        Err(error) => (OTHER, Err(error)),
    };
    Delivery { id, event_type, content }
}

/// Enough of any payload to tell whether it would have been used.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "webhookEvent")]
    event: Option<Text<'a>>,
}

fn content(text: &str, context: &Context<'_>) -> (&'static str, Result<Parsed, ParseError>) {
    let error = match serde_json::from_str::<Message<'_>>(text) {
        Ok(message) => {
            let name = message.event.as_deref();
            return (known(name), said(name, &message, context));
        }
        Err(error) => error,
    };
    if let Some(error) = json::syntax(&error) {
        return (OTHER, Err(error));
    }
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(Envelope { event: Some(name) }) if Event::from_name(&name).is_none() => {
            (known(Some(&name)), Ok(not_used(&name)))
        }
        Ok(Envelope { event }) => (known(event.as_deref()), Err(json::explain::<Message<'_>>(text, &error))),
        Err(_) => (OTHER, Err(json::explain::<Message<'_>>(text, &error))),
    }
}

fn said(name: Option<&str>, message: &Message<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let name = name.ok_or_else(|| ParseError::missing("webhookEvent"))?;
    match Event::from_name(name) {
        None => Ok(not_used(name)),
        Some(Event::CommentCreated) if message.issue.is_none() => {
            Ok(Parsed::ignored("a comment without its issue is not used: jira:issue_updated tells of it"))
        }
        Some(
            event @ (Event::IssueCreated | Event::IssueUpdated | Event::IssueDeleted | Event::CommentCreated),
        ) => issue::said(event, message, context),
        Some(event) => sprint::said(event, message, context),
    }
}

fn not_used(name: &str) -> Parsed {
    let why = match name {
        "issuelink_created" | "issuelink_deleted" => {
            ": it names issues by their inner ids only; jira:issue_updated tells of links"
        }
        _ => "",
    };
    Parsed::ignored(format!("event {:?} is not used{why}", cut(name, 64)))
}

fn known(name: Option<&str>) -> &'static str {
    let known = |name: &str| EVENTS.iter().copied().find(|known| *known == name);
    name.and_then(known).unwrap_or(OTHER)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
