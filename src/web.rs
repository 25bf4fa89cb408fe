//! A client for one server that somebody named: its token goes nowhere else.

use reqwest::{ClientBuilder, Url, redirect};

use crate::export::tls;

/// Whether an address is one of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A client that asks nobody but the server of `url`: it follows no redirection, and on this machine
/// goes through no proxy.
pub(crate) fn client(url: &Url) -> ClientBuilder {
    tls::install_provider();
    let mut builder = reqwest::Client::builder().redirect(redirect::Policy::none());
    if is_loopback(url) {
        builder = builder.no_proxy();
    }
    if url.scheme() == "http" {
        // Else the system's authorities are loaded, and must be there.
        builder = builder.tls_certs_only([]);
    }
    builder
}
