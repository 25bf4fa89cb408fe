//! Secrets that are sent along as they are.

use std::borrow::Cow;

use axum::http::header;
use base64::Engine;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{BASE64, Denied, Head};

/// How many tokens of a request are looked at: whoever sends more does so to keep us busy.
const MANY: usize = 8;

/// What a request may mean as its token.
#[derive(Default)]
pub(super) struct Presented {
    candidates: Vec<Vec<u8>>,
    /// Whether there was something that is no token in any form that is understood.
    malformed: bool,
}

/// GitLab's `X-Gitlab-Token`.
pub(super) fn gitlab(head: Head<'_>) -> Presented {
    let values = head.headers.get_all("x-gitlab-token");
    Presented { candidates: values.iter().map(|value| value.as_bytes().to_vec()).collect(), malformed: false }
}

/// `Authorization: Bearer`.
pub(super) fn bearer(head: Head<'_>) -> Presented {
    authorization(head, |scheme, rest| is_bearer(scheme, rest).then(|| vec![rest.to_vec()]))
}

/// Jenkins' ways: the password of `Authorization: Basic`, `Authorization: Bearer`, or `?token=`.
/// Any of them lets in: a proxy before us may want the header for itself.
pub(super) fn anywhere(head: Head<'_>) -> Presented {
    let mut presented = authorization(head, |scheme, rest| {
        if is_bearer(scheme, rest) {
            return Some(vec![rest.to_vec()]);
        }
        scheme.eq_ignore_ascii_case(b"basic").then(|| passwords(rest))?
    });
    let query = form_urlencoded::parse(head.query.unwrap_or_default().as_bytes());
    presented
        .candidates
        .extend(query.filter(|(name, _)| name == "token").map(|(_, value)| value.into_owned().into_bytes()));
    presented
}

/// Whether one of the tokens is one of the secrets.
pub(super) fn compare<'a>(
    secrets: impl Iterator<Item = &'a SecretString> + Clone,
    presented: Presented,
) -> Result<(), Denied> {
    // Hashes are of one length, so that comparing them does not tell how long a secret is.
    let mut matches = Choice::from(0);
    for candidate in presented.candidates.iter().take(MANY) {
        let candidate = Sha256::digest(candidate);
        for secret in secrets.clone().map(|secret| secret.expose_secret()).filter(|secret| !secret.is_empty())
        {
            matches |= candidate.as_slice().ct_eq(Sha256::digest(secret).as_slice());
        }
    }
    match (bool::from(matches), presented.candidates.is_empty(), presented.malformed) {
        (true, _, _) => Ok(()),
        (false, false, _) => Err(Denied::Wrong),
        (false, true, true) => Err(Denied::Malformed),
        (false, true, false) => Err(Denied::Missing),
    }
}

/// The tokens in `Authorization` headers, by what `read` makes of scheme and credentials; `None` is
/// nothing that is understood.
fn authorization(head: Head<'_>, read: impl Fn(&[u8], &[u8]) -> Option<Vec<Vec<u8>>>) -> Presented {
    let mut presented = Presented::default();
    for value in head.headers.get_all(header::AUTHORIZATION) {
        let value = value.as_bytes().trim_ascii();
        let space = value.iter().position(|b| *b == b' ').unwrap_or(value.len());
        match read(&value[..space], value[space..].trim_ascii()) {
            Some(found) => presented.candidates.extend(found),
            None => presented.malformed = true,
        }
    }
    presented
}

fn is_bearer(scheme: &[u8], rest: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"bearer") && !rest.is_empty()
}

/// The tokens that the credentials of `Basic` can mean.
fn passwords(credentials: &[u8]) -> Option<Vec<Vec<u8>>> {
    let user_info = BASE64.decode(credentials).ok()?;
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
