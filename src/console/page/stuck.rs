//! The page at `/stuck`: what has been open for too long, of all kinds, each with the way to its trace.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{Frame, controls, format, frame, parts};
use crate::console::chart::bars;
use crate::insight::query::{Filter, MAX_LIMIT};
use crate::insight::report::{ItemRow, Stuck, StuckKind};
use crate::work::key::Kind;

/// Where it is.
pub const PATH: &str = "/stuck";
/// As many tags as a row shows.
const TAGS: usize = 4;

/// Renders the page.
pub fn render(address: &Address, stuck: &Stuck) -> Markup {
    let title = "Open for too long";
    let home = address.first_page().url("/");
    let some = |kind: &&StuckKind| kind.n > 0;
    let content = html! {
        nav.crumbs aria-label="Way back" {
            a href=(home) { "Overview" }
            span aria-hidden="true" { "/" }
            (title)
        }
        header.page {
            h1 { (title) span.range { "now" } }
            p.sub {
                (format::counted(stuck.total, "item", "items"))
                ", of all kinds and whenever they were opened"
            }
        }
        (controls::only_filters(address, PATH, &stuck.keys))
        @if stuck.total == 0 {
            (none(address, stuck))
        } @else {
            div.pair {
                (kinds(stuck))
                (groups(address, stuck))
            }
            @for kind in stuck.kinds.iter().filter(some) { (of_kind(address, stuck, kind)) }
        }
    };
    frame(&Frame { title, home: &home, basis: Some(&stuck.basis), session: address.session() }, &content)
}

/// Where there is none, and what that means.
fn none(address: &Address, stuck: &Stuck) -> Markup {
    let limits: Vec<String> = stuck
        .kinds
        .iter()
        .map(|kind| format!("{} {}", parts::many(kind.kind), format::duration(kind.after_seconds)))
        .collect();
    html! {
        section.panel.gentle {
            @if limits.is_empty() {
                h2 { "Nothing is watched" }
                p { "No kind has a time in " code { "insight.stuck_after" } ", so nothing counts as open for too long." }
            } @else {
                h2 { "Nothing has been open for too long" }
                p {
                    @if !address.query().filters.is_empty() {
                        "With these filters, that is. You could "
                        a href=(address.without_filters().url(PATH)) { "remove them" } ". "
                    }
                    "These are the times that each kind has: " (limits.join(", ")) "."
                }
            }
        }
    }
}

fn anchor(kind: Kind) -> String {
    format!("stuck-{}", kind.as_str().replace('_', "-"))
}

fn kinds(stuck: &Stuck) -> Markup {
    html! {
        section.panel aria-labelledby="stuck-kinds" {
            (parts::heading("stuck-kinds", "By kind", &html! {}))
            div.scroll { table.rows {
                thead { tr {
                    th scope="col" { "Kind" }
                    th.num scope="col" { "Open" }
                    th.num scope="col" { "For longer than" }
                    th.num scope="col" { "The oldest for" }
                } }
                tbody { @for kind in &stuck.kinds { tr {
                    th scope="row" {
                        @if kind.n > 0 { a href=(format!("#{}", anchor(kind.kind))) { (parts::title(kind.kind)) } }
                        @else { (parts::title(kind.kind)) }
                    }
                    td.num.strong { (format::count(kind.n)) }
                    td.num { (format::duration(kind.after_seconds)) }
                    td.num { (format::duration_or(kind.oldest_seconds)) }
                } } }
            } }
            p.note {
                "It stays open: only its sender knows whether it ended. Of builds, jobs and deploys the webhook for the "
                "end is missing, or an agent died. The times are those of " code { "insight.stuck_after" } "."
            }
        }
    }
}

fn groups(address: &Address, stuck: &Stuck) -> Markup {
    let chosen = address.query().group.as_deref();
    let beside = controls::grouping(address, &format!("{PATH}#groups"), chosen, &stuck.keys);
    let heading = chosen.map_or_else(|| "By tag".to_owned(), |key| format!("By {key}"));
    let hidden = stuck.total_groups.saturating_sub(stuck.groups.len() as u64);
    html! {
        section.panel aria-labelledby="groups" {
            (parts::heading("groups", &heading, &beside))
            @match chosen {
                None => p.none { "Choose a tag to see how many there are of each of its values." },
                Some(key) => {
                    div.scroll { table.rows {
                        thead { tr {
                            th scope="col" { bdi { (key) } }
                            th.num scope="col" { "Open" }
                            th.share scope="col" { "Share" }
                            th.num scope="col" { "The oldest for" }
                        } }
                        tbody { @for group in &stuck.groups {
                            @let filter = Filter::include(key, &group.value);
                            @let share = group.n as f64 / stuck.total.max(1) as f64;
                            tr {
                                th scope="row" {
                                    @if link::writable(&filter) {
                                        a href=(address.with_filter(&filter).url(PATH))
                                            aria-label=(format!("Only {key} = {}", group.value)) {
                                            bdi { (group.value) }
                                        }
                                    } @else { bdi { (group.value) } }
                                }
                                td.num.strong { (format::count(group.n)) }
                                td.share { (bars::share(share, "fill", &format::share(share))) }
                                td.num { (format::duration_or(group.oldest_seconds)) }
                            }
                        } }
                    } }
                    @if hidden > 0 { p.note { (format::counted(hidden, "more value", "more values")) " not shown." } }
                }
            }
        }
    }
}

