//! The way of a finished span to the backends that show it: spans become OTLP messages
//! ([`encode`]), a [`backend`] says where they go and how, a [`client`] sends one request over gRPC
//! or HTTP and comes back with a [`verdict`] on what to do with the spans it held. None of these
//! knows the store, retries or keeps anything. Around them the [`sealer`] turns what is due into
//! spans, and [`outbox`] leases, sends and settles them, backend by backend.

pub mod backend;
pub mod client;
pub mod encode;
mod grpc;
pub(crate) mod headers;
mod http;
pub mod outbox;
pub mod sealer;
pub(crate) mod status;
pub(crate) mod tls;
pub mod verdict;
