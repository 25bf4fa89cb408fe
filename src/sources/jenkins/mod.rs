//! Jenkins, through the Notification plugin or the Statistics Gatherer plugin. Both post to the
//! same route and are told apart by their shape. Two messages of one build, from whichever
//! plugin, give the same key.

mod checkout;
mod notification;
mod place;
mod report;
mod statistics;

use globset::GlobMatcher;
use serde::Deserialize;
use serde::de::IgnoredAny;

use self::notification::NotifiedBuild;
use self::statistics::Slave;
use super::json::{self, Free, Id, Number, Text};
use super::{Context, Delivery, DeliveryId, ParseError, Parsed, Request, text};
use crate::work::key::Source;
use crate::work::tags;

/// How Jenkins' messages are read.
#[derive(Clone, Debug)]
pub struct JenkinsOptions {
    /// The host in keys where a Jenkins does not know its own address.
    pub default_host: String,
    /// Which jobs deploy, by their path (`org/repo/deploy-api`).
    pub deploy_jobs: Vec<GlobMatcher>,
}

impl Default for JenkinsOptions {
    fn default() -> Self {
        Self { default_host: "jenkins".to_owned(), deploy_jobs: Vec::new() }
    }
}

impl JenkinsOptions {
    /// From the configuration. In a glob `*` stops at `/` and `**` does not.
    pub fn new(default_host: &str, deploy_jobs: &[String]) -> Result<Self, globset::Error> {
        let deploy_jobs = deploy_jobs.iter().map(|text| tags::glob(text)).collect::<Result<_, _>>()?;
        Ok(Self { default_host: default_host.to_ascii_lowercase(), deploy_jobs })
    }
}

/// A message of either plugin. Which one it is follows from the fields that are there.
#[derive(Deserialize)]
struct Message<'a> {
    // The Notification plugin's.
    #[serde(borrow)]
    name: Option<Text<'a>>,
    display_name: Option<Text<'a>>,
    url: Option<Text<'a>>,
    build: Option<NotifiedBuild<'a>>,
    // The Statistics Gatherer's.
    #[serde(rename = "ciUrl")]
    ci_url: Option<Text<'a>>,
    #[serde(rename = "jobName")]
    job_name: Option<Text<'a>>,
    #[serde(rename = "fullJobName")]
    full_job_name: Option<Text<'a>>,
    number: Option<Id>,
    #[serde(rename = "slaveInfo")]
    slave: Option<Slave<'a>>,
    #[serde(rename = "startTime")]
    start_time: Option<Number>,
    #[serde(rename = "endTime")]
    end_time: Option<Number>,
    #[serde(rename = "startedUserId")]
    user: Option<Text<'a>>,
    result: Option<Text<'a>>,
    duration: Option<Number>,
    #[serde(default)]
    parameters: Free<'a>,
    #[serde(rename = "scmInfo")]
    scm: Option<Scm<'a>>,
    #[serde(rename = "queueTime")]
    queue_time: Option<Number>,
    #[serde(rename = "buildUrl")]
    build_url: Option<Text<'a>>,
    #[serde(rename = "buildCause")]
    cause: Option<Text<'a>>,
}

/// What was checked out, as far as the plugin knows.
#[derive(Default, Deserialize)]
struct Scm<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
    branch: Option<Text<'a>>,
    commit: Option<Text<'a>>,
}

/// Which fields are there, whatever is in them.
#[derive(Deserialize)]
struct Shape {
    build: Option<IgnoredAny>,
    #[serde(rename = "ciUrl")]
    ci_url: Option<IgnoredAny>,
    #[serde(rename = "fullJobName")]
    full_job_name: Option<IgnoredAny>,
    #[serde(rename = "buildUrl")]
    build_url: Option<IgnoredAny>,
    result: Option<IgnoredAny>,
}

/// The kinds of message.
enum Sender {
    Notification,
    Statistics,
    /// The Statistics Gatherer also posts about its queue, about steps and about projects.
    OtherStatistics,
    Unknown,
}

impl Shape {
    fn of(message: &Message<'_>) -> Self {
        let there = |there: bool| there.then_some(IgnoredAny);
        Self {
            build: there(message.build.is_some()),
            ci_url: there(message.ci_url.is_some()),
            full_job_name: there(message.full_job_name.is_some()),
            build_url: there(message.build_url.is_some()),
            result: there(message.result.is_some()),
        }
    }

    fn sender(&self) -> Sender {
        // Only a build's message has the job's full name or a result; a step and a checkout name
        // their build too, a queue and a project only the server.
        let of_build = self.full_job_name.is_some() || self.build_url.is_some() && self.result.is_some();
        if self.build.is_some() {
            Sender::Notification
        } else if of_build {
            Sender::Statistics
        } else if self.ci_url.is_some() || self.build_url.is_some() {
            Sender::OtherStatistics
        } else {
            Sender::Unknown
        }
    }
}

/// A message that was understood.
struct Understood {
    id: Option<DeliveryId>,
    event_type: &'static str,
    parsed: Parsed,
}

/// Parses a verified message of Jenkins.
pub(super) fn parse(request: Request<'_>, context: &Context<'_>) -> Delivery {
    // Without an id from the sender, and unless the message tells what it is about.
    let by_body = || DeliveryId::of_body(Source::Jenkins, request.body);
    match content(request.body, context) {
        Ok(Understood { id, event_type, parsed }) => {
            Delivery { id: id.unwrap_or_else(by_body), event_type, content: Ok(parsed) }
        }
        Err((event_type, error)) => Delivery { id: by_body(), event_type, content: Err(error) },
    }
}

fn content(body: &[u8], context: &Context<'_>) -> Result<Understood, (&'static str, ParseError)> {
    let other = |error| ("other", error);
    let text = text(body).map_err(other)?;
    let (sender, message) = match serde_json::from_str::<Message<'_>>(text) {
        Ok(message) => (Shape::of(&message).sender(), Ok(message)),
        Err(error) => {
            if let Some(error) = json::syntax(&error) {
                return Err(other(error));
            }
            let why = || json::explain::<Message<'_>>(text, &error);
            let shape = serde_json::from_str::<Shape>(text).map_err(|_| other(why()))?;
            (shape.sender(), Err(why()))
        }
    };
    match sender {
        Sender::Notification => message
            .and_then(|message| notification::said(&message, context))
            .map_err(|error| (notification::EVENT_TYPE, error)),
        Sender::Statistics => message
            .and_then(|message| statistics::said(&message, context))
            .map_err(|error| (statistics::EVENT_TYPE, error)),
        Sender::OtherStatistics => Ok(Understood {
            id: None,
            event_type: statistics::EVENT_TYPE,
            parsed: Parsed::ignored("statistics of a queue, a step or a project are not used"),
        }),
        Sender::Unknown => Err(other(message.err().unwrap_or_else(|| ParseError::missing("build")))),
    }
}

#[cfg(test)]
mod tests;
