//! Whether a delivery comes from who it claims. Pure and in constant time; several secrets hold
//! at the same time, so that they can be rotated. Nothing here ever prints a secret or a token.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::work::key::Source;

/// The header with GitHub's signature.
pub const SIGNATURE: &str = "X-Hub-Signature-256";

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
            Denied::Wrong => "wrong",
        }
    }
}

/// What can be told before the body is read: GitHub's signature has its form, Jenkins' token is
/// right. Saves reading 25 MiB from a stranger.
pub fn before_body(
    source: Source,
    access: &Access,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Result<(), Denied> {
    match (access, source) {
        (Access::Off, _) => Err(Denied::Off),
        (Access::Unsigned, _) => Ok(()),
        (Access::Secrets(_), Source::Github) => signature(headers).map(|_| ()),
        (Access::Secrets(secrets), _) => token(secrets, headers, query),
    }
}

/// Whether the delivery may be let in. `query` is the part of the address after `?`.
pub fn verify(
    source: Source,
    access: &Access,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
) -> Result<(), Denied> {
    match (access, source) {
        (Access::Off, _) => Err(Denied::Off),
        (Access::Unsigned, _) => Ok(()),
        (Access::Secrets(secrets), Source::Github) => signed(secrets, &signature(headers)?, body),
        (Access::Secrets(secrets), _) => token(secrets, headers, query),
    }
}

/// The signature that GitHub sent.
fn signature(headers: &HeaderMap) -> Result<[u8; 32], Denied> {
    let value = headers.get(SIGNATURE).ok_or(Denied::Missing)?;
    let hex = value.as_bytes().strip_prefix(b"sha256=").ok_or(Denied::Malformed)?;
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

/// Base64 with or without its padding: senders differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A token as the password of `Authorization: Basic`, as `Authorization: Bearer`, or as
/// `?token=`. Any of them lets in: a proxy before us may want the header for itself.
fn token(secrets: &[SecretString], headers: &HeaderMap, query: Option<&str>) -> Result<(), Denied> {
    let mut candidates: Vec<Vec<u8>> = Vec::new();
    let mut malformed = false;
    for value in headers.get_all(header::AUTHORIZATION) {
        match credentials(value.as_bytes()) {
            Some(found) => candidates.extend(found),
            None => malformed = true,
        }
    }
    let query = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    candidates
        .extend(query.filter(|(name, _)| name == "token").map(|(_, value)| value.into_owned().into_bytes()));

    // Hashes are of one length, so that comparing them does not tell how long a secret is.
    let mut matches = Choice::from(0);
    for candidate in &candidates {
        let candidate = Sha256::digest(candidate);
        for secret in secrets.iter().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty())
        {
            matches |= candidate.as_slice().ct_eq(Sha256::digest(secret).as_slice());
        }
    }
    match (bool::from(matches), candidates.is_empty(), malformed) {
        (true, _, _) => Ok(()),
        (false, false, _) => Err(Denied::Wrong),
        (false, true, true) => Err(Denied::Malformed),
        (false, true, false) => Err(Denied::Missing),
    }
}

/// The tokens that an `Authorization` header can mean; `None` if it is none that is understood.
fn credentials(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let value = value.trim_ascii();
    let space = value.iter().position(|b| *b == b' ')?;
    let (scheme, rest) = (&value[..space], value[space..].trim_ascii());
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return (!rest.is_empty()).then(|| vec![rest.to_vec()]);
    }
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return None;
    }
    let user_info = BASE64.decode(rest).ok()?;
    // `https://token@host/jenkins` has no password: the token then stands in the user's place.
    let password = match user_info.iter().position(|b| *b == b':') {
        Some(colon) => &user_info[colon + 1..],
        None => &user_info,
    };
    let mut found = vec![password.to_vec()];
    // Jenkins encodes what stands in the URL, without undoing its percent-encoding.
    if let Cow::Owned(decoded) = Cow::<[u8]>::from(percent_encoding::percent_decode(password)) {
        found.push(decoded);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::http::HeaderValue;

    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const GOOD: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn secrets(texts: &[&str]) -> Access {
        Access::Secrets(texts.iter().map(|text| SecretString::from(*text)).collect())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn github(access: &Access, signature: Option<&str>, body: &[u8]) -> Result<(), Denied> {
        let headers = headers(&signature.map(|value| (SIGNATURE, value)).into_iter().collect::<Vec<_>>());
        verify(Source::Github, access, &headers, None, body)
    }

    fn jenkins(access: &Access, authorization: Option<&str>, query: Option<&str>) -> Result<(), Denied> {
        let headers = headers(&authorization.map(|v| ("authorization", v)).into_iter().collect::<Vec<_>>());
        let early = before_body(Source::Jenkins, access, &headers, query);
        assert_eq!(early, verify(Source::Jenkins, access, &headers, query, b"x"));
        early
    }

    fn basic(user_info: &str) -> String {
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(user_info))
    }

    #[test]
    fn githubs_own_test_vector_is_let_in() {
        assert_eq!(github(&secrets(&[SECRET]), Some(GOOD), BODY), Ok(()));
        assert_eq!(github(&secrets(&["new", SECRET, "old"]), Some(GOOD), BODY), Ok(()), "rotation");
    }

    #[test]
    fn any_other_signature_is_kept_out() {
        let access = secrets(&[SECRET]);
        assert_eq!(github(&access, Some(GOOD), b"Hello, World?"), Err(Denied::Wrong));
        assert_eq!(github(&secrets(&["other"]), Some(GOOD), BODY), Err(Denied::Wrong));
        assert_eq!(github(&secrets(&[]), Some(GOOD), BODY), Err(Denied::Wrong));
        assert_eq!(github(&access, None, BODY), Err(Denied::Missing));
        for malformed in
            ["", "sha256=", "sha1=757107ea", &GOOD[..70], &GOOD[7..], &format!("{GOOD}00"), "sha256=zz"]
        {
            assert_eq!(github(&access, Some(malformed), BODY), Err(Denied::Malformed), "{malformed}");
            let headers = headers(&[(SIGNATURE, malformed)]);
            let early = before_body(Source::Github, &access, &headers, None);
            assert_eq!(early, Err(Denied::Malformed), "{malformed}");
        }
    }

    #[test]
    fn an_empty_secret_lets_nobody_in() {
        let mac = Hmac::<Sha256>::new_from_slice(b"").unwrap().chain_update(BODY).finalize().into_bytes();
        let forged = format!("sha256={}", hex::encode(mac));
        assert_eq!(github(&secrets(&[""]), Some(&forged), BODY), Err(Denied::Wrong));
        assert_eq!(jenkins(&secrets(&[""]), None, Some("token=")), Err(Denied::Wrong));
        assert_eq!(jenkins(&secrets(&[""]), Some(&basic("user:")), None), Err(Denied::Wrong));
    }

    #[test]
    fn a_source_that_is_off_or_open_does_not_ask_for_secrets() {
        assert_eq!(github(&Access::Off, Some(GOOD), BODY), Err(Denied::Off));
        assert_eq!(github(&Access::Unsigned, None, BODY), Ok(()));
        assert_eq!(jenkins(&Access::Off, None, Some("token=a")), Err(Denied::Off));
        assert_eq!(jenkins(&Access::Unsigned, None, None), Ok(()));
    }

    #[test]
    fn jenkins_may_give_its_token_in_three_ways() {
        let access = secrets(&["old", "p@ss word:1"]);
        assert_eq!(jenkins(&access, Some("Bearer p@ss word:1"), None), Ok(()));
        assert_eq!(jenkins(&access, Some(&basic("jenkins:p@ss word:1")), None), Ok(()));
        assert_eq!(jenkins(&access, Some(&basic("jenkins:p%40ss%20word:1")), None), Ok(()), "not decoded");
        assert_eq!(jenkins(&access, Some(&basic("old")), None), Ok(()), "as user");
        assert_eq!(jenkins(&access, None, Some("x=1&token=p%40ss+word%3A1")), Ok(()));
        assert_eq!(jenkins(&access, Some("Bearer proxys"), Some("token=old")), Ok(()), "both");
        assert_eq!(jenkins(&secrets(&["100%25"]), Some(&basic("j:100%25")), None), Ok(()), "as it is");
    }

    #[test]
    fn jenkins_is_told_what_is_wrong_with_its_token() {
        let access = secrets(&["right"]);
        assert_eq!(jenkins(&access, None, None), Err(Denied::Missing));
        assert_eq!(jenkins(&access, None, Some("tokens=right")), Err(Denied::Missing));
        for wrong in ["Bearer wrong", "Bearer righ", &basic("right:wrong"), &basic("right:")] {
            assert_eq!(jenkins(&access, Some(wrong), None), Err(Denied::Wrong), "{wrong}");
        }
        for malformed in ["", "right", "Basic ~~~", "Digest right", "Bearer "] {
            assert_eq!(jenkins(&access, Some(malformed), None), Err(Denied::Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let shown = format!("{:?}", secrets(&["hunter2"]));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
