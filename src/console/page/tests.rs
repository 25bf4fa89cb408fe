//! What every page keeps, whatever is on it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use regex::Regex;

use super::testing::{Reports, hostile, overview_page, pages, realistic};

/// Every page of every set of reports, rendered once.
fn everything() -> &'static [(String, String)] {
    static PAGES: OnceLock<Vec<(String, String)>> = OnceLock::new();
    PAGES.get_or_init(render_everything)
}

fn render_everything() -> Vec<(String, String)> {
    let sets: [(&str, Reports); 6] = [
        ("realistic", realistic::reports()),
        ("texts", hostile::texts()),
        ("many", hostile::many()),
        ("nothing", hostile::nothing()),
        ("never", hostile::never()),
        ("one", hostile::one()),
    ];
    let named = |(set, reports): (&str, Reports)| {
        pages(&reports)
            .into_iter()
            .map(move |(page, html)| (format!("{set} {page}"), html))
            .collect::<Vec<_>>()
    };
    sets.into_iter().flat_map(named).collect()
}

fn regex(text: &str) -> Regex {
    Regex::new(text).unwrap()
}

/// The values of an attribute, unescaped.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let found = regex(&format!(r#"<[a-z][^<>]*?\s{name}="([^"]*)""#));
    let value = |text: &str| {
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    };
    found.captures_iter(html).map(|found| value(&found[1])).collect()
}

/// One element a line, so that a difference can be read.
fn lines(html: &str) -> String {
    let assets = regex(r"\?v=[0-9a-f]{16}");
    assets.replace_all(html, "?v=HASH").replace("><", ">\n<")
}

#[test]
fn the_overview() {
    insta::assert_snapshot!(lines(&overview_page(&realistic::reports(), "").into_string()));
}

#[test]
fn the_other_pages() {
    for (name, html) in pages(&realistic::reports()).into_iter().filter(|(name, _)| *name != "overview") {
        insta::assert_snapshot!(name, lines(&html));
    }
    let never = overview_page(&hostile::never(), "").into_string();
    insta::assert_snapshot!("welcome", lines(&never));
}

