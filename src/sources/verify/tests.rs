#![allow(clippy::unwrap_used)]
use super::*;
use axum::http::HeaderValue;
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const GOOD: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

/// The published vector of Standard Webhooks.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: i64 = 1_614_265_330;
const MESSAGE: &[u8] = b"{\"test\": 2432232314}";
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

/// Those that may sign by Standard Webhooks.
const SIGNERS: [Source; 3] = [Source::Gitlab, Source::Cdevents, Source::Custom];

fn secrets(texts: &[&str]) -> Access {
    Access::Secrets(texts.iter().map(|text| SecretString::from(*text)).collect())
}

/// The verdict at a time, in seconds; also that the head alone is never judged more harshly.
fn judge(
    source: Source,
    access: &Access,
    headers: &[(&str, &str)],
    query: Option<&str>,
    seconds: i64,
    body: &[u8],
) -> Result<(), Denied> {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
        .collect::<Vec<(axum::http::HeaderName, _)>>()
        .into_iter()
        .collect();
    let head = Head { headers: &headers, query, now: Time::from_micros(seconds * 1_000_000).unwrap() };
    let (early, whole) = (before_body(source, access, head), verify(source, access, head, body));
    match early {
        // Only what the body decides is left for later.
        Ok(()) => assert!(matches!(whole, Ok(()) | Err(Denied::Wrong)), "{whole:?}"),
        Err(_) => assert_eq!(early, whole),
    }
    whole
}

fn github(access: &Access, signature: Option<&str>, body: &[u8]) -> Result<(), Denied> {
    let headers: Vec<_> = signature.map(|value| ("x-hub-signature-256", value)).into_iter().collect();
    judge(Source::Github, access, &headers, None, AT, body)
}

fn jira(signature: &str, body: &[u8]) -> Result<(), Denied> {
    judge(Source::Jira, &secrets(&["old", SECRET]), &[("x-hub-signature", signature)], None, AT, body)
}

fn jenkins(access: &Access, authorization: Option<&str>, query: Option<&str>) -> Result<(), Denied> {
    let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
    judge(Source::Jenkins, access, &headers, query, AT, b"x")
}

/// A message with the published signature, judged when it came, with some headers more.
fn signed(
    source: Source,
    access: &Access,
    more: &[(&str, &str)],
    signature: &str,
    body: &[u8],
) -> Result<(), Denied> {
    let at = AT.to_string();
    let mut headers =
        vec![("webhook-id", ID), ("webhook-timestamp", at.as_str()), ("webhook-signature", signature)];
    headers.extend(more);
    judge(source, access, &headers, None, AT, body)
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
    for malformed in ["", "sha256=", &GOOD[..70], &GOOD[7..], &format!("{GOOD}00"), "sha256=zz", "md5=00"] {
        assert_eq!(github(&access, Some(malformed), BODY), Err(Denied::Malformed), "{malformed}");
    }
    assert_eq!(github(&access, Some("sha1=757107ea"), BODY), Err(Denied::Weak));
}

#[test]
fn jiras_signature_is_of_the_method_that_it_names() {
    let good = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9";
    assert_eq!(jira(good, b"Hello World!"), Ok(()));
    assert_eq!(jira(&good.replace("sha256", "SHA256"), b"Hello World!"), Ok(()));
    assert_eq!(jira(good, b"Hello, World!"), Err(Denied::Wrong));
    let sha1 = format!("sha1={}", "0".repeat(40));
    assert_eq!(jira(&sha1, b"Hello World!"), Err(Denied::Weak), "though it may be right");
    for malformed in ["", "sha256", "sha256=", "sha512=00", "=00", &good[7..]] {
        assert_eq!(jira(malformed, b"Hello World!"), Err(Denied::Malformed), "{malformed}");
    }
    // GitHub's header is not Jira's.
    let verdict = judge(Source::Jira, &secrets(&[SECRET]), &[("x-hub-signature-256", GOOD)], None, AT, BODY);
    assert_eq!(verdict, Err(Denied::Missing));
}

