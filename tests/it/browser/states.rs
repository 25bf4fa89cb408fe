//! What the page says before anything has arrived.

use super::reader::{Reader, text};
use crate::support::browser::Script;
use crate::support::payloads::issue;
use crate::support::sender::GITHUB_SECRET;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_server_shows_how_to_send_the_first_webhook_and_then_what_came() {
    let Some(reader) = Reader::of_nothing(Script::On, &[]).await else { return };
    let overview = format!("{}/", reader.site.origin());
    reader.browser.client.goto(&overview).await.unwrap();
    let said = text(&reader.one("//main").await).await;
    let ingest = reader.site.server().ingest();
    for needed in [&format!("http://{ingest}/github"), "sources.github.secrets", "application/json", "Issues"]
    {
        assert!(said.contains(needed), "{needed} in {said}");
    }
    assert!(!said.contains(GITHUB_SECRET));
    assert!(reader.all("//table").await.is_empty(), "no figures of nothing");

    let answer = reader.site.server().sender().github("issues", &issue("closed", 12, 61, Some(61))).await;
    assert_eq!(answer.code, 202);
    reader.site.caught_up(1).await;
    reader.open("/", "").await;
    assert_eq!(reader.figure("distribution", "n").await, "1");
    reader.all_was_quiet().await;
}
