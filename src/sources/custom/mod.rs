//! Custom events: whatever can send a small JSON over HTTP, `{"id", "type", "action", …}`.
//!
//! `payload` reads it in the names and spellings that are understood, `place` says which item is
//! meant and which its parent is, and `report` what is said of it.

mod payload;
mod place;
mod report;

use self::payload::Body;
use self::report::{Action, Report};
use super::{Context, Delivery, DeliveryId, ParseError, Parsed, Request, json, text};
use crate::work::key::Source;

/// The header of Standard Webhooks that identifies the delivery; a repetition carries the same.
pub const DELIVERY: &str = "webhook-id";

/// Parses a verified delivery.
pub(super) fn parse(request: Request<'_>, context: &Context<'_>) -> Delivery {
    let named = request.headers.get(DELIVERY).and_then(|value| value.to_str().ok()).map(str::trim);
    let id = match named.filter(|id| !id.is_empty()) {
        Some(id) => DeliveryId::of(Source::Custom, &[id]),
        None => DeliveryId::of_body(Source::Custom, request.body),
    };
    match read(request.body) {
        Ok(body) => {
            let action = body.action.as_deref().map(Action::of);
            let event_type = action.as_ref().map_or("other", Action::name);
            Delivery { id, event_type, content: content(&body, context) }
        }
        Err(error) => Delivery { id, event_type: "other", content: Err(error) },
    }
}

fn read(body: &[u8]) -> Result<Body<'_>, ParseError> {
    let text = text(body)?;
    serde_json::from_str(text)
        .map_err(|error| json::syntax(&error).unwrap_or_else(|| json::explain::<Body<'_>>(text, &error)))
}

fn content(body: &Body<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    Ok(Parsed::Used(Report::new(body, context)?.said()?))
}

#[cfg(test)]
mod tests;
