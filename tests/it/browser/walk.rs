//! A manager's way: how long does it take, for whom, what do the slow ones have in common, which are
//! they, where did one of them wait, and what do the failed deploys have in common.

use fantoccini::Locator;
use reqwest::Url;
use valuestream::insight::format::{count, duration, share};
use valuestream::insight::report::{Correlations, Detail, Groups, Items, Latency, Trace};
use valuestream::work::key::Kind;

use super::reader::{Reader, links, parts, text, texts, values, within};
use crate::support::browser::Script;

const SLOW: [(&str, &str); 2] = [("deploy.type", "mutable"), ("language", "python")];

fn filters(url: &Url) -> Vec<String> {
    values(url, "filter").into_iter().collect()
}

/// How long it takes: the figures under the histogram are those of the API.
async fn lead_time(reader: &Reader) -> u64 {
    let latency: Latency = reader.site.report("latency", &reader.address().await).await;
    let quantiles = latency.quantiles.unwrap();
    assert_eq!(reader.figure("distribution", "p50").await, duration(quantiles.p50_seconds));
    assert_eq!(reader.figure("distribution", "p95").await, duration(quantiles.p95_seconds));
    assert_eq!(reader.figure("distribution", "n").await, count(quantiles.n));
    quantiles.n
}

/// The same for each value of a key.
async fn by(reader: &Reader, key: &str) {
    let mut asked = reader.address().await;
    if values(&asked, "group").is_empty() {
        asked.query_pairs_mut().append_pair("group", key);
    }
    let groups: Groups = reader.site.report("groups", &asked).await;
    assert_eq!((groups.key.as_str(), groups.groups.len() >= 3), (key, true));
    for group in &groups.groups {
        let row = reader.row("groups", &group.value).await;
        for figure in
            [count(group.n), duration(group.quantiles.p50_seconds), duration(group.quantiles.p90_seconds)]
        {
            assert!(row.contains(&figure), "{figure} of {} in {row:?}", group.value);
        }
    }
}

/// Chooses another key to group by; with the script choosing is enough.
async fn group_by(reader: &Reader, key: &str) {
    let section = reader.section("groups").await;
    let list = section.find(Locator::Css("select")).await.unwrap();
    list.select_by_value(key).await.unwrap();
    if reader.script == Script::Off {
        within(&section, ".//form//button").await[0].click().await.unwrap();
    }
    reader.arrive(|url| values(url, "group").contains(key)).await;
    by(reader, key).await;
}

/// What the slow ones have in common.
async fn slow_ones(reader: &Reader) {
    let found: Correlations = reader.site.report("correlations", &reader.address().await).await;
    let first = &found.findings[0];
    let attributes: Vec<_> = first.attributes.iter().map(|a| (a.key.as_str(), a.value.as_str())).collect();
    assert_eq!(attributes, SLOW);
    assert!(first.significant);
    let said = text(&reader.first_finding().await).await;
    let sentence = text(&reader.section("correlations").await).await;
    for (key, value) in SLOW {
        assert!(said.contains(key) && said.contains(value), "{said}");
        assert!(sentence.contains(key) && sentence.contains(value), "{sentence}");
    }
    let sides = first.latency.unwrap();
    for figure in [duration(sides.p50_with_seconds), duration(sides.p50_without_seconds), count(first.n_with)]
    {
        assert!(said.contains(&figure), "{figure} in {said}");
    }
}

/// A value's detail: all values, and what is left of its effect within the values of other keys.
async fn detail(reader: &Reader) {
    let links = links(&reader.first_finding().await).await;
    let (_, link) = links.iter().find(|(url, _)| url.path() == "/tags/deploy.type").unwrap();
    let url = reader.follow(link).await;
    let detail: Detail = reader.site.report("tags/deploy.type", &url).await;
    assert_eq!(detail.value.as_deref(), Some("mutable"));
    assert!(detail.values.len() >= 3 && !detail.strata.is_empty());
    for value in &detail.values {
        let row = reader.row("values", &value.value).await;
        for figure in [count(value.n), duration(value.quantiles.p50_seconds)] {
            assert!(row.contains(&figure), "{figure} of {} in {row:?}", value.value);
        }
    }
    let said = text(&reader.section("strata").await).await;
    for table in &detail.strata {
        assert!(said.contains(&table.key), "{} in {said}", table.key);
        for level in &table.levels {
            let figure = level.with.map(duration).unwrap_or_default();
            assert!(said.contains(&level.value) && said.contains(&figure), "{level:?} in {said}");
        }
    }
}

