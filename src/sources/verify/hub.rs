//! A signature over the raw body in one header, `method=hex`, as WebSub has it.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::Denied;

/// The header with GitHub's signature.
pub(super) const GITHUB: &str = "x-hub-signature-256";
/// The header with Jira's.
pub(super) const JIRA: &str = "x-hub-signature";

pub(super) fn check(
    secrets: &[SecretString],
    headers: &HeaderMap,
    name: &str,
    body: Option<&[u8]>,
) -> Result<(), Denied> {
    let signature = signature(headers.get(name).ok_or(Denied::Missing)?.as_bytes())?;
    body.map_or(Ok(()), |body| signed(secrets, &signature, body))
}

/// The signature in a header's value.
fn signature(value: &[u8]) -> Result<[u8; 32], Denied> {
    let equals = value.iter().position(|b| *b == b'=').ok_or(Denied::Malformed)?;
    let (method, hex) = (&value[..equals], &value[equals + 1..]);
    if method.eq_ignore_ascii_case(b"sha1") {
        return Err(Denied::Weak);
    }
    if !method.eq_ignore_ascii_case(b"sha256") {
        return Err(Denied::Malformed);
    }
    let mut signature = [0; 32];
    hex::decode_to_slice(hex, &mut signature).map_err(|_| Denied::Malformed)?;
    Ok(signature)
}

/// HMAC-SHA256 over the raw body. Every secret is tried, whichever matches.
fn signed(secrets: &[SecretString], signature: &[u8; 32], body: &[u8]) -> Result<(), Denied> {
    let mut matches = false;
    for secret in secrets.iter().map(|secret| secret.expose_secret().as_bytes()) {
        let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret) else { continue };
        matches |= mac.chain_update(body).verify_slice(signature).is_ok() & !secret.is_empty();
    }
    if matches { Ok(()) } else { Err(Denied::Wrong) }
}
