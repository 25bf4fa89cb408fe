//! ValueStream turns webhooks into durable work items and OTLP spans.
//!
//! The way of a delivery: [`ingest`] takes a request, has it verified and understood by its source
//! ([`sources`]), and commits what it says, many deliveries at a time, to the [`store`]. There the
//! facts are folded into the items they speak of ([`work`], pure code). When an item is finished
//! and has settled, it is placed in its trace, turned into spans, and sent by [`export`] to every
//! backend at the backend's own pace. [`console`] shows health and metrics ([`telemetry`]),
//! [`listener`] is what its port and that of [`ingest`] share, [`app`] starts and stops the parts,
//! [`cli`] is the program's commands, [`import`] brings history from before the first webhook,
//! [`show`] is what is seen of long work while it goes on, [`simulate`] an organisation that can be sent at
//! any server.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod export;
pub mod import;
pub mod ingest;
pub mod insight;
pub mod listener;
pub mod show;
pub mod simulate;
pub mod sources;
pub mod store;
pub mod telemetry;
mod web;
pub mod work;
