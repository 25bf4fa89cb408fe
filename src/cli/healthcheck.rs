//! `valuestream healthcheck`: for containers that have no curl.

use std::time::Duration;

use clap::Args;

use super::CliError;

/// Arguments of `healthcheck`.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// What to ask
    #[arg(long, default_value = "http://127.0.0.1:5001/healthz")]
    url: String,
    /// How many seconds to wait for the answer
    #[arg(long, default_value_t = 3)]
    timeout: u64,
}

pub(super) async fn run(args: &HealthcheckArgs) -> Result<(), CliError> {
    crate::export::tls::install_provider();
    let failed = |reason: String| CliError::Failed(format!("{}: {reason}", args.url));
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(args.timeout))
        .no_proxy()
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let answer = client.get(&args.url).send().await;
    let answer = answer
        .map_err(|error| failed(format!("no answer, is the server running? {}", error.without_url())))?;
    let (status, text) = (answer.status(), answer.text().await.unwrap_or_default());
    if status.is_success() { Ok(()) } else { Err(failed(format!("{status} {text}"))) }
}