#[test]
fn an_empty_secret_lets_nobody_in() {
    let mac = Hmac::<Sha256>::new_from_slice(b"").unwrap().chain_update(BODY).finalize().into_bytes();
    let forged = format!("sha256={}", hex::encode(mac));
    let empty = secrets(&[""]);
    assert_eq!(github(&empty, Some(&forged), BODY), Err(Denied::Wrong));
    let of_jira = judge(Source::Jira, &empty, &[("x-hub-signature", &forged)], None, AT, BODY);
    assert_eq!(of_jira, Err(Denied::Wrong));
    assert_eq!(jenkins(&empty, None, Some("token=")), Err(Denied::Wrong));
    assert_eq!(jenkins(&empty, Some(&basic("user:")), None), Err(Denied::Wrong));
    let of_gitlab = judge(Source::Gitlab, &empty, &[("x-gitlab-token", "")], None, AT, BODY);
    assert_eq!(of_gitlab, Err(Denied::Wrong));
    // A key of nothing, and the signature that anybody can make with it.
    let forged = webhook::sign(b"", ID, AT, BODY).unwrap();
    for source in SIGNERS {
        assert_eq!(signed(source, &secrets(&["whsec_"]), &[], &forged, BODY), Err(Denied::Wrong));
    }
}

#[test]
fn a_source_that_is_off_or_open_does_not_ask_for_secrets() {
    for source in Source::ALL {
        assert_eq!(judge(source, &Access::Off, &[], Some("token=a"), AT, BODY), Err(Denied::Off));
        assert_eq!(judge(source, &Access::Unsigned, &[], None, AT, BODY), Ok(()));
        assert_eq!(judge(source, &secrets(&[SECRET]), &[], None, AT, BODY), Err(Denied::Missing), "{source}");
    }
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
fn gitlab_brings_its_token_in_its_own_header() {
    let access = secrets(&["old", "right"]);
    let token = |text| judge(Source::Gitlab, &access, &[("x-gitlab-token", text)], None, AT, BODY);
    assert_eq!((token("right"), token("old")), (Ok(()), Ok(())), "rotation");
    for wrong in ["righ", "rightt", "", "Bearer right"] {
        assert_eq!(token(wrong), Err(Denied::Wrong), "{wrong}");
    }
    let elsewhere = judge(Source::Gitlab, &access, &[("authorization", "Bearer right")], None, AT, BODY);
    assert_eq!(elsewhere, Err(Denied::Missing));
    assert_eq!(judge(Source::Gitlab, &access, &[], Some("token=right"), AT, BODY), Err(Denied::Missing));
}

#[test]
fn custom_events_and_cdevents_bring_a_bearer_token_and_nothing_else() {
    let access = secrets(&["old", "right"]);
    for source in [Source::Custom, Source::Cdevents] {
        let token = |text| judge(source, &access, &[("authorization", text)], None, AT, BODY);
        assert_eq!((token("Bearer right"), token("bearer old")), (Ok(()), Ok(())));
        assert_eq!(token("Bearer wrong"), Err(Denied::Wrong));
        for malformed in ["Bearer", "Bearer ", "right", &basic("user:right")] {
            assert_eq!(token(malformed), Err(Denied::Malformed), "{malformed}");
        }
        assert_eq!(judge(source, &access, &[], Some("token=right"), AT, BODY), Err(Denied::Missing));
        let gitlabs = judge(source, &access, &[("x-gitlab-token", "right")], None, AT, BODY);
        assert_eq!(gitlabs, Err(Denied::Missing));
    }
}

#[test]
fn the_published_vector_of_standard_webhooks_is_let_in() {
    assert_eq!(webhook::sign(&webhook::key(KEY).unwrap(), ID, AT, MESSAGE).unwrap(), SIGNATURE);
    let other = webhook::sign(b"another key", ID, AT, MESSAGE).unwrap();
    for source in SIGNERS {
        let access = secrets(&["whsec_bmV3", "a-token", KEY]);
        for several in [
            SIGNATURE.to_owned(),
            SIGNATURE.trim_end_matches('=').to_owned(),
            format!("{other} {SIGNATURE}"),
            format!("v1a,abc v2,{} {SIGNATURE} v1,~~~", &SIGNATURE[3..]),
        ] {
            assert_eq!(signed(source, &access, &[], &several, MESSAGE), Ok(()), "{source} {several}");
        }
        assert_eq!(signed(source, &access, &[], &other, MESSAGE), Err(Denied::Wrong));
        assert_eq!(signed(source, &access, &[], SIGNATURE, b"{\"test\": 2432232315}"), Err(Denied::Wrong));
        assert_eq!(signed(source, &secrets(&["whsec_bmV3"]), &[], SIGNATURE, MESSAGE), Err(Denied::Wrong));
        for malformed in ["", "v1", "v1,", "v1,abc", &SIGNATURE[3..], "v2,abc", &SIGNATURE[..40]] {
            let verdict = signed(source, &access, &[], malformed, MESSAGE);
            assert_eq!(verdict, Err(Denied::Malformed), "{malformed}");
        }
    }
}

#[test]
fn id_and_time_are_part_of_what_is_signed() {
    let access = secrets(&[KEY]);
    let at = |id: &str, timestamp: &str, now| {
        let headers =
            [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", SIGNATURE)];
        judge(Source::Custom, &access, &headers, None, now, MESSAGE)
    };
    assert_eq!(at(ID, "1614265330", AT), Ok(()));
    assert_eq!(at("msg_other", "1614265330", AT), Err(Denied::Wrong));
    assert_eq!(at(ID, "1614265331", AT), Err(Denied::Wrong));
    assert_eq!(at("", "1614265330", AT), Err(Denied::Malformed));
    for malformed in ["", "now", "1614265330.5", "1614265330000000000000"] {
        assert_eq!(at(ID, malformed, AT), Err(Denied::Malformed), "{malformed}");
    }
    for now in [AT - 300, AT + 300] {
        assert_eq!(at(ID, "1614265330", now), Ok(()), "{now}");
    }
    for now in [AT - 301, AT + 301] {
        assert_eq!(at(ID, "1614265330", now), Err(Denied::Stale), "{now}");
    }
    for extreme in [i64::MIN.to_string(), i64::MAX.to_string()] {
        assert_eq!(at(ID, &extreme, AT), Err(Denied::Stale));
    }
}

#[test]
fn what_a_signature_needs_must_all_be_there() {
    let headers = [("webhook-id", ID), ("webhook-timestamp", "1614265330"), ("webhook-signature", SIGNATURE)];
    for missing in 0..3 {
        let some: Vec<_> =
            headers.iter().enumerate().filter(|(n, _)| *n != missing).map(|(_, h)| *h).collect();
        let verdict = judge(Source::Custom, &secrets(&[KEY]), &some, None, AT, MESSAGE);
        assert_eq!(verdict, Err(Denied::Missing), "{missing}");
    }
}

#[test]
fn a_token_does_not_make_up_for_a_wrong_signature() {
    let (keys, tokens, both) = (secrets(&[KEY]), secrets(&["right"]), secrets(&[KEY, "right"]));
    for (source, header, right) in [
        (Source::Gitlab, "x-gitlab-token", "right"),
        (Source::Custom, "authorization", "Bearer right"),
        (Source::Cdevents, "authorization", "Bearer right"),
    ] {
        let token = [(header, right)];
        assert_eq!(signed(source, &both, &token, SIGNATURE, MESSAGE), Ok(()));
        assert_eq!(signed(source, &both, &token, SIGNATURE, b"{}"), Err(Denied::Wrong));
        assert_eq!(signed(source, &both, &token, "v1,abc", MESSAGE), Err(Denied::Malformed));
        // With a token configured one that does not sign is let in, with keys alone it is not.
        assert_eq!(judge(source, &both, &token, None, AT, MESSAGE), Ok(()));
        assert_eq!(judge(source, &keys, &token, None, AT, MESSAGE), Err(Denied::Wrong));
        // Without a key the signature of a sender that signs as well is not looked at.
        assert_eq!(signed(source, &tokens, &token, "v1,abc", MESSAGE), Ok(()));
        assert_eq!(signed(source, &tokens, &[], SIGNATURE, MESSAGE), Err(Denied::Missing));
        // Nor is the key itself a token.
        let shown = if header == "authorization" { format!("Bearer {KEY}") } else { KEY.to_owned() };
        assert_eq!(judge(source, &both, &[(header, &shown)], None, AT, MESSAGE), Err(Denied::Wrong));
    }
}

#[test]
fn a_key_is_base64_after_its_prefix() {
    assert_eq!(webhook::key(KEY).unwrap().len(), 24);
    assert_eq!(webhook::key("whsec_bmV3cw").unwrap(), b"news", "without padding");
    for other in ["whsec_", "whsec_~~~", "whsec_b", "bmV3", "WHSEC_bmV3", ""] {
        assert_eq!(webhook::key(other), None, "{other}");
    }
}

#[test]
fn a_secret_is_never_printed() {
    let shown = format!("{:?}", secrets(&["hunter2"]));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn of_a_request_with_many_tokens_only_the_first_are_looked_at() {
    let access = secrets(&["t0ken"]);
    let query = |wrong: usize| format!("{}token=t0ken", "token=x&".repeat(wrong));
    assert_eq!(jenkins(&access, None, Some(&query(7))), Ok(()));
    assert_eq!(jenkins(&access, None, Some(&query(8))), Err(Denied::Wrong));
    assert_eq!(jenkins(&access, None, Some(&query(5_000))), Err(Denied::Wrong));
}
