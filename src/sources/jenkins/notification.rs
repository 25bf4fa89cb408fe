//! The Notification plugin: one message for each phase of a build. Each phase knows the build's
//! times with another exactness.

use serde::Deserialize;

use super::place::Place;
use super::report::{Report, Stage, outcome};
use super::{Message, Scm, Understood};
use crate::sources::json::{Free, Id, Number, Text};
use crate::sources::{Context, DeliveryId, ParseError, Parsed, cut};
use crate::work::event::{Flaw, Run, instant, stated};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};
use crate::work::time::Time;

pub(super) const EVENT_TYPE: &str = "notification";

#[derive(Deserialize)]
pub(super) struct NotifiedBuild<'a> {
    #[serde(borrow)]
    full_url: Option<Text<'a>>,
    url: Option<Text<'a>>,
    number: Option<Id>,
    phase: Option<Text<'a>>,
    status: Option<Text<'a>>,
    timestamp: Option<Number>,
    duration: Option<Number>,
    scm: Option<Scm<'a>>,
    #[serde(default)]
    parameters: Free<'a>,
    test_summary: Option<TestSummary>,
}

#[derive(Deserialize)]
pub(super) struct TestSummary {
    pub(super) total: Option<Number>,
    pub(super) failed: Option<Number>,
    pub(super) skipped: Option<Number>,
}

pub(super) fn said(message: &Message<'_>, context: &Context<'_>) -> Result<Understood, ParseError> {
    let Some(build) = &message.build else {
        return Err(ParseError::missing("build"));
    };
    let phase = build.phase.as_deref().ok_or_else(|| ParseError::missing("build.phase"))?;
    let stage = match phase {
        "QUEUED" => Stage::Queued,
        "STARTED" => Stage::Started,
        "COMPLETED" => Stage::Completed,
        "FINALIZED" => Stage::Finalized,
        other => {
            let parsed = Parsed::ignored(format!("phase {:?} is not used", cut(other, 64)));
            return Ok(Understood { id: None, event_type: EVENT_TYPE, parsed });
        }
    };
    let number = build.number.ok_or_else(|| ParseError::missing("build.number"))?;
    let place = place(message, build, &number.to_string(), &context.jenkins.default_host)?;

    let mut flaws = Vec::new();
    let run = run(build, stage, context.received_at, &mut flaws);
    let nothing = Scm::default();
    let report = Report {
        place,
        number,
        stage,
        run,
        names: [message.name.as_deref(), message.display_name.as_deref()],
        address: build.full_url.as_deref().map(str::to_owned),
        scm: build.scm.as_ref().unwrap_or(&nothing),
        parameters: &build.parameters,
        tests: build.test_summary.as_ref(),
        worker: None,
        trigger: None,
        user: None,
        flaws,
    };
    let key = report.key(context)?;
    let status = build.status.as_deref().unwrap_or_default();
    let id = DeliveryId::of_build(&key, &[phase, status]);
    let parsed = Parsed::Used(report.said(key, context));
    Ok(Understood { id: Some(id), event_type: EVENT_TYPE, parsed })
}

fn place(
    message: &Message<'_>,
    build: &NotifiedBuild<'_>,
    number: &str,
    default_host: &str,
) -> Result<Place, ParseError> {
    let of_path = |path: &str| Place::of_path(None, path, number, default_host);
    build
        .full_url
        .as_deref()
        .and_then(|address| Place::of_address(address, number))
        .or_else(|| build.url.as_deref().and_then(of_path))
        .or_else(|| message.url.as_deref().and_then(of_path))
        .or_else(|| Place::of_name(None, message.name.as_deref()?, default_host))
        .ok_or_else(|| ParseError::missing("build.full_url"))
}

/// What a phase knows of the build's times.
fn run(build: &NotifiedBuild<'_>, stage: Stage, received_at: Time, flaws: &mut Vec<Flaw>) -> Run {
    // 0 stands for not known.
    let stamped = build.timestamp.map(|timestamp| timestamp.0).filter(|millis| *millis != 0);
    let at = stamped.and_then(Time::from_millis);
    if stamped.is_some() && at.is_none() {
        flaws.push(Flaw::ImplausibleTime);
    }
    let ended = match (stage, at) {
        (Stage::Queued, at) => return Run { queued: stated(at), ..Run::default() },
        (Stage::Started, at) => return Run { started: stated(at), ..Run::default() },
        (Stage::Completed, Some(at)) => Instant::stated(at),
        // Sent after the clean-up.
        (Stage::Finalized, Some(at)) => Instant { trust: Trust::Near, at },
        (Stage::Completed | Stage::Finalized, None) => {
            flaws.push(Flaw::TimeOfReceipt);
            Instant { trust: Trust::Receipt, at: received_at }
        }
    };
    let outcome = outcome(build.status.as_deref(), flaws);
    // Before there is a result a duration of 0 says nothing.
    let duration = micros(build.duration).filter(|duration| *duration > 0 || build.status.is_some());
    finished(ended, duration, outcome, stage)
}

/// A build that ended: its start follows from its end and its duration.
pub(super) fn finished(
    ended: Instant,
    duration: Option<i64>,
    outcome: crate::work::event::Outcome,
    stage: Stage,
) -> Run {
    let stamp = Stamp::stated(None, stage.step());
    let trust = ended.trust.min(Trust::Derived);
    Run {
        queued: None,
        started: instant(trust, duration.map(|duration| ended.at.plus(-duration))),
        ended: Some(ended),
        duration: duration.map(|duration| Latest::new(stamp, duration)),
        outcome: Some(Latest::new(stamp, outcome)),
    }
}

/// A duration in milliseconds as microseconds; one that is negative says nothing.
pub(super) fn micros(millis: Option<Number>) -> Option<i64> {
    millis.and_then(|millis| millis.0.checked_mul(1_000)).filter(|micros| *micros >= 0)
}
