//! The page at `/tags/{key}`: all values of a key, the selected slow items against the rest, and what
//! is left of a value's effect within the values of other keys.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{Frame, controls, empty, format, frame, parts};
use crate::console::chart::{bars, boxes};
use crate::insight::query::{Filter, Measure};
use crate::insight::report::{Detail, Stratification, TagKeys, ValueDetail};

/// Renders the page. `address` is the question, with the chosen value as its overlay.
pub fn render(address: &Address, detail: &Detail, tags: &TagKeys) -> Markup {
    let path = link::tag_path(&detail.key);
    let home = address.with_overlay(Vec::new()).url("/");
    let title = format!("{}: {}", detail.key, parts::many(detail.basis.kind));
    let content = html! {
        nav.crumbs aria-label="Way back" {
            a href=(home) { "Overview" }
            span aria-hidden="true" { "/" }
            bdi { (detail.key) }
        }
        header.page {
            h1 {
                bdi { (detail.key) }
                span.range {
                    (parts::title(detail.basis.kind)) ", " (controls::range_words(address, &detail.basis))
                }
            }
            p.sub {
                (format::counted(detail.total_values, "value", "values"))
                (controls::dates(address, &detail.basis))
            }
        }
        (controls::render(address, &path, &detail.basis, tags))
        (others(address, detail, tags))
        @if detail.values.is_empty() {
            (empty::nothing_here(address, &path))
        } @else {
            (values(address, detail, &path))
            @if detail.value.is_some() { (strata(address, detail)) }
        }
    };
    frame(
        &Frame { title: &title, home: &home, basis: Some(&detail.basis), session: address.session() },
        &content,
    )
}

/// The way to the other keys.
fn others(address: &Address, detail: &Detail, tags: &TagKeys) -> Markup {
    let address = address.with_overlay(Vec::new());
    html! {
        nav.segment.keys aria-label="Key" {
            @for key in tags.keys.iter().filter(|key| key.distinct > 0).take(16) {
                a href=(address.url(&link::tag_path(&key.key)))
                    aria-current=[(key.key == detail.key).then_some("page")] {
                    bdi { (key.key) }
                }
            }
        }
    }
}

fn values(address: &Address, detail: &Detail, path: &str) -> Markup {
    let scale = parts::box_scale(detail.values.iter().map(|value| &value.quantiles));
    let shares = detail.values.iter().any(|value| value.share_inside.is_some());
    let fails = parts::fails(detail.basis.kind);
    let hidden = detail.total_values.saturating_sub(detail.values.len() as u64);
    html! {
        section.panel aria-labelledby="values" {
            (parts::heading("values", "Values", &html! {}))
            @if let Some(selection) = detail.selection {
                p.note {
                    "Selected: " (format::duration(selection.from_seconds))
                    " to " (format::duration(selection.to_seconds))
                    " (" (parts::counted(selection.n, detail.basis.kind))
                    "). The bars compare how large a part of the selected and of the rest have the value."
                }
            }
            div.scroll { table.rows.values {
                thead { tr {
                    th scope="col" { "Value" }
                    th.num scope="col" { "n" }
                    th.num scope="col" { "p50" }
                    th.num scope="col" { "p90" }
                    @if fails { th.num scope="col" { "Failed" } }
                    th.wide scope="col" { span.sr { "Distribution" } (boxes::axis(&scale, format::tick)) }
                    @if shares {
                        th.share scope="col" { "Selected / rest" }
                        th.contrast scope="col" { "Contrast" }
                    }
                    th scope="col" { span.sr { "Actions" } }
                } }
                tbody {
                    @for value in &detail.values {
                        (row(address, detail, value, path, &scale, shares, fails))
                    }
                }
            } }
            @if hidden > 0 { p.note { (format::counted(hidden, "more value", "more values")) " not shown." } }
        }
    }
}

fn row(
    address: &Address,
    detail: &Detail,
    value: &ValueDetail,
    path: &str,
    scale: &crate::console::chart::scale::Log,
    shares: bool,
    fails: bool,
) -> Markup {
    let filter = Some(Filter::include(&detail.key, &value.value)).filter(link::writable);
    let chosen = detail.value.as_deref() == Some(value.value.as_str());
    html! {
        tr.chosen[chosen] {
            th scope="row" {
                @match &filter {
                    Some(filter) => a
                        href=(format!("{}#strata", address.with_overlay(vec![filter.clone()]).url(path)))
                            aria-current=[chosen.then_some("true")] {
                        bdi { (value.value) }
                    }
                    ,
                    None => bdi { (value.value) },
                }
            }
            td.num { (format::count(value.n)) }
            td.num.strong { (format::duration(value.quantiles.p50_seconds)) }
            td.num { (format::duration(value.quantiles.p90_seconds)) }
            @if fails { td.num { (parts::failure_rate(value.outcomes)) } }
            td.wide {
                (boxes::box_plot(
                    &parts::five(&value.quantiles),
                    scale,
                    &parts::quantiles_text(&value.quantiles)
                ))
            }
            @if shares {
                td.share {
                    @if let (Some(inside), Some(outside)) = (value.share_inside, value.share_outside) {
                        (bars::share(inside, "in", &format!("{} of the selected", format::share(inside))))
                        (bars::share(outside, "out", &format!("{} of the rest", format::share(outside))))
                    }
                }
                td.contrast {
                    @if let Some(contrast) = value.contrast {
                        (bars::diverging(
                            contrast,
                            None,
                            1.0,
                            Some(&format::signed(contrast)),
                            &format!("contrast {}", format::signed(contrast))
                        ))
                    }
                }
            }
            td.actions {
                @if let Some(filter) = filter {
                    @let without = Filter { exclude: true, ..filter.clone() };
                    a.button href=(address.with_filter(&filter).url("/"))
                        aria-label=(format!("Filter: only {} = {}", filter.key, filter.value)) {
                        "Filter"
                    }
                    a.button href=(address.with_filter(&without).url("/"))
                        aria-label=(format!("Exclude {} = {}", filter.key, filter.value)) {
                        "Exclude"
                    }
                    a.button href=(address.with_filter(&filter).url("/items"))
                        aria-label=(format!("Traces with {} = {}", filter.key, filter.value)) {
                        "Traces"
                    }
                }
            }
        }
    }
}

