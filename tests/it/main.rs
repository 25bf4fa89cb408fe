//! Tests of the whole against real peers over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod otlp;
mod support;
