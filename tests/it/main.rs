//! Tests of the whole against real peers over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod answers;
mod api;
mod browser;
mod chaos;
mod commands;
mod connections;
mod corpus;
mod demo;
mod deploying;
mod exec;
mod faults;
mod fold;
mod housekeeping;
mod import;
mod import_jenkins;
mod insight;
mod kill;
mod mixed;
mod otlp;
mod outage;
mod secrets;
mod story;
mod strangers;
mod support;
mod tls;
mod whole;