fn strata(address: &Address, detail: &Detail) -> Markup {
    let value = detail.value.as_deref().unwrap_or_default();
    let measure = address.query().measure();
    html! {
        section.panel aria-labelledby="strata" {
            (parts::heading("strata", "Is something else behind it?", &html! {}))
            p.note {
                "The effect of " (parts::attribute(&detail.key, value))
                " within the values of each other key. If it shrinks to less than half, that key may be what "
                "is behind it; if it turns round, look there first."
            }
            @if detail.strata.is_empty() {
                p.none { "There is no other key with two to ten values to compare within." }
            }
            @for (index, table) in detail.strata.iter().enumerate() { (stratum(table, measure, index == 0)) }
        }
    }
}

/// What becomes of an effect within the values of another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Holds,
    Shrinks,
    Turns,
    Unknown,
}

impl Fate {
    fn of(table: &Stratification) -> Self {
        match table.adjusted {
            None => Self::Unknown,
            Some(adjusted) if adjusted * table.crude < 0.0 => Self::Turns,
            Some(adjusted) if adjusted.abs() < table.crude.abs() / 2.0 => Self::Shrinks,
            Some(_) => Self::Holds,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Holds => "the effect holds",
            Self::Shrinks => "the effect shrinks to less than half",
            Self::Turns => "the effect turns round",
            Self::Unknown => "there are too few items to tell",
        }
    }
}

fn stratum(table: &Stratification, measure: Measure, open: bool) -> Markup {
    let side = |figure: Option<f64>| match measure {
        Measure::Latency => format::duration_or(figure),
        Measure::Failure => format::share_or(figure),
    };
    let (with, without) = match measure {
        Measure::Latency => ("p50 with", "p50 without"),
        Measure::Failure => ("Fails with", "Fails without"),
    };
    let fate = Fate::of(table);
    let reach =
        table.levels.iter().filter_map(|level| level.effect).map(f64::abs).fold(table.crude.abs(), f64::max);
    html! {
        details.stratum open[open] {
            summary {
                h3 {
                    "Within " bdi { (table.key) } " "
                    span.badge.warn[matches!(fate, Fate::Shrinks | Fate::Turns)] { (fate.words()) }
                }
                span.sub {
                    (format::signed(table.crude)) " overall"
                    @if let Some(adjusted) = table.adjusted { ", " (format::signed(adjusted)) " within" }
                }
            }
            div.scroll { table.rows {
                thead { tr {
                    th scope="col" { bdi { (table.key) } }
                    th.num scope="col" { "n with" }
                    th.num scope="col" { "n without" }
                    th.num scope="col" { (with) }
                    th.num scope="col" { (without) }
                    th.num scope="col" { "Effect" }
                    th.contrast scope="col" { span.sr { "Effect as a bar" } }
                } }
                tbody { @for level in &table.levels {
                    tr {
                        th scope="row" { bdi { (level.value) } }
                        td.num { (format::count(level.n_with)) } td.num { (format::count(level.n_without)) }
                        td.num { (side(level.with)) } td.num { (side(level.without)) }
                        td.num { (level.effect.map_or_else(|| format::NOTHING.to_owned(), format::signed)) }
                        td.contrast { @if let Some(effect) = level.effect {
                            (bars::diverging(
                                effect,
                                None,
                                reach,
                                None,
                                &format!("effect {}", format::signed(effect))
                            ))
                        } }
                    }
                } }
            } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{address, realistic, text};

    fn table(crude: f64, adjusted: Option<f64>) -> Stratification {
        Stratification { key: "team".to_owned(), crude, adjusted, levels: Vec::new() }
    }

    #[test]
    fn each_summary_says_in_words_what_becomes_of_the_effect() {
        for (adjusted, words) in [
            (Some(0.21), "the effect holds"),
            (Some(0.9), "the effect holds"),
            (Some(0.19), "the effect shrinks to less than half"),
            (Some(-0.01), "the effect turns round"),
            (None, "there are too few items to tell"),
        ] {
            let said = text(&stratum(&table(0.4, adjusted), Measure::Latency, false));
            assert!(said.starts_with(&format!("Within team {words}")), "{adjusted:?}: {said}");
        }
        let lost = stratum(&table(-0.4, Some(0.3)), Measure::Latency, false).into_string();
        assert!(lost.contains("<span class=\"badge warn\">the effect turns round"), "{lost}");
    }

    #[test]
    fn only_the_first_of_the_tables_is_open() {
        let detail = realistic::reports().detail;
        let html = strata(&address(""), &detail).into_string();
        let open: Vec<bool> =
            html.split("<details class=\"stratum\"").skip(1).map(|d| d.starts_with(" open")).collect();
        assert_eq!(open, [true, false]);
    }
}
