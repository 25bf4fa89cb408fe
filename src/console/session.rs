//! Who has logged in, without a memory of it: a session is a cookie that says until when it holds,
//! with a signature whose key comes from the console's token. So every replica that has the token
//! knows every session, and a token that is taken away ends those that began with it. Only who has
//! logged out is remembered, by this process alone.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::work::time::Time;

/// What the key of sessions is derived under.
const PURPOSE: &[u8] = b"valuestream console sessions 1";
/// How much later than this clock allows a session may end, in seconds: replicas' clocks differ.
const SKEW: i64 = 300;
/// How many sessions that were logged out are remembered. Only who has a token can make so many.
const REMEMBERED: usize = 4096;

/// The tokens, and the sessions that began with them.
pub struct Sessions {
    known: Vec<Known>,
    /// In seconds.
    lifetime: i64,
    /// The claims of those that were logged out and would hold otherwise, each after its end.
    ended: Mutex<BTreeSet<(i64, String)>>,
}

/// A token, and the key that is derived from it.
struct Known {
    token: SecretString,
    key: SecretBox<[u8; 32]>,
}

/// A session that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What a form of this session has to bring, so that no other site can send it.
    pub form: String,
    /// Until when it holds, in seconds, and the claim that says so.
    claim: (i64, String),
}

/// A session that has just begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The cookie's value.
    pub cookie: String,
    /// How long it holds, in seconds.
    pub lifetime: i64,
}

impl Sessions {
    /// Sessions of whoever knows one of these tokens; `None` if there is no token.
    pub fn new(tokens: Vec<SecretString>, lifetime: Duration) -> Option<Self> {
        let known: Option<Vec<Known>> = tokens
            .into_iter()
            .filter(|token| !token.expose_secret().is_empty())
            .map(|token| {
                let key = mac(token.expose_secret().as_bytes(), &[PURPOSE])?;
                Some(Known { token, key: SecretBox::new(Box::new(key)) })
            })
            .collect();
        let known = known.filter(|known| !known.is_empty())?;
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX / 4).clamp(1, i64::MAX / 4);
        Some(Self { known, lifetime, ended: Mutex::default() })
    }

    /// Whether this is one of the tokens.
    pub fn knows(&self, given: &[u8]) -> bool {
        self.find(given).is_some()
    }

    /// The token that was given. All are compared, whichever it is.
    fn find(&self, given: &[u8]) -> Option<&Known> {
        // Hashes are of one length, so that comparing them does not tell how long a token is.
        let given = Sha256::digest(given);
        let mut found = None;
        for known in &self.known {
            let same: Choice = given.as_slice().ct_eq(Sha256::digest(known.token.expose_secret()).as_slice());
            if bool::from(same) {
                found = Some(known);
            }
        }
        found
    }

    /// Begins a session for whoever gives a token. `random` tells sessions of one instant apart.
    pub fn begin(&self, given: &[u8], random: [u8; 16], now: Time) -> Option<Begun> {
        let known = self.find(given)?;
        let until = seconds(now).saturating_add(self.lifetime);
        let claim = format!("{until}.{}", URL_SAFE_NO_PAD.encode(random));
        let signature = known.sign(b"session", &claim)?;
        Some(Begun { cookie: format!("{claim}.{signature}"), lifetime: self.lifetime })
    }

    /// The session that a cookie stands for, if it was begun here or by a replica, and holds.
    pub fn of(&self, cookie: &str, now: Time) -> Option<Session> {
        let (claim, signature) = cookie.rsplit_once('.')?;
        let mut signed = None;
        for known in &self.known {
            if bool::from(known.sign(b"session", claim)?.as_bytes().ct_eq(signature.as_bytes())) {
                signed = Some(known);
            }
        }
        let known = signed?;
        // Only what is signed is read.
        let until: i64 = claim.split('.').next()?.parse().ok()?;
        let now = seconds(now);
        // A lifetime that was made shorter counts for sessions from before, too.
        let longest = now.saturating_add(self.lifetime).saturating_add(SKEW);
        (now < until && until <= longest).then_some(())?;
        let claim = (until, claim.to_owned());
        if self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(&claim) {
            return None;
        }
        Some(Session { form: known.sign(b"form", cookie)?, claim })
    }

    /// Ends a session before its time: its cookie is worth nothing any more, wherever there is a copy of it.
    pub fn end(&self, session: Session, now: Time) {
        let now = seconds(now);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.insert(session.claim);
        while ended.first().is_some_and(|(until, _)| *until <= now || ended.len() > REMEMBERED) {
            ended.pop_first();
        }
    }
}

