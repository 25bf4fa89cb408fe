//! What tests share: the peers that ValueStream talks to.

pub mod certificates;
mod otlp_service;
pub mod receiver;
