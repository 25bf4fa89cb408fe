//! The page that people open: reports in, HTML out. Every state is an address ([`link`]), every
//! control a link or a form with GET, so that it works without the script; the script adds dragging
//! and hovering. All that senders wrote is text, escaped by maud; only http(s) addresses of theirs
//! become links.

pub mod assets;
mod cards;
mod controls;
pub mod detail;
mod distribution;
mod empty;
mod findings;
mod flow;
mod groups;
pub mod items;
pub mod link;
pub mod login;
pub mod overview;
mod parts;
pub mod problem;
mod quality;
mod services;
pub mod stuck;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod trace;
mod trend;

use std::borrow::Cow;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::assets::Asset;
use crate::insight::format;
use crate::insight::report::Basis;

/// What is around the content of every page.
struct Frame<'a> {
    /// The page's name, for the window and the history.
    title: &'a str,
    /// Where the name of the program leads: the overview of the same question.
    home: &'a str,
    /// How fresh the figures are, where there are any.
    basis: Option<&'a Basis>,
    /// What forms have to bring, if somebody has logged in.
    session: Option<&'a str>,
}

fn frame(frame: &Frame<'_>, content: &Markup) -> Markup {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · ValueStream" }
                link rel="icon" type="image/svg+xml" href=(assets::FAVICON.href());
                link rel="stylesheet" href=(assets::CSS.href());
                script src=(assets::JS.href()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href=(frame.home) { (logo()) span { "ValueStream" } }
                    @if let Some(basis) = frame.basis {
                        p.fresh {
                            "As of " time datetime=(basis.as_of.0) { (format::minute(basis.as_of.0)) " UTC" }
                            @if basis.behind > 0 {
                                " · " (format::counted(basis.behind, "item", "items"))
                                " still being worked in"
                            }
                        }
                    }
                    @if let Some(form) = frame.session { (login::leave(form)) }
                }
                main #main tabindex="-1" { (content) }
                footer.foot {
                    p { "Times are in UTC and are those that the senders state." }
                    p { a href="/api/v1/openapi.json" { "API" } " · " a href="/metrics" { "Metrics" } }
                }
            }
        }
    };
    match without_direction(&page.0) {
        Cow::Borrowed(_) => page,
        Cow::Owned(html) => PreEscaped(html),
    }
}

/// Rendered markup whose text has no controls of direction. A `bdi` element keeps text of another
/// direction to itself, but not what such a character opens and never closes. Attributes stay: they
/// may be values that are sent back.
fn without_direction(html: &str) -> Cow<'_, str> {
    let control = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !html.contains(control) {
        return Cow::Borrowed(html);
    }
    let mut inside = false;
    let keep = |c: &char| {
        // In attributes and in text both of these are escaped.
        match c {
            '<' => inside = true,
            '>' => inside = false,
            _ => {}
        }
        inside || !control(*c)
    };
    Cow::Owned(html.chars().filter(keep).collect())
}

/// Three bars of a waterfall.
fn logo() -> Markup {
    html! {
        svg.logo width="22" height="22" viewBox="0 0 22 22" aria-hidden="true" {
            rect x="1" y="3" width="20" height="4" rx="2" {}
            rect x="6" y="9" width="12" height="4" rx="2" {}
            rect x="12" y="15" width="9" height="4" rx="2" {}
        }
    }
}

impl Asset {
    /// The address under which it may be kept for ever.
    pub fn href(&self) -> String {
        format!("{}?v={}", self.path, self.hash())
    }
}
