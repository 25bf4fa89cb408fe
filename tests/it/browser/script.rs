//! What the script adds: a range dragged over the histogram, a finding laid over it; and what must
//! work whether one points or not.

use fantoccini::actions::{InputSource, KeyAction, KeyActions, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::key::Key;
use reqwest::Url;
use serde_json::{Value, json};
use std::time::Duration;
use valuestream::insight::format::{count, duration};
use valuestream::insight::report::{Correlations, Latency};

use super::reader::{Reader, text, values, within};
use crate::support::browser::Script;

const LEFT: u64 = 0;

/// The heights of the rectangles in each bar of the histogram.
const HEIGHTS: &str = "return [...document.querySelectorAll('section[aria-labelledby=distribution] svg a')]
    .map((bar) => [...bar.querySelectorAll('rect')].map((rect) => Number(rect.getAttribute('height'))))";

fn to(x: f64, y: f64) -> PointerAction {
    PointerAction::MoveTo { duration: Some(Duration::from_millis(20)), x, y }
}

async fn pointer(reader: &Reader, actions: impl IntoIterator<Item = PointerAction>) {
    let mouse =
        actions.into_iter().fold(MouseActions::new("mouse".to_owned()), |mouse, action| mouse.then(action));
    reader.browser.client.perform_actions(mouse).await.unwrap();
}

async fn press(reader: &Reader, key: Key) {
    let keys = KeyActions::new("keyboard".to_owned())
        .then(KeyAction::Down { value: key.into() })
        .then(KeyAction::Up { value: key.into() });
    reader.browser.client.perform_actions(keys).await.unwrap();
}

/// The bars of the histogram.
async fn bars(reader: &Reader) -> Vec<Element> {
    within(&reader.section("distribution").await, ".//*[local-name()='svg']//*[local-name()='a']").await
}

/// The middle of an element, once that is in the window.
async fn middle(reader: &Reader, element: &Element) -> (f64, f64) {
    let element = serde_json::to_value(element).unwrap();
    let place = reader
        .browser
        .evaluate(
            "arguments[0].scrollIntoView({ block: 'nearest', behavior: 'instant' });
             const box = arguments[0].getBoundingClientRect();
             return [box.x + box.width / 2, box.y + box.height / 2]",
            vec![element],
        )
        .await;
    serde_json::from_value(place).unwrap()
}

/// The ends of the selected range in an address.
fn selected(url: &Url) -> Option<(f64, f64)> {
    let end = |name| values(url, name).first().and_then(|value| value.parse().ok());
    Some((end("slower")?, end("faster")?))
}

/// Whether two ranges are the same, to the millisecond: addresses need not be more exact.
fn same(a: (f64, f64), b: (f64, f64)) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 0.001_1;
    near(a.0, b.0) && near(a.1, b.1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dragging_over_the_histogram_selects_a_range() {
    let Some(reader) = Reader::of_an_organisation(Script::On).await else { return };
    reader.open("/", "").await;
    let before: Latency = reader.site.report("latency", &reader.address().await).await;
    let bins = &before.histogram;
    let (first, last) = (bins.len() / 3, bins.len() / 3 + 3);
    let bars = bars(&reader).await;
    assert_eq!(bars.len(), bins.len());
    let (from, y) = middle(&reader, &bars[first]).await;
    let (end, _) = middle(&reader, &bars[last]).await;
    let drag = [
        to(from, y),
        PointerAction::Down { button: LEFT },
        to((from + end) / 2.0, y),
        to(end, y),
        PointerAction::Up { button: LEFT },
    ];
    pointer(&reader, drag).await;
    let url = reader.arrive(|url| selected(url).is_some()).await;
    assert!(same(selected(&url).unwrap(), (bins[first].from_seconds, bins[last].to_seconds)), "{url}");
    let latency: Latency = reader.site.report("latency", &url).await;
    let selection = latency.selection.unwrap();
    assert_ne!(Some(selection), before.selection);
    let expected: u64 = bins[first..=last].iter().map(|bin| bin.n).sum();
    assert_eq!(selection.n, expected, "each bar holds its lower edge and not its upper one");
    let said = text(&reader.section("distribution").await).await;
    for figure in [
        duration(selection.from_seconds),
        duration(selection.to_seconds),
        format!("({})", count(selection.n)),
    ] {
        assert!(said.contains(&figure), "{figure} in {said}");
    }
    // A click without a drag is the bar's own link.
    let bar = &self::bars(&reader).await[first + 1];
    let (x, y) = middle(&reader, bar).await;
    pointer(&reader, [to(x, y), PointerAction::Down { button: LEFT }, PointerAction::Up { button: LEFT }])
        .await;
    let one = (bins[first + 1].from_seconds, bins[first + 1].to_seconds);
    reader.arrive(|url| selected(url).is_some_and(|range| same(range, one))).await;
    reader.all_was_quiet().await;
}

/// Whether a name is shown beside the histogram.
fn names(name: &str) -> String {
    let name = json!(name);
    format!(
        "return document.querySelector('section[aria-labelledby=distribution]').innerText.includes({name})"
    )
}

/// Makes sure that the histogram shows how much of each bar has something.
async fn shares_are_shown(reader: &Reader, before: &Value, latency: &Latency) {
    let read = |heights: &Value| serde_json::from_value::<Vec<Vec<f64>>>(heights.clone()).unwrap();
    let (before, after) = (read(before), read(&reader.browser.evaluate(HEIGHTS, vec![]).await));
    let risen: Vec<f64> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| before.iter().zip(after).map(|(before, after)| after - before).sum())
        .collect();
    let (tallest, most) =
        latency.histogram.iter().map(|bin| bin.overlay).zip(&risen).max_by_key(|(n, _)| *n).unwrap();
    assert!(tallest > 0 && *most > 10.0, "{risen:?}");
    for (bin, height) in latency.histogram.iter().zip(&risen) {
        let expected = most * bin.overlay as f64 / tallest as f64;
        assert!((height - expected).abs() < 0.5, "{height} for {bin:?}, {tallest} are {most}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pointing_at_a_finding_or_going_there_lays_it_over_the_histogram() {
    let Some(reader) = Reader::of_an_organisation(Script::On).await else { return };
    reader.open("/", "").await;
    let address = reader.address().await;
    let found: Correlations = reader.site.report("correlations", &address).await;
    let mut laid = address.clone();
    for attribute in &found.findings[0].attributes {
        laid.query_pairs_mut().append_pair("overlay", &format!("{}={}", attribute.key, attribute.value));
    }
    let latency: Latency = reader.site.report("latency", &laid).await;
    let shown = names(&found.findings[0].attributes[0].value);
    let before = reader.browser.evaluate(HEIGHTS, vec![]).await;
    assert_eq!(reader.browser.evaluate(&shown, vec![]).await, json!(false));

    let finding = reader.first_finding().await;
    let (x, y) = middle(&reader, &finding).await;
    pointer(&reader, [to(x, y)]).await;
    reader.becomes(&shown, &json!(true)).await;
    shares_are_shown(&reader, &before, &latency).await;
    pointer(&reader, [to(2.0, 2.0)]).await;
    reader.becomes(&shown, &json!(false)).await;
    assert_eq!(reader.browser.evaluate(HEIGHTS, vec![]).await, before, "as it was");

    let link = within(&finding, "(.//a)[1]").await.remove(0);
    reader.browser.evaluate("arguments[0].focus()", vec![serde_json::to_value(&link).unwrap()]).await;
    reader.becomes(&shown, &json!(true)).await;
    shares_are_shown(&reader, &before, &latency).await;
    reader.all_was_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_reaches_everything_in_order_and_it_can_be_seen_where_it_is() {
    let Some(reader) = Reader::of_an_organisation(Script::On).await else { return };
    reader.open("/", "").await;
    let all = reader.browser.evaluate(include_str!("stops.js"), vec![]).await.as_u64().unwrap();
    assert!(all > 50, "{all}");
    let mut problems = Vec::new();
    for stop in 0..all {
        press(&reader, Key::Tab).await;
        let problem = reader.browser.evaluate("return stopped(arguments[0])", vec![json!(stop)]).await;
        problems.extend(problem.as_str().map(str::to_owned));
        assert!(problems.len() < 5, "{problems:#?}");
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// Goes on with Tab until the keyboard is where a script says.
async fn tab_to(reader: &Reader, there: &str) {
    for _ in 0..400 {
        press(reader, Key::Tab).await;
        if reader.browser.evaluate(there, vec![]).await == json!(true) {
            return;
        }
    }
    panic!("the keyboard never gets where {there}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_keyboard_alone_is_enough() {
    let Some(reader) = Reader::of_an_organisation(Script::On).await else { return };
    // Past what is on every page.
    reader.open("/", "").await;
    press(&reader, Key::Tab).await;
    press(&reader, Key::Enter).await;
    reader.becomes("return document.activeElement.localName", &json!("main")).await;

    // A range, chosen from lists.
    tab_to(
        &reader,
        "const at = document.activeElement;
         return at.localName == 'summary' && at.closest('[aria-labelledby=distribution]') !== null
             && at.parentElement.querySelector('select[name=slower]') !== null",
    )
    .await;
    press(&reader, Key::Enter).await;
    tab_to(&reader, "return document.activeElement.name == 'slower'").await;
    for _ in 0..12 {
        press(&reader, Key::Down).await;
    }
    tab_to(&reader, "return document.activeElement.localName == 'button'").await;
    press(&reader, Key::Enter).await;
    let url = reader.arrive(|url| !values(url, "slower").is_empty()).await;
    let latency: Latency = reader.site.report("latency", &url).await;
    let lower: f64 = values(&url, "slower").first().unwrap().parse().unwrap();
    assert!(same((latency.histogram[11].from_seconds, 0.0), (lower, 0.0)), "{url}");
    let said = text(&reader.section("distribution").await).await;
    assert!(said.contains(&format!("({})", count(latency.selection.unwrap().n))), "{said}");

    // What failed deploys have in common.
    tab_to(
        &reader,
        "const at = document.activeElement;
         return at instanceof HTMLAnchorElement && at.closest('[aria-labelledby=correlations]') !== null
             && new URL(at.href).searchParams.get('measure') == 'failure'",
    )
    .await;
    press(&reader, Key::Enter).await;
    reader.arrive(|url| !values(url, "measure").is_empty()).await;
    let said = text(&reader.first_finding().await).await;
    assert!(said.contains("mutable"), "{said}");
    reader.all_was_quiet().await;
}
