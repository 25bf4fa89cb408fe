//! What the program says of itself: its log on standard error ([`logs`]) and its metrics for
//! Prometheus ([`metrics`]). Neither ever holds a secret, a token or a payload; labels come from
//! sets that the code or the configuration bounds.

pub mod labels;
pub mod logs;
pub mod metrics;
mod observe;

pub use labels::{AccessResult, DeliveryStatus, ExportResult, Quality};
pub use logs::{LogError, init_logs};
pub use metrics::{CONTENT_TYPE, Metrics, OutboxDepth};
