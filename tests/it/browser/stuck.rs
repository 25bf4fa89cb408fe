//! What has been open for too long: from the overview to the list, by a tag, down to one trace.

use fantoccini::Locator;
use serde_json::{Value, json};
use valuestream::insight::format::{count, duration, waits_in};
use valuestream::insight::report::Stuck;

use super::reader::{Reader, links, text, values, within};
use crate::support::browser::Script;
use crate::support::payloads::issue;

/// An issue of the year 2001 that is open.
fn forgotten(number: u64, team: &str) -> Value {
    let mut payload = issue("opened", number, 0, None);
    payload["issue"]["created_at"] = json!(format!("2001-01-{number:02}T00:00:00Z"));
    payload["issue"]["labels"] = json!([{ "name": format!("team:{team}") }]);
    payload
}

async fn somebody_looks_for_it(script: Script) {
    let Some(reader) = Reader::of_nothing(script, &[]).await else { return };
    let server = reader.site.server();
    for (number, team) in [(1, "payments"), (2, "payments"), (3, "web")] {
        let answer = server.sender().github("issues", &forgotten(number, team)).await;
        assert_eq!(answer.code, 202);
    }
    server.metric_becomes("valuestream_items_stuck{kind=\"issue\"}", 3.0).await;
    server.metric_becomes("valuestream_insight_behind_items", 0.0).await;

    reader.open("/", "").await;
    let there = links(&reader.section("wip").await).await;
    let (_, link) = there.iter().find(|(url, _)| url.path() == "/stuck").unwrap();
    assert_eq!(text(link).await, "3 have been open for too long");
    reader.follow(link).await;
    assert!(reader.heading().await.starts_with("Open for too long"));
    let stuck: Stuck = reader.site.report("stuck", &reader.address().await).await;
    let section = reader.section("stuck-issue").await;
    let rows = within(&section, ".//tbody/tr").await;
    assert_eq!((stuck.total, rows.len()), (3, 3));
    for (row, item) in rows.iter().zip(&stuck.items) {
        let said = text(row).await;
        let waiting = item.waiting.as_ref().map(waits_in).unwrap_or_default();
        for figure in [duration(item.seconds.unwrap()), waiting, item.tags["team"][0].clone()] {
            assert!(said.contains(&figure), "{figure} in {said}");
        }
    }

    let list = reader.section("groups").await.find(Locator::Css("select")).await.unwrap();
    list.select_by_value("team").await.unwrap();
    if script == Script::Off {
        within(&reader.section("groups").await, ".//form//button").await[0].click().await.unwrap();
    }
    let url = reader.arrive(|url| values(url, "group").contains("team")).await;
    let grouped: Stuck = reader.site.report("stuck", &url).await;
    assert_eq!(grouped.groups.len(), 2);
    for group in &grouped.groups {
        let row = reader.row("groups", &group.value).await;
        assert!(row.contains(&count(group.n)), "{row:?}");
    }
    let there = links(&reader.section("groups").await).await;
    let (_, link) = there.iter().find(|(url, _)| values(url, "filter").contains("team=web")).unwrap();
    reader.follow(link).await;
    let rows = within(&reader.section("stuck-issue").await, ".//tbody/tr").await;
    assert_eq!(rows.len(), 1);
    let there = links(&rows[0]).await;
    let (_, link) = there.iter().find(|(url, _)| url.path().starts_with("/traces/")).unwrap();
    let url = reader.follow(link).await;
    assert_eq!(url.path(), format!("/traces/{}", stuck.items[2].trace_id), "the youngest of the three");

    reader.open("/stuck", "filter=team!=payments&filter=team!=web").await;
    assert!(text(&reader.one("//main").await).await.contains("Nothing has been open for too long"));
    reader.all_was_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_been_open_for_too_long_is_found_by_tag_and_by_trace() {
    somebody_looks_for_it(Script::On).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_without_the_script_too() {
    somebody_looks_for_it(Script::Off).await;
}
