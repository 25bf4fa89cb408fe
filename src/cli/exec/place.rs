//! Which trace the command's item will be in, as far as that can be known before it begins.

use std::time::Duration;

use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::TraceArgs;
use crate::cli::output::complain;
use crate::cli::reporter::client;
use crate::console::api::BASE;
use crate::work::key::Key;

/// The variable that tells a command which item it is.
pub(super) const KEY: &str = "VALUESTREAM_KEY";
/// The variable that tells it the root of that item's trace.
pub(super) const ROOT: &str = "VALUESTREAM_ROOT";

/// How long the console may take: the command waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
struct Answer {
    root: Key,
}

/// The root of the item's trace: what the caller says, else that of the `exec` that this one runs in,
/// else what the console knows of the parent, else the parent, else the item.
pub(super) async fn root(args: &TraceArgs, parent: Option<&Key>, key: &Key) -> Key {
    if let Some(root) = &args.root {
        return root.clone();
    }
    let Some(parent) = parent else { return key.clone() };
    if parent.kind().depth() >= key.kind().depth() {
        // It cannot hang below that one: there will be a link, and a trace of its own.
        return key.clone();
    }
    if std::env::var(KEY).is_ok_and(|inherited| inherited == parent.as_str())
        && let Some(root) = std::env::var(ROOT).ok().and_then(|root| root.parse().ok())
    {
        return root;
    }
    let Some(console) = &args.console else { return parent.clone() };
    match ask(console, args, parent).await {
        Ok(root) => root,
        Err(reason) => {
            complain(&format!(
                "the console does not tell the trace, so {parent} is taken for its root: {reason}"
            ));
            parent.clone()
        }
    }
}

async fn ask(console: &str, args: &TraceArgs, parent: &Key) -> Result<Key, String> {
    let mut url = Url::parse(&format!("{}{BASE}/traceparent", console.trim_end_matches('/')))
        .map_err(|error| format!("--console: {error}"))?;
    url.query_pairs_mut().append_pair("key", parent.as_str());
    let mut request = client(&url).map_err(|error| error.to_string())?.get(url).timeout(PATIENCE);
    if let Some(token) = &args.console_token {
        request = request.bearer_auth(token.expose_secret());
    }
    let silent = |error: reqwest::Error| crate::export::verdict::causes(&error.without_url());
    let response = request.send().await.map_err(silent)?;
    let status = response.status();
    if !status.is_success() {
        return Err(status.to_string());
    }
    let body = response.bytes().await.map_err(silent)?;
    let answer: Answer =
        serde_json::from_slice(&body).map_err(|_| "it answers in another shape".to_owned())?;
    Ok(answer.root)
}
