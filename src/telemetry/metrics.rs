//! The metrics, in OpenMetrics' text form. One cheaply cloned handle goes to every part; each part
//! says what happened through a typed method, so that a label can only have the values meant for it.
//! `docs/operations.md` has the same list for those who build dashboards.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::labels::{AccessResult, DeliveryStatus, ExportResult, Quality};
use crate::work::key::{Kind, Source};

/// The media type of what [`Metrics::encode`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds for the length of work, in milliseconds: a second to 90 days.
const WORK_MS: [f64; 15] =
    [1e3, 1e4, 3e4, 6e4, 3e5, 6e5, 1.8e6, 3.6e6, 1.44e7, 4.32e7, 8.64e7, 2.592e8, 6.048e8, 2.592e9, 7.776e9];

/// How full a backend's outbox is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutboxDepth {
    /// Items' episodes that wait; each is sent as one or more spans.
    pub items: u64,
    /// How long the oldest has waited; zero if none waits.
    pub age: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DeliveryLabels {
    source: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AccessLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FlawLabels {
    flaw: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackendLabels {
    backend: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExportLabels {
    backend: String,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StartLabels {
    event_source: &'static str,
    event_type: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    event_source: &'static str,
    event_type: &'static str,
    error: bool,
}

type Seconds = Gauge<f64, AtomicU64>;
type Durations = Family<EndLabels, Histogram, fn() -> Histogram>;

/// All metrics of this process. A clone is the same metrics.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    /// One for each source and status, taken out of their family beforehand: the family has a lock.
    deliveries: Vec<((Source, DeliveryStatus), Counter)>,
    access: Family<AccessLabels, Counter>,
    commit_seconds: Histogram,
    commit_deliveries: Histogram,
    items_open: Family<KindLabels, Gauge>,
    items_stuck: Family<KindLabels, Gauge>,
    outbox_items: Family<BackendLabels, Gauge>,
    outbox_age: Family<BackendLabels, Seconds>,
    due_items: Gauge,
    insight_behind_items: Gauge,
    exports: Family<ExportLabels, Counter>,
    rejected_exports: Family<BackendLabels, Gauge>,
    quarantine_size: Gauge,
    quality: Family<FlawLabels, Counter>,
    late: Family<KindLabels, Counter>,
    items_deleted: Family<KindLabels, Counter>,
    exports_omitted: Family<KindLabels, Counter>,
    event_start: Family<StartLabels, Counter>,
    event_end: Family<EndLabels, Counter>,
    event_duration: Durations,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("valuestream_build", "The running version", version);
        let mut names = Names(registry);
        let metrics = Inner {
            deliveries: delivery_counters(
                &names.add("valuestream_deliveries", "Deliveries, by source and what became of them"),
            ),
            access: names.add(
                "valuestream_console_access",
                "Logins to the console, and requests to it that were not let in, by result",
            ),
            commit_seconds: names.add_made(
                "valuestream_commit_seconds",
                "How long a commit took, in seconds",
                Histogram::new(exponential_buckets(0.0005, 2.0, 14)),
            ),
            commit_deliveries: names.add_made(
                "valuestream_commit_deliveries",
                "How many deliveries shared a commit",
                Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            ),
            items_open: names.add("valuestream_items_open", "Work items in progress, by kind"),
            items_stuck: names
                .add("valuestream_items_stuck", "Work items that have been open for too long, by kind"),
            outbox_items: names
                .add("valuestream_outbox_items", "Closed items whose spans wait to be sent, by backend"),
            outbox_age: names.add(
                "valuestream_outbox_age_seconds",
                "How long the oldest span has waited to be sent, in seconds, by backend",
            ),
            due_items: names.add(
                "valuestream_due_items",
                "Closed items that wait for stragglers before they are exported",
            ),
            insight_behind_items: names.add(
                "valuestream_insight_behind_items",
                "Items whose latest change the page and the API do not show yet",
            ),
            exports: names.add(
                "valuestream_exports",
                "Closed items whose export was attempted, by backend and what became of it",
            ),
            rejected_exports: names.add(
                "valuestream_rejected_exports",
                "Exports that a backend refused for good, kept until somebody deals with them",
            ),
            quarantine_size: names.add(
                "valuestream_quarantine_size",
                "Deliveries that were not understood, kept until dealt with",
            ),
            quality: names.add("valuestream_quality", "What was not as it should be in what came in"),
            late: names.add("valuestream_late", "Deliveries about items that were already exported, by kind"),
            items_deleted: names
                .add("valuestream_items_deleted", "Items deleted since they were past their age, by kind"),
            exports_omitted: names.add(
                "valuestream_exports_omitted",
                "Ends that were not exported, since they lie before what is kept, by kind",
            ),
            event_start: names.add("webhooks_event_start", "Work items that began"),
            event_end: names.add("webhooks_event_end", "Work items that ended"),
            event_duration: names.add_made(
                "webhooks_event_duration",
                "How long work items took, in milliseconds",
                Family::new_with_constructor(|| Histogram::new(WORK_MS)),
            ),
            registry: names.0,
        };
        metrics.begin_at_zero();
        Self(Arc::new(metrics))
    }

    /// A delivery was answered.
    pub fn delivery(&self, source: Source, status: DeliveryStatus) {
        if let Some((_, counter)) = self.0.deliveries.iter().find(|(of, _)| *of == (source, status)) {
            counter.inc();
        }
    }

    /// Somebody logged in to the console, or was not let in.
    pub fn access(&self, result: AccessResult) {
        self.0.access.get_or_create(&AccessLabels { result: result.as_str() }).inc();
    }

    /// A commit is on disk.
    pub fn committed(&self, took: Duration, deliveries: usize) {
        self.0.commit_seconds.observe(took.as_secs_f64());
        self.0.commit_deliveries.observe(deliveries as f64);
    }

    /// How many items of a kind are open now.
    pub fn set_items_open(&self, kind: Kind, items: u64) {
        self.0.items_open.get_or_create(&kind_labels(kind)).set(gauge(items));
    }

    /// How many items of a kind have been open for too long.
    pub fn set_items_stuck(&self, kind: Kind, items: u64) {
        self.0.items_stuck.get_or_create(&kind_labels(kind)).set(gauge(items));
    }

    /// How many closed items wait now for stragglers.
    pub fn set_due_items(&self, items: u64) {
        self.0.due_items.set(gauge(items));
    }

    /// How many items insight has not observed again since they changed.
    pub fn set_insight_behind_items(&self, items: u64) {
        self.0.insight_behind_items.set(gauge(items));
    }

    /// A backend is configured: its metrics begin at zero, so that the first failure is a rise.
    pub fn add_backend(&self, backend: &str) {
        self.set_outbox(backend, OutboxDepth::default());
        self.set_rejected_exports(backend, 0);
        for result in ExportResult::ALL {
            self.exported(backend, result, 0);
        }
    }

    /// How full a backend's outbox is now.
    pub fn set_outbox(&self, backend: &str, depth: OutboxDepth) {
        let labels = BackendLabels { backend: backend.to_owned() };
        self.0.outbox_items.get_or_create(&labels).set(gauge(depth.items));
        self.0.outbox_age.get_or_create(&labels).set(depth.age.as_secs_f64());
    }

    /// An export of so many items' episodes was attempted.
    pub fn exported(&self, backend: &str, result: ExportResult, items: u64) {
        let labels = ExportLabels { backend: backend.to_owned(), result: result.as_str() };
        self.0.exports.get_or_create(&labels).inc_by(items);
    }

    /// How many exports a backend refused for good that nobody has dealt with yet.
    pub fn set_rejected_exports(&self, backend: &str, exports: u64) {
        let labels = BackendLabels { backend: backend.to_owned() };
        self.0.rejected_exports.get_or_create(&labels).set(gauge(exports));
    }

    /// How many deliveries are in quarantine now.
    pub fn set_quarantine_size(&self, deliveries: u64) {
        self.0.quarantine_size.set(gauge(deliveries));
    }

    /// Something was not as it should be.
    pub fn quality(&self, flaw: Quality) {
        self.0.quality.get_or_create(&FlawLabels { flaw: flaw.as_str() }).inc();
    }

    /// A delivery said something about an item whose span was already exported.
    pub fn late(&self, kind: Kind) {
        self.0.late.get_or_create(&kind_labels(kind)).inc();
    }

    /// Items were deleted, since they are past their age.
    pub fn items_deleted(&self, kind: Kind, items: usize) {
        self.0.items_deleted.get_or_create(&kind_labels(kind)).inc_by(items as u64);
    }

    /// Ends were not exported, since they lie before what is kept.
    pub fn exports_omitted(&self, kind: Kind, episodes: usize) {
        self.0.exports_omitted.get_or_create(&kind_labels(kind)).inc_by(episodes as u64);
    }

    /// An item was opened or a run began.
    pub fn event_started(&self, source: Source, kind: Kind) {
        let labels = StartLabels { event_source: source.as_str(), event_type: kind.as_str() };
        self.0.event_start.get_or_create(&labels).inc();
    }

    /// An item was closed or a run ended, with an error or without, after so long by the sender's
    /// times; `None` if its beginning was never said.
    pub fn event_ended(&self, source: Source, kind: Kind, error: bool, took: Option<Duration>) {
        let labels = EndLabels { event_source: source.as_str(), event_type: kind.as_str(), error };
        self.0.event_end.get_or_create(&labels).inc();
        if let Some(took) = took {
            self.0.event_duration.get_or_create(&labels).observe(took.as_secs_f64() * 1e3);
        }
    }

    /// Everything, as text of the media type [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut out = String::new();
        if text::encode(&mut out, &self.0.registry).is_err() {
            // A text takes whatever is written to it; what is left out has no end marker either,
            // so a scraper notices.
            tracing::error!("the metrics could not be written out in full");
        }
        out
    }
}

impl Inner {
    /// Whatever labels are known beforehand are there from the beginning: a counter that appears
    /// with its first event hides that event from `rate()`.
    fn begin_at_zero(&self) {
        for kind in Kind::ALL {
            drop(self.items_open.get_or_create(&kind_labels(kind)));
            drop(self.items_stuck.get_or_create(&kind_labels(kind)));
            drop(self.late.get_or_create(&kind_labels(kind)));
            drop(self.items_deleted.get_or_create(&kind_labels(kind)));
            drop(self.exports_omitted.get_or_create(&kind_labels(kind)));
        }
        for result in AccessResult::ALL {
            drop(self.access.get_or_create(&AccessLabels { result: result.as_str() }));
        }
        for flaw in Quality::all() {
            drop(self.quality.get_or_create(&FlawLabels { flaw: flaw.as_str() }));
        }
    }
}

fn delivery_counters(family: &Family<DeliveryLabels, Counter>) -> Vec<((Source, DeliveryStatus), Counter)> {
    let all = Source::ALL.into_iter().flat_map(|source| DeliveryStatus::ALL.map(|status| (source, status)));
    let counter = |(source, status): (Source, DeliveryStatus)| {
        let labels = DeliveryLabels { source: source.as_str(), status: status.as_str() };
        ((source, status), family.get_or_create(&labels).clone())
    };
    all.map(counter).collect()
}

/// A registry that hands back what it was given to register.
struct Names(Registry);

impl Names {
    fn add<M: Metric + Clone + Default>(&mut self, name: &str, help: &str) -> M {
        self.add_made(name, help, M::default())
    }

    fn add_made<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

fn kind_labels(kind: Kind) -> KindLabels {
    KindLabels { kind: kind.as_str() }
}

/// A count as a gauge has it.
fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
