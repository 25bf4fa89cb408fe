//! The Statistics Gatherer plugin: one message at a build's start and one at its end.

use serde::Deserialize;

use super::notification::{finished, micros};
use super::place::Place;
use super::report::{Report, Stage, outcome};
use super::{Message, Scm, Understood};
use crate::sources::json::Text;
use crate::sources::{Context, DeliveryId, ParseError, Parsed};
use crate::work::event::{Flaw, Run, instant, stated};
use crate::work::lattice::{Instant, Trust};
use crate::work::time::Time;

pub(super) const EVENT_TYPE: &str = "statistics";

/// Times below are seconds, not milliseconds: as milliseconds this is 1973, as seconds 5138.
const SECONDS_BELOW: i64 = 100_000_000_000;

/// The worker.
#[derive(Deserialize)]
pub(super) struct Slave<'a> {
    #[serde(borrow, rename = "slaveName")]
    pub(super) name: Option<Text<'a>>,
    pub(super) label: Option<Text<'a>>,
}

pub(super) fn said(message: &Message<'_>, context: &Context<'_>) -> Result<Understood, ParseError> {
    let number = message.number.ok_or_else(|| ParseError::missing("number"))?;
    let result = message.result.as_deref().ok_or_else(|| ParseError::missing("result"))?;
    let place = place(message, &number.to_string(), &context.jenkins.default_host)?;
    let going = result.eq_ignore_ascii_case("INPROGRESS");
    let stage = if going { Stage::Started } else { Stage::Completed };

    let mut flaws = Vec::new();
    let run = if going {
        let started = time(message.start_time.map(|n| n.0), &mut flaws);
        let waited = micros(message.queue_time).filter(|waited| *waited > 0);
        let queued = started.zip(waited).map(|(started, waited)| started.plus(-waited));
        Run { queued: instant(Trust::Derived, queued), started: stated(started), ..Run::default() }
    } else {
        // `startTime` is about now in this message, so the start follows from the duration.
        let ended = match time(message.end_time.map(|n| n.0), &mut flaws) {
            Some(at) => Instant::stated(at),
            None => {
                flaws.push(Flaw::TimeOfReceipt);
                Instant { trust: Trust::Receipt, at: context.received_at }
            }
        };
        finished(ended, micros(message.duration), outcome(Some(result), &mut flaws), stage)
    };

    let nothing = Scm::default();
    let report = Report {
        place,
        number,
        stage,
        run,
        names: [message.job_name.as_deref(), message.full_job_name.as_deref()],
        address: address(message),
        scm: message.scm.as_ref().unwrap_or(&nothing),
        parameters: &message.parameters,
        tests: None,
        worker: message.slave.as_ref(),
        trigger: message.cause.as_deref().and_then(trigger),
        user: message.user.as_deref(),
        flaws,
    };
    let key = report.key(context)?;
    let id = DeliveryId::of_build(&key, &["stats", result]);
    let parsed = Parsed::Used(report.said(key, context));
    Ok(Understood { id: Some(id), event_type: EVENT_TYPE, parsed })
}

fn place(message: &Message<'_>, number: &str, default_host: &str) -> Result<Place, ParseError> {
    let jenkins = message.ci_url.as_deref();
    let path = message.build_url.as_deref();
    let name = message.full_job_name.as_deref();
    path.and_then(|path| Place::of_path(jenkins, path, number, default_host))
        .or_else(|| Place::of_name(jenkins, name?, default_host))
        .ok_or_else(|| ParseError::missing("buildUrl"))
}

fn address(message: &Message<'_>) -> Option<String> {
    let (jenkins, build) = (message.ci_url.as_deref()?, message.build_url.as_deref()?);
    Some(format!("{}/{}", jenkins.trim_end_matches('/'), build.trim_start_matches('/')))
}

/// A time in milliseconds, or in seconds as some old versions sent it.
fn time(number: Option<i64>, flaws: &mut Vec<Flaw>) -> Option<Time> {
    let number = number.filter(|number| *number != 0)?;
    let millis = if number < SECONDS_BELOW { number.checked_mul(1_000) } else { Some(number) };
    let time = millis.and_then(Time::from_millis);
    if time.is_none() {
        flaws.push(Flaw::ImplausibleTime);
    }
    time
}

/// What started a build, without saying who: causes are sentences, some with a person's name.
fn trigger(cause: &str) -> Option<&'static str> {
    let cause = cause.to_ascii_lowercase();
    let words = [
        ("started by timer", "timer"),
        ("started by an scm change", "scm"),
        ("started by upstream", "upstream"),
        ("started by user", "user"),
        ("started by remote", "remote"),
        ("branch indexing", "branch_indexing"),
        ("branch event", "branch_event"),
        ("push event", "push"),
        ("pull request", "pull_request"),
        ("replayed", "replay"),
        ("rebuil", "rebuild"),
    ];
    words.into_iter().find(|(words, _)| cause.contains(words)).map(|(_, trigger)| trigger)
}
