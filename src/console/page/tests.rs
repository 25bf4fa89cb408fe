//! What every page keeps, whatever is on it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use super::login;
use super::testing::html::{Element, Token, VOID, read};
use super::testing::{Reports, hostile, overview_page, pages, realistic};

/// A page that was rendered.
struct Page {
    name: String,
    html: String,
    tokens: Vec<Token>,
}

impl Page {
    fn elements(&self) -> impl Iterator<Item = &Element> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Open(element) => Some(element),
            _ => None,
        })
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().filter_map(|token| match token {
            Token::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The elements of a name, none of which stands within another, with what is in them.
    fn all(&self, name: &str) -> Vec<(&Element, &[Token])> {
        let begins = self.tokens.iter().enumerate().filter_map(|(at, token)| match token {
            Token::Open(element) if element.name == name => Some((at, element)),
            _ => None,
        });
        let with_end = begins.filter_map(|(at, element)| {
            let ends = |token: &Token| matches!(token, Token::Close(closed) if closed == name);
            let end = self.tokens[at..].iter().position(ends)?;
            Some((element, &self.tokens[at + 1..at + end]))
        });
        with_end.collect()
    }
}

/// Every page of every set of reports, rendered once.
fn everything() -> &'static [Page] {
    static PAGES: OnceLock<Vec<Page>> = OnceLock::new();
    PAGES.get_or_init(|| {
        let sets: [(&str, Reports); 6] = [
            ("realistic", realistic::reports()),
            ("texts", hostile::texts()),
            ("many", hostile::many()),
            ("nothing", hostile::nothing()),
            ("never", hostile::never()),
            ("one", hostile::one()),
        ];
        let mut all = Vec::new();
        for (set, reports) in sets {
            for (page, html) in pages(&reports) {
                all.push(Page { name: format!("{set} {page}"), tokens: read(&html), html });
            }
        }
        for problem in [None, Some("No.")] {
            let html = login::render("/items?filter=%22%3E%3Cscript%3E", problem).into_string();
            all.push(Page { name: format!("login {problem:?}"), tokens: read(&html), html });
        }
        all
    })
}

/// One element a line, so that a difference can be read.
fn lines(html: &str) -> String {
    let mut html = html.replace("><", ">\n<");
    for asset in super::assets::ALL {
        html = html.replace(&asset.href(), asset.path);
    }
    html
}

#[test]
fn the_overview() {
    insta::assert_snapshot!(lines(&overview_page(&realistic::reports(), "").into_string()));
}

#[test]
fn the_other_pages() {
    // The overview has a test of its own; what lies over its histogram, and steps, are seen in few places.
    let others = |name: &str| !["overview", "overlay", "trace-steps"].contains(&name);
    for (name, html) in pages(&realistic::reports()).into_iter().filter(|(name, _)| others(name)) {
        insta::assert_snapshot!(name, lines(&html));
    }
    let never = overview_page(&hostile::never(), "").into_string();
    insta::assert_snapshot!("welcome", lines(&never));
}

#[test]
fn what_senders_wrote_is_never_markup() {
    for page in everything() {
        for text in hostile::TEXTS.iter().filter(|text| text.contains(['<', '"'])) {
            assert!(!page.html.contains(text), "{} has {text} unescaped", page.name);
        }
        for element in page.elements() {
            assert!(
                !["img", "b", "style", "iframe"].contains(&element.name.as_str()),
                "{}: {element:?}",
                page.name
            );
            assert!(
                !element.attributes.iter().any(|(name, _)| name.starts_with("on")),
                "{}: {element:?}",
                page.name
            );
        }
    }
}

#[test]
fn no_text_turns_the_direction_of_what_follows() {
    for page in everything() {
        for text in page.texts() {
            assert!(
                !text.contains(['\u{202a}', '\u{202e}', '\u{2066}', '\u{2068}']),
                "{}: {text}",
                page.name
            );
        }
    }
    let kept =
        |page: &Page| page.elements().any(|e| e.get("value").is_some_and(|v| v.starts_with('\u{202e}')));
    assert!(everything().iter().any(kept), "a form sends back what was sent");
}

