//! CDEvents, as CloudEvents over HTTP: which events are used, and what an event of each says.
//!
//! `envelope` finds the CDEvent in the request and what identifies it, `check` has the SDK say
//! whether it is one, and what it says is read from small structs of its own: those of the SDK
//! differ from version to version in little but their names.

mod artifact;
mod change;
mod check;
mod deploy;
mod envelope;
mod payload;
mod run;
mod scene;
mod ticket;

use self::envelope::Letter;
use self::payload::CdEvent;
use self::scene::Scene;
use super::{Context, Delivery, DeliveryId, ParseError, Parsed, Request, cut};
use crate::work::key::Source;

/// Tells what an event says.
type Tell = for<'s, 'a, 'c> fn(&'s mut Scene<'a, 'c>) -> Result<Parsed, ParseError>;

/// Every event of CDEvents 0.3 to 0.5, as metrics name it, with what tells what it says. Any other
/// is `other`, so that a payload cannot invent time series.
const EVENTS: &[(&str, Option<Tell>)] = &[
    ("approval.closed", None),
    ("approval.created", None),
    ("approval.updated", None),
    ("artifact.deleted", None),
    ("artifact.downloaded", None),
    ("artifact.packaged", Some(artifact::told)),
    ("artifact.published", Some(artifact::told)),
    ("artifact.signed", Some(artifact::told)),
    ("branch.created", None),
    ("branch.deleted", None),
    ("build.finished", Some(run::build)),
    ("build.queued", Some(run::build)),
    ("build.started", Some(run::build)),
    ("change.abandoned", Some(change::told)),
    ("change.created", Some(change::told)),
    ("change.merged", Some(change::told)),
    ("change.reviewed", Some(change::told)),
    ("change.updated", Some(change::told)),
    ("environment.created", None),
    ("environment.deleted", None),
    ("environment.modified", None),
    ("incident.detected", Some(ticket::incident)),
    ("incident.reported", Some(ticket::incident)),
    ("incident.resolved", Some(ticket::incident)),
    ("pipelinerun.finished", Some(run::pipeline)),
    ("pipelinerun.queued", Some(run::pipeline)),
    ("pipelinerun.started", Some(run::pipeline)),
    ("repository.created", None),
    ("repository.deleted", None),
    ("repository.modified", None),
    ("service.deployed", Some(deploy::told)),
    // What was deployed before can now be reached: not another deployment.
    ("service.published", None),
    ("service.removed", None),
    ("service.rolledback", Some(deploy::told)),
    ("service.upgraded", Some(deploy::told)),
    ("taskrun.finished", Some(run::task)),
    ("taskrun.started", Some(run::task)),
    ("testcaserun.finished", None),
    ("testcaserun.queued", None),
    ("testcaserun.skipped", None),
    ("testcaserun.started", None),
    ("testoutput.published", None),
    ("testsuiterun.finished", None),
    ("testsuiterun.queued", None),
    ("testsuiterun.started", None),
    ("ticket.closed", Some(ticket::ticket)),
    ("ticket.created", Some(ticket::ticket)),
    ("ticket.updated", Some(ticket::ticket)),
];

/// Parses a verified delivery.
pub(super) fn parse(request: Request<'_>, context: &Context<'_>) -> Delivery {
    let letter = Letter::open(request);
    let identity = letter.as_ref().ok().and_then(Letter::identity);
    let id = identity
        .or_else(|| envelope::identity_of(request.headers))
        .unwrap_or_else(|| DeliveryId::of_body(Source::Cdevents, request.body));
    let ty = letter.as_ref().ok().and_then(Letter::event_type);
    let ty = ty.or_else(|| envelope::header(request.headers, envelope::TYPE));
    let known = ty.and_then(known);
    let event_type = known.map_or("other", |(name, _)| name);
    let content = letter.and_then(|letter| content(&letter, context));
    Delivery { id, event_type, content }
}

fn content(letter: &Letter<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let ty = letter.ty().ok_or_else(|| ParseError::missing(&letter.path("context.type")))?;
    let unknown =
        || Ok(Parsed::ignored(format!("event {:?} is not a version of CDEvents 0.3 to 0.5", cut(ty, 120))));
    let tell = match known(ty) {
        None => return unknown(),
        Some((name, None)) => return Ok(Parsed::ignored(format!("event {name:?} is not used"))),
        Some((_, Some(tell))) => tell,
    };
    if !check::knows(ty) {
        return unknown();
    }
    if let Some(version) = letter.odd_version()? {
        return Ok(Parsed::ignored(format!("CDEvents {:?} is not one of 0.3 to 0.5", cut(version, 32))));
    }
    let event: CdEvent<'_> = letter.read()?;
    check::check(letter, ty)?;
    tell(&mut Scene::new(&event, ty, letter, context)?)
}

/// The event that a type names, `dev.cdevents.{subject}.{predicate}.{version}`, in whichever version.
fn known(ty: &str) -> Option<(&'static str, Option<Tell>)> {
    let rest = ty.strip_prefix("dev.cdevents.")?;
    EVENTS.iter().copied().find(|(name, _)| {
        rest.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).is_some_and(|v| !v.is_empty())
    })
}

#[cfg(test)]
mod tests;
