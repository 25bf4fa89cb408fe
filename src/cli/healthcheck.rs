//! `valuestream healthcheck`: for containers that have no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use clap::Args;

use super::{CliError, ConfigArgs};

/// Arguments of `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// What to ask [default: /healthz of the configured console.listen]
    #[arg(long)]
    url: Option<String>,
    /// How many seconds to wait for the answer
    #[arg(long, default_value_t = 3)]
    timeout: u64,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Where a server with this configuration can be asked from the same machine.
fn configured(mut console: SocketAddr) -> String {
    if console.ip().is_unspecified() {
        let loopback: IpAddr =
            if console.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
        console.set_ip(loopback);
    }
    format!("http://{console}/healthz")
}

pub(super) async fn run(args: &HealthcheckArgs) -> Result<(), CliError> {
    crate::export::tls::install_provider();
    let url = match &args.url {
        Some(url) => url.clone(),
        None => configured(args.config.load()?.console.listen),
    };
    let failed = |reason: String| CliError::Failed(format!("{url}: {reason}"));
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(args.timeout))
        .no_proxy()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let answer = client.get(&url).send().await;
    let answer = answer
        .map_err(|error| failed(format!("no answer, is the server running? {}", error.without_url())))?;
    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
    if status.is_success() { Ok(()) } else { Err(failed(format!("{status} {text}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        let url = |listen: &str| configured(listen.parse().unwrap());
        assert_eq!(url("0.0.0.0:5001"), "http://127.0.0.1:5001/healthz");
        assert_eq!(url("[::]:81"), "http://[::1]:81/healthz");
        assert_eq!(url("10.0.0.7:5001"), "http://10.0.0.7:5001/healthz");
    }
}
