//! Who answers: the running server from its memory, a command from the store or from a server. The
//! routes, the page and the commands only know this trait.

use std::future::Future;

use super::query::{Query, QueryError};
use super::report::{
    Correlations, Detail, Dora, Groups, Items, Latency, PullRequests, Quality, Stages, Stuck, Summary,
    TagKeys, Trace, Trend, Wip,
};
use crate::store::StoreError;

/// Why there is no report.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReportError {
    /// The question is of no use.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// What is known is still being loaded.
    #[error("the items are still being loaded: try again in a moment")]
    Loading,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake of the program; the log says more.
    #[error("the report could not be computed: see the server's log")]
    Failed,
    /// The server that was asked did not answer.
    #[error("{0}")]
    Remote(String),
}

/// Answers questions. Each method is the route of the same name under `/api/v1`.
pub trait Reports: Send + Sync + 'static {
    /// The cards of the page.
    fn summary(&self, query: &Query) -> impl Future<Output = Result<Summary, ReportError>> + Send;
    /// The distribution of latency. `query.overlay` is laid over the histogram.
    fn latency(&self, query: &Query) -> impl Future<Output = Result<Latency, ReportError>> + Send;
    /// One distribution for each value of `query.group`, which must be given.
    fn groups(&self, query: &Query) -> impl Future<Output = Result<Groups, ReportError>> + Send;
    /// Figures over time, by `query.group` if it is given.
    fn trend(&self, query: &Query) -> impl Future<Output = Result<Trend, ReportError>> + Send;
    /// What slow or failed items have in common.
    fn correlations(&self, query: &Query) -> impl Future<Output = Result<Correlations, ReportError>> + Send;
    /// DORA's metrics.
    fn dora(&self, query: &Query) -> impl Future<Output = Result<Dora, ReportError>> + Send;
    /// Where the time goes.
    fn stages(&self, query: &Query) -> impl Future<Output = Result<Stages, ReportError>> + Send;
    /// How pull requests fared, by repository and interval; the question's kind plays no part.
    fn pull_requests(&self, query: &Query) -> impl Future<Output = Result<PullRequests, ReportError>> + Send;
    /// What is open.
    fn wip(&self, query: &Query) -> impl Future<Output = Result<Wip, ReportError>> + Send;
    /// What has been open for too long, of all kinds.
    fn stuck(&self, query: &Query) -> impl Future<Output = Result<Stuck, ReportError>> + Send;
    /// How far the data can be believed.
    fn quality(&self, query: &Query) -> impl Future<Output = Result<Quality, ReportError>> + Send;
    /// Single items, the slowest first, within the selected range of latency if one is given.
    fn items(&self, query: &Query) -> impl Future<Output = Result<Items, ReportError>> + Send;
    /// What there is to slice by.
    fn tags(&self, query: &Query) -> impl Future<Output = Result<TagKeys, ReportError>> + Send;
    /// A key in detail, and what is left of the effect of a value (the first of `query.overlay`
    /// with that key) within the strata of others.
    fn detail(&self, query: &Query, key: &str) -> impl Future<Output = Result<Detail, ReportError>> + Send;
    /// A trace by its id (32 hexadecimal digits) or by the key of one of its members.
    fn trace(&self, id: &str) -> impl Future<Output = Result<Trace, ReportError>> + Send;
}
