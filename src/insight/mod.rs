//! Root cause: how long work takes, where it waits, and what slow issues and failed deploys have in
//! common. Items become small [`observation`]s; a [`query`] picks some of them; what is computed
//! from these is a [`report`]. Pure code, but for `live`, which keeps the observations up to date
//! while deliveries are committed.

pub mod cohort;
pub mod correlate;
pub mod delivery;
pub mod describe;
pub mod desk;
pub mod environment;
pub mod format;
pub mod groups;
pub mod latency;
pub mod listing;
pub mod live;
pub mod memo;
pub mod observation;
pub mod population;
pub mod query;
pub mod report;
pub mod reports;
pub mod sampling;
pub mod sentence;
pub mod stats;
pub mod trend;
pub mod waterfall;
