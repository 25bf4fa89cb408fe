//! Trace and span ids. They are hashes of keys, so that anyone who knows a key knows the ids: a
//! span sent twice has one id, and a CI job's own spans can join the delivery's trace.

use std::fmt;

use sha2::{Digest, Sha256};

use super::key::Key;

/// A W3C trace id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A W3C span id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// The trace whose root is `root`: the first 16 bytes of SHA-256(`"trace\0" + root`).
    pub fn of(root: &Key) -> Self {
        let digest = Sha256::new().chain_update(b"trace\0").chain_update(root.as_str()).finalize();
        Self(first(&digest))
    }
}

impl SpanId {
    /// The span of an item's episode, or of a `part` of it (a stage, a step): the first 8 bytes
    /// of SHA-256(`"span\0" + key + "\0" + episode`), each part appended after a `"\0"`.
    pub fn of(key: &Key, episode: u32, parts: &[&str]) -> Self {
        let mut hash = Sha256::new()
            .chain_update(b"span\0")
            .chain_update(key.as_str())
            .chain_update(b"\0")
            .chain_update(episode.to_string());
        for part in parts {
            hash = hash.chain_update(b"\0").chain_update(part);
        }
        Self(first(&hash.finalize()))
    }
}

fn first<const N: usize>(digest: &[u8]) -> [u8; N] {
    let mut id = [0; N];
    id.copy_from_slice(&digest[..N]);
    id
}

/// The W3C traceparent of an item's span in the trace of `root`, sampled.
pub fn traceparent(root: &Key, key: &Key, episode: u32) -> String {
    format!("00-{}-{}-01", TraceId::of(root), SpanId::of(key, episode, &[]))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart from this code:
    /// `printf 'trace\0github:github.com/acme/api/issue/12' | sha256sum | cut -c1-32` and
    /// `printf 'span\0github:github.com/acme/api/issue/12\0%s' 0 | sha256sum | cut -c1-16`.
    #[test]
    fn anyone_can_compute_the_ids() {
        let issue: Key = "github:github.com/acme/api/issue/12".parse().unwrap();
        assert_eq!(TraceId::of(&issue).to_string(), "dc165dd78f4a17ba2b0f38d1fd61fa6d");
        assert_eq!(SpanId::of(&issue, 0, &[]).to_string(), "d209dbc3c842c121");
        assert_eq!(SpanId::of(&issue, 1, &["step", "3"]).to_string(), "552c9b5c19e365fe");
        assert_eq!(traceparent(&issue, &issue, 0), "00-dc165dd78f4a17ba2b0f38d1fd61fa6d-d209dbc3c842c121-01");
    }
}
