//! The way of a finished span to the backends that show it: spans become OTLP messages
//! ([`encode`]), a [`backend`] says where they go and how, a [`client`] sends one request over gRPC
//! or HTTP and comes back with a [`verdict`] on what to do with the spans it held.
//!
//! Nothing of this knows the store, retries or keeps anything: that is the outbox's work.

pub mod backend;
pub mod client;
pub mod encode;
mod grpc;
mod headers;
mod http;
mod settings;
mod status;
mod tls;
pub mod verdict;
