//! GitHub's webhooks: which events and actions are used, and what an event of each says.

mod comment;
mod deployment;
mod issue;
mod issue_link;
mod job;
mod merge_queue;
mod payload;
mod pull_request;
mod push;
mod release;
mod run;
mod scene;

use std::borrow::Cow;

use axum::http::HeaderMap;
use serde::Deserialize;

use self::payload::{Payload, Text};
use super::{Context, Delivery, DeliveryId, ParseError, Parsed, Request, cut, is_form, json, text};
use crate::work::key::Source;

/// The header that names the event.
pub const EVENT: &str = "X-GitHub-Event";
/// The header that identifies the delivery; a redelivery carries the same.
pub const DELIVERY: &str = "X-GitHub-Delivery";

/// The events that metrics tell apart: all that GitHub documents for repositories and
/// organisations. Any other is `other`, so that a header cannot invent time series.
const EVENTS: &[&str] = &[
    "branch_protection_configuration",
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "code_scanning_alert",
    "commit_comment",
    "create",
    "custom_property",
    "custom_property_values",
    "delete",
    "dependabot_alert",
    "deploy_key",
    "deployment",
    "deployment_protection_rule",
    "deployment_review",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "github_app_authorization",
    "gollum",
    "installation",
    "installation_repositories",
    "installation_target",
    "issue_comment",
    "issue_dependencies",
    "issues",
    "label",
    "marketplace_purchase",
    "member",
    "membership",
    "merge_group",
    "meta",
    "milestone",
    "org_block",
    "organization",
    "package",
    "page_build",
    "personal_access_token_request",
    "ping",
    "project",
    "project_card",
    "project_column",
    "projects_v2",
    "projects_v2_item",
    "projects_v2_status_update",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "registry_package",
    "release",
    "repository",
    "repository_advisory",
    "repository_dispatch",
    "repository_import",
    "repository_ruleset",
    "repository_vulnerability_alert",
    "secret_scanning_alert",
    "secret_scanning_alert_location",
    "secret_scanning_scan",
    "security_advisory",
    "security_and_analysis",
    "sponsorship",
    "star",
    "status",
    "sub_issues",
    "team",
    "team_add",
    "watch",
    "workflow_dispatch",
    "workflow_job",
    "workflow_run",
];

/// Parses a verified delivery of GitHub.
pub(super) fn parse(request: Request<'_>, context: &Context<'_>) -> Delivery {
    let id = match header(request.headers, DELIVERY) {
        Some(id) => DeliveryId::of_guid(Source::Github, id),
        None => DeliveryId::of_body(Source::Github, request.body),
    };
    let Some(event) = header(request.headers, EVENT) else {
        return Delivery { id, event_type: "other", content: Err(ParseError::NoHeader(EVENT)) };
    };
    let event_type = EVENTS.iter().copied().find(|known| *known == event).unwrap_or("other");
    Delivery { id, event_type, content: content(event, request, context) }
}

fn content(event: &str, request: Request<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let used = match event {
        "issues" => said::<issue::Issues<'_>>,
        "pull_request" => said::<pull_request::PullRequests<'_>>,
        "pull_request_review" => said::<pull_request::Reviews<'_>>,
        "push" => said::<push::Push<'_>>,
        "workflow_run" => said::<run::WorkflowRuns<'_>>,
        "workflow_job" => said::<job::WorkflowJobs<'_>>,
        "check_run" => said::<run::CheckRuns<'_>>,
        "deployment" => said::<deployment::Deployments<'_>>,
        "deployment_status" => said::<deployment::Statuses<'_>>,
        "release" => said::<release::Releases<'_>>,
        "merge_group" => said::<merge_queue::MergeGroups<'_>>,
        "sub_issues" => said::<issue_link::SubIssues<'_>>,
        "issue_dependencies" => said::<issue_link::Dependencies<'_>>,
        "issue_comment" => said::<comment::IssueComments<'_>>,
        "pull_request_review_comment" => said::<comment::ReviewComments<'_>>,
        // Its status could only change the issue, which it names by a node id and nothing else.
        "projects_v2_item" => {
            return Ok(Parsed::ignored("projects_v2_item names its issue by an opaque node id alone"));
        }
        "ping" => return Ok(Parsed::ignored("ping")),
        other => return Ok(Parsed::ignored(format!("event {:?} is not used", cut(other, 64)))),
    };
    let body =
        if is_form(request.headers) { form_payload(request.body)? } else { Cow::Borrowed(request.body) };
    used(text(&body)?, context)
}

/// The payload out of a form. Decoded here rather than by `form_urlencoded`, which would replace
/// what is not UTF-8 instead of telling.
fn form_payload(body: &[u8]) -> Result<Cow<'_, [u8]>, ParseError> {
    let field = body.split(|b| *b == b'&').find_map(|field| field.strip_prefix(b"payload="));
    let field = field.ok_or(ParseError::NoPayload)?;
    let spaced: Vec<u8> = field.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    Ok(Cow::Owned(percent_encoding::percent_decode(&spaced).collect()))
}

/// Enough of any payload to tell whether it would have been used.
#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
}

/// Parses the payload of an event and says what it says, unless its action is not used. One that
/// is not used need not be understood: new actions come with new shapes.
fn said<'a, P: Payload<'a>>(text: &'a str, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let error = match serde_json::from_str::<P>(text) {
        Ok(payload) => {
            return match payload.action().or(P::USUAL_ACTION) {
                None => Err(ParseError::missing("action")),
                Some(action) => match P::ACTIONS.iter().find(|used| **used == action) {
                    Some(action) => payload.said(action, context),
                    None => Ok(not_used::<P>(action)),
                },
            };
        }
        Err(error) => error,
    };
    if let Some(error) = json::syntax(&error) {
        return Err(error);
    }
    match serde_json::from_str::<Action<'_>>(text) {
        Ok(Action { action: Some(action) }) if !P::ACTIONS.contains(&&*action) => Ok(not_used::<P>(&action)),
        _ => Err(json::explain::<P>(text, &error)),
    }
}

fn not_used<'a, P: Payload<'a>>(action: &str) -> Parsed {
    Parsed::ignored(format!("action {:?} of {} is not used", cut(action, 64), P::EVENT))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