#[test]
fn what_senders_wrote_is_never_markup() {
    for (name, html) in everything() {
        for text in hostile::TEXTS.iter().filter(|text| text.contains(['<', '"'])) {
            assert!(!html.contains(text), "{name} has {text} unescaped");
        }
        assert!(!html.contains("<img") && !html.contains("<b>"), "{name}");
        assert!(!regex(r#"<[^>]*\son[a-z]+\s*="#).is_match(&without_values(html)), "{name} has a handler");
    }
}

/// The page with the values of its attributes left out.
fn without_values(html: &str) -> String {
    regex(r#""[^"]*""#).replace_all(html, "\"\"").into_owned()
}

#[test]
fn hostile_texts_are_there_as_text() {
    let all = pages(&hostile::texts());
    for text in hostile::TEXTS {
        let escaped =
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(all.iter().any(|(_, html)| html.contains(&escaped)), "{text} is nowhere");
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for (name, html) in everything() {
        let bare = without_values(html);
        assert!(!bare.contains(" style="), "{name} has a style attribute");
        assert!(!html.contains("<style"), "{name} has a style element");
        assert!(!regex(r"<script[^>]*>[^<]").is_match(html), "{name} has an inline script");
        for attribute in ["src", "action", "data-overlay", "data-brush"] {
            for url in attributes(html, attribute) {
                assert!(url.starts_with('/') && !url.starts_with("//"), "{name}: {attribute} {url}");
            }
        }
        for link in regex("<a [^>]*>|<link [^>]*>").find_iter(html) {
            let url = attributes(link.as_str(), "href").pop().unwrap_or_default();
            let own = (url.starts_with('/') && !url.starts_with("//")) || url.starts_with('#');
            let outward = link.as_str().contains("rel=\"noopener noreferrer\"")
                && (url.starts_with("https://") || url.starts_with("http://"));
            assert!(own || outward, "{name}: {}", link.as_str());
        }
    }
}

#[test]
fn addresses_that_are_not_of_the_web_are_not_followed() {
    for (name, html) in pages(&hostile::texts()) {
        assert!(!html.contains("rel=\"noopener noreferrer\""), "{name}");
    }
    let outward =
        pages(&realistic::reports()).iter().filter(|(_, html)| html.contains("noopener noreferrer")).count();
    assert!(outward >= 2, "items and trace lead to the senders");
}

#[test]
fn every_mark_of_a_chart_says_what_it_is() {
    let chart = regex(r"(?s)<svg class=.chart.*?</svg>");
    for (name, html) in everything() {
        for chart in chart.find_iter(html) {
            for link in regex("<a [^>]*>").find_iter(chart.as_str()) {
                let label = attributes(link.as_str(), "aria-label").pop().unwrap_or_default();
                assert!(!label.trim().is_empty(), "{name}: {}", link.as_str());
            }
            let opening = chart.as_str().split('>').next().unwrap_or_default();
            assert!(
                opening.contains("aria-label=") || opening.contains("aria-hidden="),
                "{name}: a chart without a name: {opening}"
            );
        }
    }
}

#[test]
fn links_and_buttons_have_a_name() {
    let link = regex(r"(?s)<(a|button|summary)( [^>]*)?>(.*?)</(a|button|summary)>");
    for (name, html) in everything() {
        for found in link.captures_iter(html) {
            let text = regex("<[^>]*>").replace_all(&found[3], "").trim().to_owned();
            let labelled = found.get(2).is_some_and(|attributes| attributes.as_str().contains("aria-label="));
            assert!(labelled || !text.is_empty(), "{name}: {}", &found[0]);
        }
    }
}

#[test]
fn ids_are_unique_and_what_refers_to_one_finds_it() {
    for (name, html) in everything() {
        let ids = attributes(html, "id");
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{name}: {ids:?}");
        let inside =
            attributes(html, "href").into_iter().filter_map(|url| url.strip_prefix('#').map(str::to_owned));
        for id in attributes(html, "aria-labelledby").into_iter().chain(inside) {
            assert!(unique.contains(&id), "{name}: there is no {id}");
        }
    }
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    for (name, html) in everything() {
        let levels: Vec<u8> =
            regex("<h([1-6])[ >]").captures_iter(html).filter_map(|found| found[1].parse().ok()).collect();
        assert_eq!(levels.first(), Some(&1), "{name}: {levels:?}");
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{name}: {levels:?}");
        for pair in levels.windows(2) {
            assert!(pair[1] <= pair[0] + 1, "{name}: {levels:?}");
        }
    }
}

#[test]
fn form_controls_have_labels_and_forms_only_ask() {
    for (name, html) in everything() {
        let labelled: String =
            regex(r"(?s)<label>.*?</label>").find_iter(html).map(|found| found.as_str()).collect();
        let control = regex(r"<select|<input");
        let hidden = html.matches("<input type=\"hidden\"").count();
        assert_eq!(control.find_iter(html).count() - hidden, control.find_iter(&labelled).count(), "{name}");
        assert_eq!(html.matches("<form").count(), html.matches("method=\"get\"").count(), "{name}");
        for form in regex(r"(?s)<form.*?</form>").find_iter(html) {
            assert!(form.as_str().contains("type=\"submit\""), "{name}: {}", form.as_str());
        }
    }
}

#[test]
fn elements_are_closed_in_the_order_in_which_they_were_opened() {
    const VOID: [&str; 5] = ["meta", "link", "input", "br", "hr"];
    for (name, html) in everything() {
        let mut open: Vec<String> = Vec::new();
        for tag in regex(r#"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?:"[^"]*"|[^>"])*>"#).captures_iter(html) {
            match &tag[1] {
                "/" => assert_eq!(open.pop().as_deref(), Some(&tag[2]), "{name}"),
                _ if VOID.contains(&&tag[2]) => {}
                _ => open.push(tag[2].to_owned()),
            }
        }
        assert!(open.is_empty(), "{name}: {open:?}");
    }
}

#[test]
fn figures_that_are_not_numbers_never_reach_the_page() {
    for (name, html) in everything() {
        for word in ["NaN", "inf%", "\"inf\"", "infinity"] {
            assert!(!html.contains(word), "{name} has {word}");
        }
    }
}

/// Writes all pages to a directory, to look at them: `VALUESTREAM_PAGES=/tmp/pages cargo test --lib
/// write_the_pages -- --ignored`.
#[test]
#[ignore = "writes files for people to look at"]
fn write_the_pages() {
    let Ok(directory) = std::env::var("VALUESTREAM_PAGES") else { return };
    let directory = std::path::Path::new(&directory);
    std::fs::create_dir_all(directory).unwrap();
    for asset in super::assets::ALL {
        let file = asset.path.rsplit('/').next().unwrap();
        std::fs::write(directory.join(file), asset.text).unwrap();
    }
    let assets = regex(r"/assets/([a-z.]+)\?v=[0-9a-f]{16}");
    for (name, html) in everything() {
        let html = assets.replace_all(html, "$1");
        std::fs::write(directory.join(format!("{}.html", name.replace(' ', "-"))), html.as_bytes()).unwrap();
    }
}
