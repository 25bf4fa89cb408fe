//! What both listeners need to know of the other end of a connection: its address ([`Peer`]), that
//! nobody between can read along ([`tls`]), that it takes what it asked for ([`stall`]), and how often it was
//! wrong about a secret ([`failures`]). The loop that accepts is in [`crate::ingest::server`].

pub mod failures;
pub mod stall;
pub mod tls;

use std::net::{IpAddr, Ipv4Addr};

use axum::http::Extensions;

/// The other end of a connection; goes with every request as an extension. Behind a proxy this is
/// the proxy: nothing that matters may depend on it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// The other end of the connection that a request came over.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }
}