/// Filters by the finding; what is chosen stands above, and everything is about that alone.
async fn filter(reader: &Reader, before: u64) {
    let wanted: Vec<String> = SLOW.map(|(key, value)| format!("{key}={value}")).to_vec();
    let links_there = links(&reader.first_finding().await).await;
    let (_, link) = links_there.iter().find(|(url, _)| url.path() == "/" && filters(url) == wanted).unwrap();
    let url = reader.follow(link).await;
    let now = lead_time(reader).await;
    assert!(0 < now && now < before / 2, "{now} of {before}");
    let group = reader.one("//*[@role='group'][@aria-label='Filters']").await;
    let chips = links(&group).await;
    for wanted in &wanted {
        let mut rest = parts(&url);
        rest.1.remove(&("filter".to_owned(), wanted.clone()));
        let (_, chip) = chips.iter().find(|(url, _)| parts(url) == rest).unwrap();
        let (key, value) = wanted.split_once('=').unwrap();
        let said = text(chip).await;
        assert!(said.contains(key) && said.contains(value), "{said}");
    }
}

/// The items behind the finding, the slowest first.
async fn items(reader: &Reader) -> Items {
    let links = links(&reader.first_finding().await).await;
    let (_, link) = links.iter().find(|(url, _)| url.path() == "/items").unwrap();
    let url = reader.follow(link).await;
    assert_eq!(filters(&url), SLOW.map(|(key, value)| format!("{key}={value}")));
    let items: Items = reader.site.report("items", &url).await;
    let rows = reader.all("//table/tbody/tr").await;
    assert_eq!(rows.len(), items.items.len());
    for (item, row) in items.items.iter().zip(&rows).take(5) {
        let cells = texts(&within(row, "./*").await).await;
        assert!(cells[0].contains(item.title.as_deref().unwrap()), "{cells:?}");
        assert!(cells.contains(&duration(item.seconds.unwrap())), "{cells:?}");
    }
    items
}

/// One of them as a waterfall, with the way to its sender.
async fn trace(reader: &Reader, items: &Items) {
    let kinds = [Kind::Issue, Kind::PullRequest, Kind::Build, Kind::Deploy];
    let nowhere = reader.address().await;
    let mut whole = None;
    for item in &items.items {
        let trace: Trace = reader.site.report(&format!("traces/{}", item.trace_id), &without(&nowhere)).await;
        if kinds.iter().all(|kind| trace.spans.iter().any(|span| span.kind == *kind)) {
            whole = Some((item, trace));
            break;
        }
    }
    let (item, told) = whole.expect("an issue with everything that a trace can have");
    let path = format!("//a[starts-with(@href, '/traces/{}')]", item.trace_id);
    reader.follow(&reader.all(&path).await[0]).await;
    assert!(reader.heading().await.contains(told.title.as_deref().unwrap()));
    let rows = within(&reader.one("//section[.//h2='Waterfall']").await, "./ol/li").await;
    assert_eq!(rows.len(), told.spans.len());
    for (span, row) in told.spans.iter().zip(&rows) {
        let said = text(row).await;
        if let Some(seconds) = span.seconds {
            assert!(said.contains(&duration(seconds)), "{span:?} in {said}");
        }
    }
    let sender = item.url.as_deref().unwrap();
    assert!(sender.starts_with("https://github.com/acme/"), "{sender}");
    let link = &reader.all(&format!("//a[@href='{sender}']")).await[0];
    assert!(link.is_displayed().await.unwrap());
    assert!(link.attr("rel").await.unwrap().unwrap().contains("noopener"));
}

fn without(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url
}

/// Back to the overview: what failed deploys have in common.
async fn failures(reader: &Reader) {
    let back = reader.one("//nav//a[normalize-space()='Overview']").await;
    let url = reader.follow(&back).await;
    assert!(!values(&url, "filter").is_empty(), "the way back forgets the question: {url}");
    reader.open("/", "").await;
    let section = reader.section("correlations").await;
    let tab = within(&section, ".//nav//a[not(@aria-current)]").await.remove(0);
    let url = reader.follow(&tab).await;
    assert_eq!(values(&url, "measure"), ["failure".to_owned()].into());
    let mut asked = url.clone();
    asked.query_pairs_mut().append_pair("kind", "deploy");
    let found: Correlations = reader.site.report("correlations", &asked).await;
    let first = &found.findings[0];
    assert!(first.significant);
    assert!(first.attributes.iter().any(|a| (a.key.as_str(), a.value.as_str()) == SLOW[0]), "{first:?}");
    let said = text(&reader.first_finding().await).await;
    let sides = first.failure.unwrap();
    for figure in [SLOW[0].0, SLOW[0].1, &share(sides.rate_with), &share(sides.rate_without)] {
        assert!(said.contains(figure), "{figure} in {said}");
    }
}

async fn walk(script: Script) {
    let Some(reader) = Reader::of_an_organisation(script).await else { return };
    reader.open("/", "").await;
    let all = lead_time(&reader).await;
    by(&reader, "team").await;
    group_by(&reader, "language").await;
    slow_ones(&reader).await;
    detail(&reader).await;
    reader.open("/", "").await;
    filter(&reader, all).await;
    reader.open("/", "").await;
    let items = items(&reader).await;
    trace(&reader, &items).await;
    failures(&reader).await;
    reader.all_was_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_manager_finds_out_what_slow_issues_and_failed_deploys_have_in_common() {
    walk(Script::On).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_script_the_way_is_the_same() {
    walk(Script::Off).await;
}
