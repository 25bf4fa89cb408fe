//! Whether a delivery comes from who it claims. Pure and in constant time; several secrets hold
//! at the same time, so that they can be rotated. Nothing here ever prints a secret or a token.
//!
//! `hub` is a signature over the body (GitHub, Jira), [`webhook`] one of Standard Webhooks,
//! `token` a secret that is sent along. What can be told from the head of a request is told
//! [before its body is read](before_body), by the same code that decides in the end.

mod hub;
mod token;
pub mod webhook;

use axum::http::HeaderMap;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};

use crate::work::key::Source;
use crate::work::time::Time;

/// Who may deliver for a source.
#[derive(Clone, Debug, Default)]
pub enum Access {
    /// Nobody: the source is off.
    #[default]
    Off,
    /// Anybody who can reach the port.
    Unsigned,
    /// Whoever knows one of these secrets. Empty ones never match.
    Secrets(Vec<SecretString>),
}

/// Why a delivery is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    /// The source is off.
    #[error("this source is off: give it a secret in the configuration")]
    Off,
    /// There is no signature or token.
    #[error("no signature or token: set the secret at the sender")]
    Missing,
    /// There is one, but not in the form that it must have.
    #[error("the signature or token is malformed")]
    Malformed,
    /// It was made with a method that can be forged.
    #[error("the signature's method is too weak: let the sender sign with sha256")]
    Weak,
    /// It was made too long ago, or in the future.
    #[error("the signature's time is more than 5 minutes away from now: are both clocks right?")]
    Stale,
    /// It was not made with any of the secrets.
    #[error("the signature or token is wrong: is the secret at the sender the configured one?")]
    Wrong,
}

impl Denied {
    /// The label in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Denied::Off => "off",
            Denied::Missing => "missing",
            Denied::Malformed => "malformed",
            Denied::Weak => "weak",
            Denied::Stale => "stale",
            Denied::Wrong => "wrong",
        }
    }
}

/// The head of a request, and when it came.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// The part of its address after `?`.
    pub query: Option<&'a str>,
    /// When it came.
    pub now: Time,
}

/// What can be told before the body is read: a signature is there, has its form, and is not old; a
/// token is right. Saves reading 25 MiB from a stranger.
pub fn before_body(source: Source, access: &Access, head: Head<'_>) -> Result<(), Denied> {
    check(source, access, head, None)
}

/// Whether the delivery may be let in.
pub fn verify(source: Source, access: &Access, head: Head<'_>, body: &[u8]) -> Result<(), Denied> {
    check(source, access, head, Some(body))
}

/// Without a body, whether the delivery could be let in with some body.
fn check(source: Source, access: &Access, head: Head<'_>, body: Option<&[u8]>) -> Result<(), Denied> {
    let secrets = match access {
        Access::Off => return Err(Denied::Off),
        Access::Unsigned => return Ok(()),
        Access::Secrets(secrets) => secrets.as_slice(),
    };
    match source {
        Source::Github => hub::check(secrets, head.headers, hub::GITHUB, body),
        Source::Jira => hub::check(secrets, head.headers, hub::JIRA, body),
        Source::Jenkins => token::compare(secrets.iter(), token::anywhere(head)),
        Source::Gitlab => signed_or(secrets, head, body, token::gitlab),
        Source::Cdevents | Source::Custom => signed_or(secrets, head, body, token::bearer),
    }
}

/// Standard Webhooks, or a token. Whoever signs is believed for the signature alone: a token beside
/// it does not make up for a wrong one. Keys never pass for tokens.
fn signed_or<'a>(
    secrets: &[SecretString],
    head: Head<'a>,
    body: Option<&[u8]>,
    presented: impl FnOnce(Head<'a>) -> token::Presented,
) -> Result<(), Denied> {
    let (keys, tokens): (Vec<&SecretString>, Vec<&SecretString>) =
        secrets.iter().partition(|secret| webhook::is_key(secret.expose_secret()));
    if !keys.is_empty() && head.headers.contains_key(webhook::SIGNATURE) {
        return webhook::check(&keys, head, body);
    }
    token::compare(tokens.into_iter(), presented(head))
}

/// Base64 with or without its padding: senders differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests;