impl Session {
    /// Whether a form brings what it has to.
    pub fn sent(&self, form: &str) -> bool {
        self.form.as_bytes().ct_eq(form.as_bytes()).into()
    }
}

impl Known {
    /// A signature for one purpose, which is worth nothing for another.
    fn sign(&self, purpose: &[u8], text: &str) -> Option<String> {
        let mac = mac(self.key.expose_secret(), &[purpose, b"\0", text.as_bytes()])?;
        Some(URL_SAFE_NO_PAD.encode(mac))
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    let mac = parts.iter().fold(mac, |mac, part| mac.chain_update(part));
    Some(mac.finalize().into_bytes().into())
}

fn seconds(time: Time) -> i64 {
    time.micros().div_euclid(1_000_000)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HOURS: Duration = Duration::from_secs(12 * 3600);
    const RANDOM: [u8; 16] = [7; 16];

    fn sessions(tokens: &[&str]) -> Sessions {
        Sessions::new(tokens.iter().map(|token| (*token).into()).collect(), HOURS).unwrap()
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros((1_700_000_000 + seconds) * 1_000_000).unwrap()
    }

    #[test]
    fn a_session_holds_for_its_lifetime_and_not_longer() {
        let sessions = sessions(&["token"]);
        let begun = sessions.begin(b"token", RANDOM, at(0)).unwrap();
        assert_eq!(begun.lifetime, 12 * 3600);
        for seconds in [0, 1, 12 * 3600 - 1] {
            assert!(sessions.of(&begun.cookie, at(seconds)).is_some(), "{seconds}");
        }
        for seconds in [12 * 3600, 1_000_000] {
            assert_eq!(sessions.of(&begun.cookie, at(seconds)), None, "{seconds}");
        }
        assert_eq!(sessions.of(&begun.cookie, at(-301)), None, "from a future that is not near");
        assert!(sessions.of(&begun.cookie, at(-299)).is_some(), "of a replica whose clock is ahead");
    }

    #[test]
    fn a_lifetime_that_was_made_shorter_ends_sessions_from_before() {
        let begun = sessions(&["token"]).begin(b"token", RANDOM, at(0)).unwrap();
        let shorter = Sessions::new(vec!["token".into()], Duration::from_secs(60)).unwrap();
        assert_eq!(shorter.of(&begun.cookie, at(0)), None);
        assert!(shorter.of(&begun.cookie, at(12 * 3600 - 60)).is_some());
    }

    #[test]
    fn nobody_begins_a_session_without_a_token() {
        let sessions = sessions(&["token", "another"]);
        for wrong in [&b""[..], b"Token", b"token ", b"toke", b"tokentoken"] {
            assert_eq!(sessions.begin(wrong, RANDOM, at(0)), None);
            assert!(!sessions.knows(wrong));
        }
        assert!(sessions.knows(b"token") && sessions.knows(b"another"));
        assert!(Sessions::new(vec![], HOURS).is_none() && Sessions::new(vec!["".into()], HOURS).is_none());
    }

    #[test]
    fn a_replica_with_the_same_token_knows_the_session_and_none_without_it() {
        let begun = sessions(&["old"]).begin(b"old", RANDOM, at(0)).unwrap();
        let both = sessions(&["new", "old"]);
        assert_eq!(both.of(&begun.cookie, at(1)), sessions(&["old"]).of(&begun.cookie, at(1)));
        assert!(both.of(&begun.cookie, at(1)).is_some());
        assert_eq!(sessions(&["new"]).of(&begun.cookie, at(1)), None, "the token was taken away");
    }

    #[test]
    fn what_was_not_signed_with_a_token_is_no_session() {
        let known = sessions(&["token"]);
        let cookie = known.begin(b"token", RANDOM, at(0)).unwrap().cookie;
        let parts: Vec<&str> = cookie.split('.').collect();
        let [until, id, signature] = parts[..] else { unreachable!("{cookie}") };
        let later = until.parse::<i64>().unwrap() + 60;
        let form = known.of(&cookie, at(0)).unwrap().form;
        for forged in [
            format!("{later}.{id}.{signature}"),
            format!("{until}.{}.{signature}", URL_SAFE_NO_PAD.encode([8; 16])),
            format!("{until}.{id}."),
            format!("{until}.{id}"),
            format!("{until}.{id}.{form}"),
            format!("{until}.{signature}"),
            format!("{until}.{id}.{signature}A"),
            format!("{until}.{id}.{}", &signature[1..]),
            format!("{until}.{id}.{signature}.{signature}"),
            sessions(&["guess"]).begin(b"guess", RANDOM, at(0)).unwrap().cookie,
            "token".to_owned(),
            String::new(),
            ".".to_owned(),
            "..".to_owned(),
        ] {
            assert_eq!(known.of(&forged, at(0)), None, "{forged}");
        }
        // Each byte counts.
        for index in 0..cookie.len() {
            let mut bytes = cookie.clone().into_bytes();
            bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(known.of(&String::from_utf8(bytes).unwrap(), at(0)), None, "{index}");
        }
    }

    #[test]
    fn a_session_that_was_logged_out_is_over_and_no_other() {
        let sessions = sessions(&["token"]);
        let [left, stays] = [[1; 16], [2; 16]].map(|id| sessions.begin(b"token", id, at(0)).unwrap().cookie);
        sessions.end(sessions.of(&left, at(1)).unwrap(), at(1));
        assert_eq!(sessions.of(&left, at(2)), None);
        assert!(sessions.of(&stays, at(2)).is_some());
    }

    #[test]
    fn however_many_log_out_the_memory_stays_the_same() {
        let sessions = sessions(&["token"]);
        let leave = |n: u32, seconds: i64| {
            let mut id = [0; 16];
            id[..4].copy_from_slice(&n.to_le_bytes());
            let cookie = sessions.begin(b"token", id, at(seconds)).unwrap().cookie;
            sessions.end(sessions.of(&cookie, at(seconds)).unwrap(), at(seconds));
            cookie
        };
        let remembered = || sessions.ended.lock().unwrap().len();
        for n in 0..10 {
            leave(n, 0);
        }
        let newer: Vec<String> = (0..u32::try_from(REMEMBERED).unwrap()).map(|n| leave(n, 1)).collect();
        assert_eq!(remembered(), REMEMBERED);
        assert!(newer.iter().all(|cookie| sessions.of(cookie, at(2)).is_none()), "those that end last");
        leave(0, 12 * 3600 + 1);
        assert_eq!(remembered(), 1, "what is over by itself need not be remembered");
    }

    #[test]
    fn a_form_belongs_to_its_session_alone() {
        let sessions = sessions(&["token"]);
        let session = |random| {
            let cookie = sessions.begin(b"token", random, at(0)).unwrap().cookie;
            sessions.of(&cookie, at(0)).unwrap()
        };
        let (mine, yours) = (session([1; 16]), session([2; 16]));
        assert!(mine.sent(&mine.form) && !mine.sent(&yours.form) && !mine.sent(""));
    }
}
