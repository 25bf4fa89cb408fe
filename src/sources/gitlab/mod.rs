//! GitLab's webhooks: which hooks and actions are used, and what a hook of each says.

mod changes;
mod deployment;
mod head;
mod issue;
mod job;
mod merge_request;
mod note;
mod payload;
mod pipeline;
mod push;
mod release;
mod scene;
mod status;

use axum::http::HeaderMap;
use serde::Deserialize;

use self::payload::{Payload, Text};
use super::{Context, Delivery, DeliveryId, ParseError, Parsed, Request, cut, json, text};
use crate::work::key::Source;

/// The header that names the event.
const EVENT: &str = "X-Gitlab-Event";
/// The header that identifies the delivery; a retry carries the same. `X-Gitlab-Event-UUID` will
/// not do: hooks that set off each other share it.
const DELIVERY: &str = "Idempotency-Key";
/// The header that says which GitLab sends.
const INSTANCE: &str = "X-Gitlab-Instance";

/// A hook: its name in the header, the `object_kind` of its body, and its name in metrics.
type Hook = (&'static str, &'static str, &'static str);

/// All hooks that GitLab documents. Metrics call any other `other`, so that a header cannot invent
/// time series.
const HOOKS: &[Hook] = &[
    ("Issue Hook", "issue", "issue"),
    ("Confidential Issue Hook", "work_item", "issue"),
    ("Work Item Hook", "work_item", "issue"),
    ("Merge Request Hook", "merge_request", "merge_request"),
    ("Pipeline Hook", "pipeline", "pipeline"),
    ("Job Hook", "build", "job"),
    ("Deployment Hook", "deployment", "deployment"),
    ("Push Hook", "push", "push"),
    ("Tag Push Hook", "tag_push", "tag_push"),
    ("Note Hook", "note", "note"),
    ("Confidential Note Hook", "note", "note"),
    ("Release Hook", "release", "release"),
    ("Wiki Page Hook", "wiki_page", "wiki_page"),
    ("Feature Flag Hook", "feature_flag", "feature_flag"),
    ("Emoji Hook", "emoji", "emoji"),
    ("Milestone Hook", "milestone", "milestone"),
    ("Vulnerability Hook", "vulnerability", "vulnerability"),
    ("Resource Access Token Hook", "access_token", "access_token"),
    ("Resource Deploy Token Hook", "deploy_token", "deploy_token"),
    ("Member Hook", "member", "member"),
    ("Member Approval Hook", "gitlab_subscription_member_approval", "member"),
    ("Subgroup Hook", "subgroup", "subgroup"),
    ("Project Hook", "project", "project"),
    (SYSTEM, "system", "system"),
];

/// The hook of a whole instance. It tells of pushes and merge requests as the others do.
const SYSTEM: &str = "System Hook";

/// What names the hook in a body.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    object_kind: Option<Text<'a>>,
    event_type: Option<Text<'a>>,
    event_name: Option<Text<'a>>,
}

/// Parses a verified delivery of GitLab.
pub(super) fn parse(request: Request<'_>, context: &Context<'_>) -> Delivery {
    let id = match header(request.headers, DELIVERY) {
        Some(key) => DeliveryId::of_guid(Source::Gitlab, key),
        None => DeliveryId::of_body(Source::Gitlab, request.body),
    };
    let (event_type, content) = match event_type(request) {
        Ok(Ok(event_type)) => (event_type, content(event_type, request, context)),
        Ok(Err(unknown)) => {
            ("other", Ok(Parsed::ignored(format!("event {:?} is not used", cut(&unknown, 64)))))
        }
        Err(error) => ("other", Err(error)),
    };
    Delivery { id, event_type, content }
}

/// Which hook it is, by the header, else by the body; inside, the name of one that is not known.
fn event_type(request: Request<'_>) -> Result<Result<&'static str, String>, ParseError> {
    let named = header(request.headers, EVENT);
    if let Some(name) = named.filter(|name| *name != SYSTEM) {
        let known = HOOKS.iter().find(|(header, ..)| header.eq_ignore_ascii_case(name));
        return Ok(known.map(|(.., event_type)| *event_type).ok_or_else(|| name.to_owned()));
    }
    let body = text(request.body)?;
    let error = |error: serde_json::Error| {
        json::syntax(&error).unwrap_or_else(|| json::explain::<Named<'_>>(body, &error))
    };
    let Named { object_kind, event_type, event_name } = serde_json::from_str(body).map_err(error)?;
    let Some(kind) = object_kind.or(event_type).or(event_name) else {
        return if named.is_some() { Ok(Ok("system")) } else { Err(ParseError::NoHeader(EVENT)) };
    };
    // `event_type` says `confidential_issue` where `object_kind` says `issue`.
    let plain = kind.strip_prefix("confidential_").unwrap_or(&kind);
    let known = HOOKS.iter().find(|(_, kind, _)| *kind == plain).map(|(.., event_type)| *event_type);
    Ok(known.or(named.map(|_| "system")).ok_or_else(|| kind.0.into_owned()))
}

fn content(event_type: &str, request: Request<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let used = match event_type {
        "issue" => said::<issue::Issues<'_>>,
        "merge_request" => said::<merge_request::MergeRequests<'_>>,
        "pipeline" => said::<pipeline::Pipelines<'_>>,
        "job" => said::<job::Jobs<'_>>,
        "deployment" => said::<deployment::Deployments<'_>>,
        "push" => said::<push::Push<'_>>,
        "tag_push" => said::<push::TagPush<'_>>,
        "note" => said::<note::Notes<'_>>,
        "release" => said::<release::Releases<'_>>,
        other => return Ok(Parsed::ignored(format!("event {other:?} is not used"))),
    };
    used(text(request.body)?, header(request.headers, INSTANCE), context)
}

/// Enough of any payload to tell whether it would have been used.
#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    object_attributes: Option<Attributes<'a>>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
}

/// Parses the payload of a hook and says what it says, unless its action is not used. One that is
/// not used need not be understood: new actions come with new shapes.
fn said<'a, P: Payload<'a>>(
    text: &'a str,
    instance: Option<&str>,
    context: &Context<'_>,
) -> Result<Parsed, ParseError> {
    let used = |action: &str| P::ACTIONS.is_empty() || P::ACTIONS.contains(&action);
    let error = match serde_json::from_str::<P>(text) {
        Ok(payload) => {
            let action = payload.action().unwrap_or(P::USUAL_ACTION);
            let known = P::ACTIONS.iter().copied().find(|known| *known == action);
            return match known {
                None if !used(action) => Ok(not_used::<P>(action)),
                action => payload.said(action.unwrap_or(P::USUAL_ACTION), instance, context),
            };
        }
        Err(error) => error,
    };
    if let Some(error) = json::syntax(&error) {
        return Err(error);
    }
    let peeked = serde_json::from_str::<Action<'_>>(text).ok();
    let action =
        peeked.and_then(|peeked| peeked.object_attributes.and_then(|inner| inner.action).or(peeked.action));
    match action {
        Some(action) if !used(&action) => Ok(not_used::<P>(&action)),
        _ => Err(json::explain::<P>(text, &error)),
    }
}

fn not_used<'a, P: Payload<'a>>(action: &str) -> Parsed {
    Parsed::ignored(format!("{:?} of {} is not used", cut(action, 64), P::NAME))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
