//! What GitHub asks of whoever asks much, and what it says to whoever may not ask.

use std::time::Duration;

use super::server::{GithubApi, Instead, recorded};
use super::world::World;
use super::{agree, contents};

/// 2026-04-01T00:10:00Z, ten minutes after the clock of the tests begins.
const RESET: &str = "1775002200";

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_waited_for_visibly_and_nothing_is_lost() {
    let whole = World::new();
    let server = GithubApi::start(recorded(), 100).await;
    whole.import(&server).await.unwrap();
    let world = World::new();
    let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", RESET)];
    server.instead(Instead::new("repos/acme/api?", 403, &spent, "API rate limit exceeded"));
    server.instead(Instead::new("issues?state", 429, &[("retry-after", "30")], ""));
    server.instead(Instead::new("pulls/15", 403, &[], "You have exceeded a secondary rate limit."));
    world.import(&server).await.unwrap();
    agree(&contents(&whole).await, &contents(&world).await);
    let waits: Vec<u64> = world.clock.waits().iter().map(Duration::as_secs).collect();
    assert_eq!(waits, [601, 30, 60]);
    let said = world.said.lines();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].ends_with("used up: waiting until 2026-04-01T00:10:01Z"), "{said:?}");
    assert!(said[1].ends_with("a pause: waiting until 2026-04-01T00:10:31Z"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_the_last_of_the_hour_counts_and_the_next_waits() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    let mut last =
        Instead::new("pulls/15", 200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", RESET)], "");
    last.body = recorded()["/repos/acme/api/pulls/15"].clone();
    server.instead(last);
    world.import(&server).await.unwrap();
    assert_eq!(world.clock.waits(), [Duration::from_secs(601)]);
    assert_eq!(server.asked().iter().filter(|asked| asked.contains("pulls/15")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_of_the_server_is_tried_again() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    for status in [500, 502, 503] {
        server.instead(Instead::new("issues/12/timeline", status, &[], "trouble"));
    }
    world.import(&server).await.unwrap();
    let waits = world.clock.waits();
    assert_eq!(waits.len(), 3);
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0].mul_f64(1.1)), "{waits:?}");
    assert!(world.said.lines()[0].contains("acme/api issues 12: answers 500"), "{:?}", world.said.lines());
    assert_eq!(world.items().await.len(), super::KEYS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_recovers_ends_the_import_with_what_to_do() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    for _ in 0..20 {
        server.instead(Instead::new("issues?state", 500, &[], "trouble"));
    }
    let error = world.import(&server).await.unwrap_err().to_string();
    assert!(error.contains("10 times") && error.contains("goes on from here"), "{error}");
    assert_eq!(world.clock.waits().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_may_not_see_ends_with_what_it_needs() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    for (status, headers, told) in [
        (401, &[][..], "make a new one"),
        (403, &[][..], "lacks a right"),
        (403, &[("x-github-sso", "required; url=https://github.com/orgs/acme/sso")][..], "single sign-on"),
        (404, &[][..], "check the name"),
        (301, &[("location", "https://api.github.com/repositories/1")][..], "was it renamed?"),
    ] {
        server.instead(Instead::new("/repos/acme/api?", status, headers, "no"));
        let error = world.import(&server).await.unwrap_err().to_string();
        assert!(error.to_lowercase().contains(told), "{status}: {error}");
        assert!(!error.contains("a-token"), "{error}");
        if matches!(status, 401 | 403 | 404) {
            assert!(error.contains("Actions and Deployments") && error.contains("`repo`"), "{error}");
        }
    }
    assert!(world.clock.waits().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_to_no_other_host() {
    let server = GithubApi::start(recorded(), 100).await;
    let other = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    let link = format!("<{}/repos/acme/api/issues?page=2>; rel=\"next\"", other.url());
    let mut page = Instead::new("issues?state", 200, &[("link", link.as_str())], "");
    page.body = serde_json::json!([]);
    server.instead(page);
    let error = world.import(&server).await.unwrap_err().to_string();
    assert!(error.contains("another host (127.0.0.1)"), "{error}");
    assert!(other.tokens().is_empty());
}