#[test]
fn hostile_texts_are_there_as_text() {
    for text in hostile::TEXTS.iter().map(|text| text.replace(['\u{202e}', '\u{2066}'], "")) {
        let shows = |page: &Page| page.texts().any(|shown| shown.contains(&text));
        assert!(everything().iter().any(shows), "{text} is nowhere");
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for page in everything() {
        let mut script = false;
        for token in &page.tokens {
            match token {
                Token::Text(text) => assert!(!script, "{}: an inline script: {text}", page.name),
                Token::Close(_) => script = false,
                Token::Open(element) => {
                    script = element.name == "script";
                    assert!(element.get("style").is_none(), "{}: {element:?}", page.name);
                    assert!(element.name != "style", "{}", page.name);
                    for name in ["src", "action", "data-overlay", "data-brush"] {
                        let own = element
                            .get(name)
                            .is_none_or(|url| url.starts_with('/') && !url.starts_with("//"));
                        assert!(own, "{}: {element:?}", page.name);
                    }
                    let Some(url) = element.get("href") else { continue };
                    let own = (url.starts_with('/') && !url.starts_with("//")) || url.starts_with('#');
                    let outward = element.get("rel") == Some("noopener noreferrer")
                        && (url.starts_with("https://") || url.starts_with("http://"));
                    assert!(own || (element.name == "a" && outward), "{}: {element:?}", page.name);
                }
            }
        }
    }
}

#[test]
fn addresses_that_are_not_of_the_web_are_not_followed() {
    let outward = |set: &str| {
        let of_set = everything().iter().filter(|page| page.name.starts_with(set));
        of_set.flat_map(Page::elements).filter(|e| e.get("rel") == Some("noopener noreferrer")).count()
    };
    assert_eq!(outward("texts"), 0);
    assert!(outward("realistic") > 5, "items and traces lead to the senders");
}

#[test]
fn every_mark_of_a_chart_says_what_it_is() {
    for page in everything() {
        let mut depth = 0;
        for token in &page.tokens {
            match token {
                Token::Open(element) if element.name == "svg" => {
                    if depth == 0 && element.has_class("chart") {
                        let named = element.get("aria-label").is_some_and(|label| !label.is_empty());
                        let decoration = element.get("aria-hidden") == Some("true");
                        assert!(named || decoration, "{}: a chart without a name: {element:?}", page.name);
                    }
                    depth += 1;
                }
                Token::Close(name) if name == "svg" => depth -= 1,
                Token::Open(element) if element.name == "a" && depth > 0 => {
                    let label = element.get("aria-label").unwrap_or_default();
                    assert!(!label.trim().is_empty(), "{}: {element:?}", page.name);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn links_and_buttons_have_a_name() {
    for page in everything() {
        for name in ["a", "button", "summary"] {
            for (element, inside) in page.all(name) {
                let named = element.get("aria-label").is_some_and(|label| !label.trim().is_empty());
                let text =
                    inside.iter().any(|token| matches!(token, Token::Text(text) if !text.trim().is_empty()));
                assert!(named || text, "{}: {element:?}", page.name);
            }
        }
    }
}

#[test]
fn ids_are_unique_and_what_refers_to_one_finds_it() {
    for page in everything() {
        let ids: Vec<&str> = page.elements().filter_map(|element| element.get("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(unique.len(), ids.len(), "{}: {ids:?}", page.name);
        for element in page.elements() {
            let inside = element.get("href").and_then(|url| url.strip_prefix('#'));
            for id in element.get("aria-labelledby").into_iter().chain(inside) {
                assert!(unique.contains(id), "{}: there is no {id}", page.name);
            }
        }
    }
}

#[test]
fn headings_go_down_one_step_at_a_time() {
    for page in everything() {
        let level =
            |element: &Element| element.name.strip_prefix('h').and_then(|level| level.parse::<u8>().ok());
        let levels: Vec<u8> = page.elements().filter_map(level).collect();
        assert_eq!(levels.first(), Some(&1), "{}: {levels:?}", page.name);
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1, "{}: {levels:?}", page.name);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{}: {levels:?}", page.name);
    }
}

#[test]
fn form_controls_have_labels_and_forms_only_ask_but_for_the_login() {
    let control = |token: &Token| match token {
        Token::Open(element) => {
            let hidden = element.get("type") == Some("hidden") || element.get("hidden").is_some();
            element.name == "select" || (element.name == "input" && !hidden)
        }
        _ => false,
    };
    for page in everything() {
        let all = page.tokens.iter().filter(|token| control(token)).count();
        let labelled: usize =
            page.all("label").iter().map(|(_, inside)| inside.iter().filter(|t| control(t)).count()).sum();
        assert_eq!(all, labelled, "{}", page.name);
        for (form, inside) in page.all("form") {
            let logs_in = form.get("action") == Some("/login");
            let method = if logs_in { "post" } else { "get" };
            assert_eq!(form.get("method"), Some(method), "{}: {form:?}", page.name);
            let submits = |token: &Token| matches!(token, Token::Open(e) if e.get("type") == Some("submit"));
            assert!(inside.iter().any(submits), "{}: without a button: {form:?}", page.name);
        }
    }
}

#[test]
fn elements_are_closed_in_the_order_in_which_they_were_opened() {
    for page in everything() {
        let mut open: Vec<&str> = Vec::new();
        for token in &page.tokens {
            match token {
                Token::Open(element) if !VOID.contains(&element.name.as_str()) => open.push(&element.name),
                Token::Close(name) => assert_eq!(open.pop(), Some(name.as_str()), "{}", page.name),
                _ => {}
            }
        }
        assert!(open.is_empty(), "{}: {open:?}", page.name);
    }
}

#[test]
fn figures_that_are_not_numbers_never_reach_the_page() {
    for page in everything() {
        for word in ["NaN", "inf%", "\"inf\"", "infinity"] {
            assert!(!page.html.contains(word), "{} has {word}", page.name);
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
    let file = |path: &'static str| path.rsplit('/').next().unwrap_or(path);
    for asset in super::assets::ALL {
        std::fs::write(directory.join(file(asset.path)), asset.text).unwrap();
    }
    for page in everything() {
        let mut html = page.html.clone();
        for asset in super::assets::ALL {
            html = html.replace(&asset.href(), file(asset.path));
        }
        std::fs::write(directory.join(format!("{}.html", page.name.replace(' ', "-"))), html).unwrap();
    }
}
