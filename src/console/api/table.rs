//! The routes: where each is, what it takes, what it answers, and how.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::problem::{Problem, ProblemType};
use super::{BASE, json, traceparent, without_parameters};
use crate::clock;
use crate::console::Console;
use crate::insight::query::Query;
use crate::insight::report::{
    Correlations, Detail, Dora, Groups, Items, Latency, PullRequests, Quality, Stages, Stuck, Summary,
    TagKeys, Trace, Trend, Wip,
};
use crate::insight::reports::{ReportError, Reports};
use crate::store::Store;
use crate::work::key::Key;

/// A route and what answers there.
pub(super) struct Route<S, R> {
    pub described: Described,
    pub method: MethodRouter<Arc<Console<S, R>>>,
}

/// What the document says about a route.
pub(super) struct Described {
    /// Below [`BASE`].
    pub path: &'static str,
    /// The operation's name.
    pub id: &'static str,
    /// What it answers, in a few words.
    pub summary: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// The name of the answer's schema.
    pub answer: String,
    /// That schema and all that it refers to.
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

/// The parameters of a route.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Those of every question.
    Query,
    /// The same, and `group` must be given.
    Grouped,
    /// The same, and a key in the path.
    QueryAndKey,
    /// Only what stands in the path.
    Id,
    /// An item's key, and which of its episodes.
    Item,
}

impl Described {
    fn new<T: ToSchema>(path: &'static str, id: &'static str, takes: Takes, summary: &'static str) -> Self {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        Self { path, id, summary, takes, answer: T::name().into_owned(), schemas }
    }

    pub fn whole_path(&self) -> String {
        format!("{BASE}{}", self.path)
    }
}

/// All routes but that of the document itself.
pub(super) fn routes<S: Store, R: Reports>() -> Vec<Route<S, R>> {
    vec![
        report::<S, R, Summary>(
            "/summary",
            "summary",
            Takes::Query,
            "Issue lead time and DORA's five, with the period before",
            |reports, query| Box::pin(reports.summary(query)),
        ),
        report::<S, R, Latency>(
            "/latency",
            "latency",
            Takes::Query,
            "How long work takes: quantiles and a histogram; `overlay` is laid over it",
            |reports, query| Box::pin(reports.latency(query)),
        ),
        report::<S, R, Groups>(
            "/groups",
            "groups",
            Takes::Grouped,
            "One distribution for each value of `group`",
            |reports, query| Box::pin(reports.groups(query)),
        ),
        report::<S, R, Trend>(
            "/trend",
            "trend",
            Takes::Query,
            "Medians and outcomes over time, by `group` if it is given",
            |reports, query| Box::pin(reports.trend(query)),
        ),
        report::<S, R, Correlations>(
            "/correlations",
            "correlations",
            Takes::Query,
            "What slow or failed items have in common: an association, not a cause",
            |reports, query| Box::pin(reports.correlations(query)),
        ),
        report::<S, R, Dora>(
            "/dora",
            "dora",
            Takes::Query,
            "DORA's metrics, and per service",
            |reports, query| Box::pin(reports.dora(query)),
        ),
        report::<S, R, Stages>(
            "/stages",
            "stages",
            Takes::Query,
            "Where the time goes: coding, pickup, review, deploy, builds",
            |reports, query| Box::pin(reports.stages(query)),
        ),
        report::<S, R, PullRequests>(
            "/pull-requests",
            "pull_requests",
            Takes::Query,
            "How pull requests fared, by repository and interval: how many, how long, how large, how discussed",
            |reports, query| Box::pin(reports.pull_requests(query)),
        ),
        report::<S, R, Wip>(
            "/wip",
            "wip",
            Takes::Query,
            "What is open now, and for how long",
            |reports, query| Box::pin(reports.wip(query)),
        ),
        report::<S, R, Stuck>(
            "/stuck",
            "stuck",
            Takes::Query,
            "What has been open for too long, of all kinds, the oldest first",
            |reports, query| Box::pin(reports.stuck(query)),
        ),
        report::<S, R, Quality>(
            "/quality",
            "quality",
            Takes::Query,
            "How far the data can be believed",
            |reports, query| Box::pin(reports.quality(query)),
        ),
        report::<S, R, Items>(
            "/items",
            "items",
            Takes::Query,
            "Single items, the slowest first; `cursor` goes on",
            |reports, query| Box::pin(reports.items(query)),
        ),
        report::<S, R, TagKeys>(
            "/tags",
            "tags",
            Takes::Query,
            "The keys to slice by, with their most frequent values",
            |reports, query| Box::pin(reports.tags(query)),
        ),
        detail(),
        trace(),
        Route {
            described: Described::new::<traceparent::Traceparent>(
                "/traceparent",
                "traceparent",
                Takes::Item,
                "The W3C traceparent of an item's span, so that other spans can join its trace",
            ),
            method: get(traceparent::tell::<S, R>),
        },
    ]
}

