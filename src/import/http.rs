//! How an API is asked: with patience, and for answers of a size that can be held.

use std::time::Duration;

use reqwest::{Client, Response, Url};

use crate::web;

const USER_AGENT: &str = concat!("valuestream/", env!("CARGO_PKG_VERSION"));
/// The largest answer that is read, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;

/// Why an answer was not read to its end.
pub(super) enum Unread {
    /// It is larger than any should be.
    TooLarge,
    /// The connection failed.
    Failed(reqwest::Error),
}

/// A client for the API at `base`, where one answer may take as long as `patience`.
pub(super) fn client(base: &Url, patience: Duration) -> Result<Client, reqwest::Error> {
    let builder = web::client(base).user_agent(USER_AGENT);
    builder.connect_timeout(Duration::from_secs(10)).timeout(patience).build()
}

/// The body of an answer.
pub(super) async fn body(response: &mut Response) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Unread::Failed)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Unread::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
