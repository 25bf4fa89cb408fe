//! What is asked, at the head of a page: kind, range, tier and filters. Links and forms with GET;
//! all of it is in the address.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{format, parts};
use crate::insight::query::{Filter, OUTCOME, Tier};
use crate::insight::report::{Basis, TagKey, TagKeys};
use crate::work::key::Kind;

/// The ranges to choose from, in days.
const RANGES: &[(i64, &str, &str)] = &[
    (7, "7d", "last 7 days"),
    (30, "30d", "last 30 days"),
    (90, "90d", "last 90 days"),
    (182, "6m", "last 6 months"),
    (365, "1y", "last year"),
    (36_500, "All", "all time"),
];

/// The range in words: `last 90 days`, else its dates.
pub(super) fn range_words(address: &Address, basis: &Basis) -> String {
    let preset = address.days().and_then(|days| RANGES.iter().find(|(preset, ..)| *preset == days));
    match (preset, address.days()) {
        (Some((_, _, words)), _) => (*words).to_owned(),
        (None, Some(days)) => format!("last {}", format::counted(days.unsigned_abs(), "day", "days")),
        (None, None) => parts::range(basis),
    }
}

/// The dates of a range that was put in other words.
pub(super) fn dates(address: &Address, basis: &Basis) -> Markup {
    html! { @if address.days().is_some() { " · " (parts::range(basis)) } }
}

/// All controls, for the page at `path`.
pub(super) fn render(address: &Address, path: &str, basis: &Basis, tags: &TagKeys) -> Markup {
    html! {
        section.controls aria-label="What is shown" {
            nav.segment aria-label="Kind of item" {
                @for kind in parts::kinds(address.query().kind) {
                    a href=(address.with_kind(kind).url(path))
                        aria-current=[(kind == address.query().kind).then_some("true")] {
                        (parts::title(kind))
                    }
                }
            }
            (ranges(address, path, basis))
            @if address.query().kind == Kind::Deploy || address.query().tier.is_some() {
                (tiers(address, path))
            }
            (filters(address, path, &tags.keys, |key| address.url(&link::tag_path(key))))
        }
    }
}

/// Filters alone, for a page about all kinds whenever they were opened.
pub(super) fn only_filters(address: &Address, path: &str, keys: &[TagKey]) -> Markup {
    let grouped = |key: &str| format!("{}#groups", address.with_group(key).url(path));
    html! {
        section.controls aria-label="What is shown" {
            @if address.query().tier.is_some() { (tiers(address, path)) }
            (filters(address, path, keys, grouped))
        }
    }
}

/// The key to group by, for the page at `action`.
pub(super) fn grouping(address: &Address, action: &str, chosen: Option<&str>, keys: &[TagKey]) -> Markup {
    html! {
        form.inline method="get" action=(action) data-auto {
            (parts::hidden(address, &["group"]))
            label { "Group by "
                select name="group" {
                    @if chosen.is_none_or(|key| !keys.iter().any(|k| k.key == key)) {
                        option value=(chosen.unwrap_or_default()) selected {
                            (chosen.unwrap_or("choose …"))
                        }
                    }
                    @for key in keys {
                        option value=(key.key) selected[chosen == Some(key.key.as_str())] { (key.key) }
                    }
                }
            }
            button.apply type="submit" { "Apply" }
        }
    }
}

fn ranges(address: &Address, path: &str, basis: &Basis) -> Markup {
    let days = address.days();
    let own = !RANGES.iter().any(|(preset, ..)| Some(*preset) == days);
    html! {
        div.segment-row {
            nav.segment aria-label="Range" {
                @for (preset, short, words) in RANGES {
                    a href=(address.with_days(*preset).url(path)) aria-label=(format!("{short}, {words}"))
                        aria-current=[(Some(*preset) == days).then_some("true")] {
                        (short)
                    }
                }
            }
            details.menu {
                summary.chip.own[own] { @if own { (parts::range(basis)) } @else { "Dates…" } }
                form.pop method="get" action=(path) {
                    (parts::hidden(address, &["from", "to"]))
                    label {
                        "From" input type="date" name="from" required value=(format::date(basis.from.0));
                    }
                    label {
                        "To (that day not included)" input type="date" name="to"
                            value=(format::date(basis.to.0));
                    }
                    button type="submit" { "Show" }
                }
            }
        }
    }
}

fn tiers(address: &Address, path: &str) -> Markup {
    let tiers = [
        (Tier::Production, "Production"),
        (Tier::Staging, "Staging"),
        (Tier::Development, "Development"),
        (Tier::Other, "Other environments"),
        (Tier::Any, "All environments"),
    ];
    html! {
        form.inline method="get" action=(path) data-auto {
            (parts::hidden(address, &["tier"]))
            label { span.sr { "Environment" }
                select name="tier" {
                    option value="" selected[address.query().tier.is_none()] { "Production for DORA, else all" }
                    @for (tier, name) in tiers {
                        option value=(link::word(&tier)) selected[address.query().tier == Some(tier)] { (name) }
                    }
                }
            }
            button.apply type="submit" { "Apply" }
        }
    }
}

/// `all` is where all values of a key are.
fn filters(address: &Address, path: &str, keys: &[TagKey], all: impl Fn(&str) -> String) -> Markup {
    let mut chosen = address.query().filters.clone();
    chosen.sort();
    html! {
        div.filters role="group" aria-label="Filters" {
            @for filter in &chosen {
                @let sign = if filter.exclude { "≠" } else { "=" };
                a.chip.on.not[filter.exclude] href=(address.without_filter(filter).url(path))
                    aria-label=(format!("Remove the filter {} {sign} {}", filter.key, filter.value)) {
                    bdi { span.key { (filter.key) } " " (sign) " " span.value { (filter.value) } }
                    span.x aria-hidden="true" { "×" }
                }
            }
            details.menu {
                summary.chip.add { "+ Filter" }
                div.pop.wide {
                    @for key in keys.iter().filter(|key| !key.values.is_empty()) {
                        (key_menu(address, path, key, &all(&key.key)))
                    }
                    form method="get" action=(path) {
                        (parts::hidden(address, &[]))
                        label { "Any other"
                            input type="text" name="filter" placeholder="key=value or key!=value"
                                pattern=".+=.+" required autocomplete="off" spellcheck="false";
                        }
                        button type="submit" { "Add" }
                    }
                }
            }
            @if chosen.len() > 1 { a.quiet href=(address.without_filters().url(path)) { "Clear all" } }
        }
    }
}

fn key_menu(address: &Address, path: &str, key: &TagKey, all: &str) -> Markup {
    html! {
        details.key name="filter-key" {
            summary { bdi { (key.key) } " " span.sub { (format::counted(key.distinct, "value", "values")) } }
            ul {
                @for value in &key.values {
                    @let filter = Filter::include(&key.key, &value.value);
                    @if link::writable(&filter) {
                        li {
                            a href=(address.with_filter(&filter).url(path)) {
                                bdi { (value.value) }
                                " " span.sub { (format::count(value.n)) }
                            }
                        }
                    }
                }
                @if key.key != OUTCOME && key.distinct > key.values.len() as u64 {
                    li { a.quiet href=(all) { "All values" } }
                }
            }
        }
    }
}
