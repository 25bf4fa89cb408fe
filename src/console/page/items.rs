//! The page at `/items`: single items, the slowest first, each with the way to its trace.

use maud::{Markup, html};

use super::link::Address;
use super::{Frame, controls, empty, format, frame, parts};
use crate::console::chart::bars;
use crate::insight::report::{ItemRow, Items, TagKeys};

/// As many tags as a row shows.
const TAGS: usize = 4;

/// Renders the page.
pub fn render(address: &Address, items: &Items, tags: &TagKeys) -> Markup {
    let kind = items.basis.kind;
    let title = format!("{}, the slowest first", parts::title(kind));
    let home = address.first_page().url("/");
    let slowest = items.items.iter().filter_map(|item| item.seconds).fold(0.0, f64::max);
    let content = html! {
        nav.crumbs aria-label="Way back" {
            a href=(home) { "Overview" }
            span aria-hidden="true" { "/" }
            (parts::title(kind))
        }
        header.page {
            h1 { (title) span.range { (controls::range_words(address, &items.basis)) } }
            p.sub {
                (parts::counted(items.total, kind))
                @if let Some(selected) = selected(address) { ", " (selected) }
                (controls::dates(address, &items.basis))
            }
        }
        (controls::render(address, "/items", &items.basis, tags))
        @if items.items.is_empty() {
            (empty::nothing_here(address, "/items"))
        } @else {
            section.panel aria-label="Items" {
                div.scroll { table.rows.items {
                    thead { tr {
                        th scope="col" { (parts::title(kind)) }
                        th.num scope="col" { "Took" } th.share scope="col" {
                            span.sr { "Against the slowest" }
                        }
                        th scope="col" { "Outcome" }
                        th scope="col" { "Opened" }
                        th scope="col" { "Closed" }
                        th scope="col" { "Tags" }
                        th scope="col" { span.sr { "Elsewhere" } }
                    } }
                    tbody { @for item in &items.items { (row(address, item, slowest)) } }
                } }
                nav.pages aria-label="Pages" {
                    @if address.query().cursor.is_some() {
                        a.button href=(address.first_page().url("/items")) { "First page" }
                    }
                    @if let Some(cursor) = &items.next_cursor {
                        a.button rel="next" href=(address.with_cursor(cursor).url("/items")) { "Next page" }
                    }
                }
            }
        }
    };
    frame(
        &Frame { title: &title, home: &home, basis: Some(&items.basis), session: address.session() },
        &content,
    )
}

/// The selected latency in words.
fn selected(address: &Address) -> Option<String> {
    match (address.query().slower, address.query().faster) {
        (Some(from), Some(to)) => Some(format!("{} to {}", format::duration(from), format::duration(to))),
        (Some(from), None) => Some(format!("{} and longer", format::duration(from))),
        (None, Some(to)) => Some(format!("up to {}", format::duration(to))),
        (None, None) => None,
    }
}

fn row(address: &Address, item: &ItemRow, slowest: f64) -> Markup {
    let date = |at: Option<crate::insight::report::At>| {
        html! {
            @match at {
                Some(at) => time datetime=(at.0) { (format::minute(at.0)) }
                , None => span.sub { (format::NOTHING) }
            }
        }
    };
    let all: Vec<(&String, &String)> =
        item.tags.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value))).collect();
    html! {
        tr {
            th.name scope="row" { (parts::trace_link(address, &item.trace_id, &item.key, item.title.as_deref())) }
            td.num.strong { (format::duration_or(item.seconds)) }
            td.share { @if let Some(seconds) = item.seconds.filter(|_| slowest > 0.0) {
                (bars::share(
                    seconds / slowest,
                    "fill",
                    &format!("{} of the slowest", format::share(seconds / slowest))
                ))
            } }
            td { (parts::outcome(item.outcome.as_deref()))
                @if item.reopened > 0 {
                    " "
                    (parts::badge(
                        &format!("reopened {}×", item.reopened),
                        "",
                        "It was closed and opened again"
                    ))
                }
                }
            td.date { (date(item.opened)) }
            td.date { (date(item.closed)) }
            td.tags {
                (parts::tag_chips(address, "/items", &all, TAGS))
            }
            td {
                (parts::outward(
                    item.url.as_deref(),
                    parts::sender(&item.key),
                    &format!("{} at {}", format::item(&item.key), parts::sender(&item.key))
                ))
            }
        }
    }
}
