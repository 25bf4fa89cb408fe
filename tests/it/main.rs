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
mod exec;
mod faults;
mod fold;
mod insight;
mod kill;
mod mixed;
mod otlp;
mod outage;
mod story;
mod support;
mod whole;
