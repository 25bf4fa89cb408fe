//! Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body` with a key that is written as
//! `whsec_` and base64, and a time in the signature, so that what was overheard soon is worth nothing.

use axum::http::HeaderMap;
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::{BASE64, Denied, Head};

/// The header with the message's id.
pub const ID: &str = "webhook-id";
/// The header with the time at which it was signed, in seconds since the epoch.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with signatures, `v1,` and base64, with spaces between them.
pub const SIGNATURE: &str = "webhook-signature";

/// How a key begins.
const PREFIX: &str = "whsec_";
/// How far the time of a signature may be from the time of receipt, in seconds.
const TOLERANCE: u64 = 300;
/// How many signatures are looked at: a sender has one for each of its keys.
const MAX_SIGNATURES: usize = 16;

/// Whether a secret is a signing key, and not a token.
pub fn is_key(secret: &str) -> bool {
    secret.starts_with(PREFIX)
}

/// The bytes of a key; `None` if what follows `whsec_` is not base64, or nothing.
pub fn key(secret: &str) -> Option<Vec<u8>> {
    BASE64.decode(secret.strip_prefix(PREFIX)?).ok().filter(|key| !key.is_empty())
}

/// The signature of a message, as it stands in the header. `timestamp` is in seconds.
pub fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let mac = mac(key, id.as_bytes(), timestamp.to_string().as_bytes(), body)?;
    Some(format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac)))
}

/// Whether the message is signed with one of `keys`, not long ago. Without a body, whether it is
/// signed at all.
pub(super) fn check(keys: &[&SecretString], head: Head<'_>, body: Option<&[u8]>) -> Result<(), Denied> {
    let required = |name| head.headers.get(name).map(|value| value.as_bytes()).ok_or(Denied::Missing);
    let (id, timestamp) = (required(ID)?, required(TIMESTAMP)?);
    if id.is_empty() {
        return Err(Denied::Malformed);
    }
    let seconds: i64 =
        std::str::from_utf8(timestamp).ok().and_then(|text| text.parse().ok()).ok_or(Denied::Malformed)?;
    let signatures = signatures(head.headers)?;
    if (head.now.micros() / 1_000_000).abs_diff(seconds) > TOLERANCE {
        return Err(Denied::Stale);
    }
    let Some(body) = body else { return Ok(()) };
    let mut matches = Choice::from(0);
    for key in keys.iter().filter_map(|secret| key(secret.expose_secret())) {
        let Some(expected) = mac(&key, id, timestamp, body) else { continue };
        for signature in &signatures {
            matches |= expected.as_slice().ct_eq(signature);
        }
    }
    if bool::from(matches) { Ok(()) } else { Err(Denied::Wrong) }
}

/// The signatures of version 1; those of other versions, which may come, are passed over.
fn signatures(headers: &HeaderMap) -> Result<Vec<[u8; 32]>, Denied> {
    let values = headers.get_all(SIGNATURE).iter();
    let all = values.flat_map(|value| value.as_bytes().split(|b| *b == b' ')).take(MAX_SIGNATURES);
    let of_version_1 = all.filter_map(|text| text.strip_prefix(b"v1,"));
    let decoded = of_version_1.filter_map(|text| BASE64.decode(text).ok()?.try_into().ok());
    let signatures: Vec<[u8; 32]> = decoded.collect();
    if signatures.is_empty() { Err(Denied::Malformed) } else { Ok(signatures) }
}

fn mac(key: &[u8], id: &[u8], timestamp: &[u8], body: &[u8]) -> Option<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    let mac = mac.chain_update(id).chain_update(b".").chain_update(timestamp).chain_update(b".");
    Some(mac.chain_update(body).finalize().into_bytes().into())
}