fn of_kind(address: &Address, stuck: &Stuck, kind: &StuckKind) -> Markup {
    let items: Vec<&ItemRow> = stuck.items.iter().filter(|item| item.key.kind() == kind.kind).collect();
    let id = anchor(kind.kind);
    let shown = items.len() as u64;
    html! {
        section.panel aria-labelledby=(id) {
            (parts::heading(&id, &parts::counted(kind.n, kind.kind), &html! {}))
            div.scroll { table.rows.items {
                thead { tr {
                    th scope="col" { (parts::title(kind.kind)) }
                    th.num scope="col" { "Open for" }
                    th.share scope="col" { span.sr { "Against the oldest" } }
                    th scope="col" { "Waits in" }
                    th scope="col" { "Opened" }
                    th scope="col" { "Tags" }
                    th scope="col" { span.sr { "Elsewhere" } }
                } }
                tbody { @for item in &items { (row(address, stuck, item, kind)) } }
            } }
            @if shown < kind.n {
                p.note {
                    "The oldest " (format::count(shown)) " are shown. "
                    @if address.query().limit < MAX_LIMIT {
                        a href=(format!("{}#{id}", address.with_limit(MAX_LIMIT).url(PATH))) { "Show more" }
                    } @else { "Filters show the others." }
                }
            }
        }
    }
}

fn row(address: &Address, stuck: &Stuck, item: &ItemRow, kind: &StuckKind) -> Markup {
    let share = item.seconds.zip(kind.oldest_seconds).filter(|(_, oldest)| *oldest > 0.0).map(|(s, o)| s / o);
    let all: Vec<(&String, &String)> =
        item.tags.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value))).collect();
    let waited = |since: crate::work::time::Time| {
        format::duration(crate::work::time::seconds(stuck.basis.as_of.0.since(since).max(0)))
    };
    html! {
        tr {
            th.name scope="row" { (parts::trace_link(address, &item.trace_id, &item.key, item.title.as_deref())) }
            td.num.strong { (format::duration_or(item.seconds)) }
            td.share { @if let Some(share) = share {
                (bars::share(share, "fill", &format!("{} of the oldest", format::share(share))))
            } }
            td {
                @match &item.waiting {
                    Some(waiting) => {
                        bdi { (format::waits_in(waiting)) }
                        @if let Some(since) = waiting.since {
                            " " span.sub { "for " (waited(since.0)) }
                        }
                    }
                    None => span.sub { (format::NOTHING) },
                }
            }
            td.date { @match item.opened {
                Some(at) => time datetime=(at.0) { (format::minute(at.0)) },
                None => span.sub { (format::NOTHING) },
            } }
            td.tags { (parts::tag_chips(address, PATH, &all, TAGS)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{address, realistic, text};

    #[test]
    fn where_there_is_none_it_says_what_was_looked_for() {
        let page = |asked: &str, stuck: &Stuck| text(&render(&address(asked), stuck));
        let mut nothing = realistic::reports().stuck;
        (nothing.total, nothing.items) = (0, Vec::new());
        nothing.kinds.iter_mut().for_each(|kind| kind.n = 0);
        assert!(page("", &nothing).contains("Nothing has been open for too long"));
        assert!(page("", &nothing).contains("issues 180 d"));
        assert!(!page("", &nothing).contains("filters"));
        assert!(page("filter=team=a", &nothing).contains("With these filters"));
        nothing.kinds.clear();
        assert!(page("", &nothing).contains("Nothing is watched"));
    }

    #[test]
    fn what_is_not_listed_is_said() {
        let reports = realistic::reports();
        let said = text(&render(&address(""), &reports.stuck));
        assert!(said.contains("The oldest 2 are shown. Show more"), "{said}");
        let said = text(&render(&address("limit=1000"), &reports.stuck));
        assert!(said.contains("Filters show the others."), "{said}");
    }
}
