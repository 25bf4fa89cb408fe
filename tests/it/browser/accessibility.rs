//! Whoever cannot see well, or not at all, or has a small screen: names, labels, order, contrast, and
//! nothing that is wider than the window.

use fantoccini::Locator;
use serde_json::{Value, json};
use valuestream::insight::report::Items;

use super::reader::Reader;
use crate::support::browser::Script;

/// Roles that mean nothing without a name.
const NAMED: [&str; 10] = [
    "link",
    "button",
    "textbox",
    "combobox",
    "listbox",
    "searchbox",
    "Date",
    "DisclosureTriangle",
    "image",
    "img",
];

/// The pages there are, by path and parameters.
async fn pages(reader: &Reader) -> Vec<(String, &'static str)> {
    reader.open("/items", "").await;
    let items: Items = reader.site.report("items", &reader.address().await).await;
    vec![
        ("/".to_owned(), ""),
        ("/".to_owned(), "kind=deploy&filter=team=payments&filter=language!=go&overlay=region=eu-west"),
        ("/".to_owned(), "filter=team=nobody"),
        ("/items".to_owned(), "limit=10"),
        ("/stuck".to_owned(), "group=team&limit=5"),
        ("/tags/deploy.type".to_owned(), "overlay=deploy.type=mutable"),
        (format!("/traces/{}", items.items[0].trace_id), ""),
        ("/no-such-page".to_owned(), ""),
    ]
}

/// Names of what has a role, as the browser computes them for screen readers.
async fn nameless(reader: &Reader) -> Vec<String> {
    // What is folded has no place in the tree.
    let unfold = "document.querySelectorAll('details').forEach((details) => { details.open = true })";
    reader.browser.evaluate(unfold, vec![]).await;
    let tree = reader.browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().unwrap();
    let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
    let shown = nodes.iter().filter(|node| node["ignored"] == false);
    let named = shown.filter(|node| NAMED.contains(&role(node).as_str())).collect::<Vec<_>>();
    assert!(!named.is_empty());
    let name = |node: &Value| node["name"]["value"].as_str().unwrap_or_default().trim().to_owned();
    named.into_iter().filter(|node| name(node).is_empty()).map(|node| format!("no name: {node}")).collect()
}

/// What is wrong with each page.
async fn findings(reader: &Reader, pages: &[(String, &'static str)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, more) in pages {
        reader.open(path, more).await;
        let audit = reader.browser.evaluate(include_str!("audit.js"), vec![]).await;
        let audit: Vec<String> = serde_json::from_value(audit).unwrap();
        let found = audit.into_iter().chain(nameless(reader).await);
        problems.extend(found.map(|problem| format!("{path}?{more} {problem}")));
    }
    problems
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_has_a_name_and_a_place_for_whoever_does_not_see_it() {
    let Some(reader) = Reader::of_an_organisation(Script::On).await else { return };
    let problems = findings(&reader, &pages(&reader).await).await;
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_server_shows_can_be_read_by_anybody_too() {
    let Some(reader) = Reader::of_nothing(Script::On, &[]).await else { return };
    let problems = findings(&reader, &[("/".to_owned(), "")]).await;
    assert!(problems.is_empty(), "{problems:#?}");
    for scheme in ["light", "dark"] {
        reader.browser.colours(scheme).await;
        let found = reader.browser.evaluate(include_str!("contrast.js"), vec![]).await;
        assert_eq!((&found["dark"], &found["problems"]), (&json!(scheme == "dark"), &json!([])));
    }
    reader.browser.width(390).await;
    assert_eq!(reader.browser.evaluate(include_str!("wide.js"), vec![]).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_stand_out_by_day_and_by_night() {
    let Some(reader) = Reader::of_an_organisation(Script::On).await else { return };
    let (mut problems, mut backgrounds) = (Vec::new(), Vec::new());
    let pages = pages(&reader).await;
    for scheme in ["light", "dark"] {
        reader.browser.colours(scheme).await;
        for (path, more) in &pages {
            reader.open(path, more).await;
            let found = reader.browser.evaluate(include_str!("contrast.js"), vec![]).await;
            assert_eq!(found["dark"], json!(scheme == "dark"));
            assert!(found["seen"].as_u64().unwrap() > 5, "{found}");
            let texts: Vec<String> = serde_json::from_value(found["problems"].clone()).unwrap();
            problems.extend(texts.into_iter().map(|text| format!("{scheme} {path} {text}")));
            backgrounds.push((scheme, found["background"].to_string()));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    backgrounds.sort();
    backgrounds.dedup();
    assert_eq!(backgrounds.len(), 2, "one background by day and another by night: {backgrounds:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_telephone_nothing_is_wider_than_the_screen() {
    for script in [Script::On, Script::Off] {
        let Some(reader) = Reader::of_an_organisation(script).await else { return };
        let pages = pages(&reader).await;
        reader.browser.width(390).await;
        let mut problems = Vec::new();
        for (path, more) in pages {
            reader.open(&path, more).await;
            let wide = reader.browser.evaluate(include_str!("wide.js"), vec![]).await;
            if !wide.is_null() {
                problems.push(format!("{path}?{more} {wide}"));
            }
        }
        assert!(problems.is_empty(), "{problems:#?}");
        // The heading is there, and can be read.
        let heading = reader.browser.client.find(Locator::Css("h1")).await.unwrap();
        assert!(heading.is_displayed().await.unwrap());
    }
}