type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, ReportError>> + Send + 'a>>;

fn report<S: Store, R: Reports, T: Serialize + ToSchema + 'static>(
    path: &'static str,
    id: &'static str,
    takes: Takes,
    summary: &'static str,
    ask: for<'a> fn(&'a R, &'a Query) -> Answering<'a, T>,
) -> Route<S, R> {
    let tell = async move |State(console): State<Arc<Console<S, R>>>,
                           RawQuery(raw): RawQuery|
                -> Result<_, Problem> {
        let query = Query::read(raw.as_deref(), clock::now())?;
        if takes == Takes::Grouped {
            query.grouped()?;
        }
        Ok(told(&ask(&console.reports, &query).await?))
    };
    Route { described: Described::new::<T>(path, id, takes, summary), method: get(tell) }
}

fn detail<S: Store, R: Reports>() -> Route<S, R> {
    let tell = async |State(console): State<Arc<Console<S, R>>>,
                      key: Result<Path<String>, PathRejection>,
                      RawQuery(raw): RawQuery|
           -> Result<_, Problem> {
        let key = part("key", key)?;
        let query = Query::read(raw.as_deref(), clock::now())?;
        Ok(told(&console.reports.detail(&query, &key).await?))
    };
    let summary =
        "A key in detail: its values, and with `overlay` what is left of a value's effect within strata";
    Route {
        described: Described::new::<Detail>("/tags/{key}", "tag", Takes::QueryAndKey, summary),
        method: get(tell),
    }
}

fn trace<S: Store, R: Reports>() -> Route<S, R> {
    let tell = async |State(console): State<Arc<Console<S, R>>>,
                      id: Result<Path<String>, PathRejection>,
                      RawQuery(raw): RawQuery|
           -> Result<_, Problem> {
        let id = trace_id(part("id", id)?)?;
        without_parameters(raw.as_deref())?;
        Ok(told(&console.reports.trace(&id).await?))
    };
    let summary = "One delivery as a waterfall, by the id of its trace or the key of one of its items";
    Route {
        described: Described::new::<Trace>("/traces/{id}", "trace", Takes::Id, summary),
        method: get(tell),
    }
}

/// A part of the path, decoded.
fn part(name: &'static str, path: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    let Path(text) = path.map_err(|_| Problem::with(name, format!("{name} is not percent-encoded UTF-8")))?;
    Ok(text)
}

/// 32 hexadecimal digits, or a key.
fn trace_id(text: String) -> Result<String, Problem> {
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    match text.parse::<Key>() {
        Ok(key) => Ok(key.as_str().to_owned()),
        Err(error) => Err(Problem::with("id", format!("write 32 hexadecimal digits or a key: {error}"))),
    }
}

fn told<T: Serialize>(report: &T) -> Response {
    match serde_json::to_string(report) {
        Ok(body) => json(StatusCode::OK, body),
        Err(error) => {
            tracing::error!(%error, "a report cannot be written as JSON");
            Problem::new(ProblemType::Internal, "the report cannot be written as JSON").into_response()
        }
    }
}
