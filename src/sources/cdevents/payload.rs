//! The parts of a CDEvent that are used, of all versions at once: a field that one version has and
//! another has not is simply not there, and what was `url` until 0.4 is `uri` since.

use serde::Deserialize;

use super::envelope::texts;
use crate::sources::json::{Free, Text};

/// A CDEvent.
#[derive(Deserialize)]
pub(super) struct CdEvent<'a> {
    #[serde(borrow)]
    pub(super) context: EventContext<'a>,
    pub(super) subject: Subject<'a>,
    #[serde(rename = "customData", default)]
    pub(super) custom: Free<'a>,
}

#[derive(Deserialize)]
pub(super) struct EventContext<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) source: Text<'a>,
    pub(super) timestamp: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Subject<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) source: Option<Text<'a>>,
    pub(super) content: Content<'a>,
}

/// What else a subject is about, by id and source.
#[derive(Deserialize)]
pub(super) struct Reference<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    pub(super) source: Option<Text<'a>>,
}

/// What the used subjects have to say, all in one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content<'a> {
    // change
    #[serde(borrow)]
    pub(super) description: Option<Text<'a>>,
    pub(super) repository: Option<Reference<'a>>,
    // pipelinerun, taskrun
    pub(super) pipeline_name: Option<Text<'a>>,
    pub(super) task_name: Option<Text<'a>>,
    pub(super) pipeline_run: Option<Reference<'a>>,
    pub(super) outcome: Option<Text<'a>>,
    pub(super) errors: Option<Text<'a>>,
    #[serde(alias = "url")]
    pub(super) uri: Option<Text<'a>>,
    // build, service, incident
    pub(super) artifact_id: Option<Text<'a>>,
    pub(super) environment: Option<Reference<'a>>,
    pub(super) service: Option<Reference<'a>>,
    #[serde(rename = "ticketURI")]
    pub(super) ticket_uri: Option<Text<'a>>,
    // artifact
    pub(super) change: Option<Reference<'a>>,
    // ticket
    pub(super) summary: Option<Text<'a>>,
    pub(super) ticket_type: Option<Text<'a>>,
    pub(super) group: Option<Text<'a>>,
    pub(super) creator: Option<Text<'a>>,
    #[serde(default, deserialize_with = "texts")]
    pub(super) assignees: Vec<Text<'a>>,
    pub(super) priority: Option<Text<'a>>,
    pub(super) labels: Option<Vec<Text<'a>>>,
    pub(super) milestone: Option<Text<'a>>,
    pub(super) resolution: Option<Text<'a>>,
}
