//! What tests share: the peers that ValueStream talks to, and the ways to start and address it.

pub mod browser;
pub mod certificates;
pub mod console;
pub mod corpus;
pub mod every_source;
pub mod otlp_service;
pub mod payloads;
pub mod postgres;
pub mod program;
pub mod receiver;
pub mod sender;
pub mod server;
pub mod show;
pub mod wire;
