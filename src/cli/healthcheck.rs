//! `valuestream healthcheck`: for containers that have no curl.

mod pinned;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::{CliError, ConfigArgs};

/// Arguments of `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// What to ask [default: /healthz of the configured console.listen]
    #[arg(long)]
    url: Option<String>,
    /// A PEM file with the only certificates to trust for https. Without it and without --url, the server
    /// has to show the configured console.tls_certificate, whatever name is in it
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How many seconds to wait for the answer
    #[arg(long, default_value_t = 3)]
    timeout: u64,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Where a server with this configuration can be asked from the same machine.
fn configured(scheme: &str, mut console: SocketAddr) -> String {
    if console.ip().is_unspecified() {
        let loopback: IpAddr =
            if console.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        console.set_ip(loopback);
    }
    format!("{scheme}://{console}/healthz")
}

pub(super) async fn run(args: &HealthcheckArgs) -> Result<(), CliError> {
    crate::export::tls::install_provider();
    let (url, shown) = match &args.url {
        Some(url) => (url.clone(), None),
        None => {
            let console = args.config.load()?.console;
            let scheme = if console.tls_certificate.is_some() { "https" } else { "http" };
            (configured(scheme, console.listen), console.tls_certificate)
        }
    };
    let failed = |reason: String| CliError::Failed(format!("{url}: {reason}"));
    let builder = reqwest::Client::builder().timeout(Duration::from_secs(args.timeout)).no_proxy();
    let builder = match (&args.ca, &shown) {
        (Some(ca), _) => builder.tls_certs_only(authorities(ca)?),
        (None, Some(certificate)) => {
            builder.tls_backend_preconfigured(pinned::client(certificate).map_err(failed)?)
        }
        // Else the system's authorities are loaded, and must be there.
        (None, None) if url.starts_with("http:") => builder.tls_certs_only([]),
        (None, None) => builder,
    };
    let client = builder.build().map_err(|error| failed(error.to_string()))?;
    let answer = client.get(&url).send().await;
    let answer = answer.map_err(|error| {
        let causes = crate::export::verdict::causes(&error.without_url());
        failed(format!("no answer, is the server running? {causes}"))
    })?;
    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
    if status.is_success() { Ok(()) } else { Err(failed(format!("{status} {text}"))) }
}

/// The certificates in a file.
fn authorities(file: &Path) -> Result<Vec<reqwest::Certificate>, CliError> {
    let failed = |problem: String| CliError::Failed(format!("--ca {}: {problem}", file.display()));
    let pem = std::fs::read(file).map_err(|error| failed(format!("the file cannot be read: {error}")))?;
    let chain = crate::export::tls::chain(&pem).map_err(|problem| failed(problem.to_owned()))?;
    chain
        .iter()
        .map(|der| reqwest::Certificate::from_der(der).map_err(|error| failed(error.to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        let url = |listen: &str| configured("http", listen.parse().unwrap());
        assert_eq!(url("0.0.0.0:5001"), "http://127.0.0.1:5001/healthz");
        assert_eq!(url("[::]:81"), "http://[::1]:81/healthz");
        assert_eq!(url("10.0.0.7:5001"), "http://10.0.0.7:5001/healthz");
    }
}
