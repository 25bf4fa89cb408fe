//! The distribution of latency: a histogram over which a range can be dragged, and the same as a
//! form, as figures and as a table.

use maud::{Markup, html};

use super::link::Address;
use super::{format, parts};
use crate::console::chart::histogram::{Bar, Histogram, render as histogram};
use crate::insight::query::Filter;
use crate::insight::report::{Latency, LeftOut, Quantiles, Selection};

/// Nothing if nothing ended in the range.
pub(super) fn render(address: &Address, latency: &Latency) -> Markup {
    let Some(quantiles) = latency.quantiles else { return html! {} };
    let kind = latency.basis.kind;
    let heading = format!("How long {} take", parts::many(kind));
    html! {
        section.panel.distribution aria-labelledby="distribution" {
            (parts::heading("distribution", &heading, &form(address, latency)))
            (chart(address, latency, &quantiles))
            (legend(address, latency))
            (figures(&quantiles))
            (left_out(latency.left_out))
            (table(address, latency))
        }
    }
}

fn chart(address: &Address, latency: &Latency, quantiles: &Quantiles) -> Markup {
    let kind = latency.basis.kind;
    let overlaid = !address.query().overlay.is_empty();
    let bars: Vec<Bar> = latency
        .histogram
        .iter()
        .map(|bin| Bar {
            from: down(bin.from_seconds),
            to: up(bin.to_seconds),
            n: bin.n,
            overlay: if overlaid { bin.overlay.min(bin.n) } else { 0 },
            href: format!(
                "{}#distribution",
                address.with_selection(Some(down(bin.from_seconds)), Some(up(bin.to_seconds))).url("/")
            ),
            label: format!(
                "{} to {}: {}",
                format::duration(bin.from_seconds),
                format::duration(bin.to_seconds),
                parts::counted(bin.n, kind)
            ),
        })
        .collect();
    let marks = [
        (quantiles.p50_seconds, format!("p50 {}", format::duration(quantiles.p50_seconds))),
        (quantiles.p95_seconds, format!("p95 {}", format::duration(quantiles.p95_seconds))),
    ];
    let name = format!(
        "Histogram of the {} of {}, logarithmic. Each bar selects its range.",
        parts::time_of(kind),
        parts::counted(quantiles.n, kind)
    );
    let selection = latency.selection.map(|s| (s.from_seconds, s.to_seconds));
    html! {
        (parts::past("correlations"))
        div.plot data-brush=(address.with_selection(None, None).url("/")) {
            (histogram(&Histogram { name: &name, bars: &bars, selection, marks: &marks, tick: format::tick }))
        }
    }
}

/// An edge in milliseconds, so that addresses are short; outwards, so that no item is lost.
fn down(seconds: f64) -> f64 {
    (seconds * 1_000.0).floor() / 1_000.0
}

fn up(seconds: f64) -> f64 {
    (seconds * 1_000.0).ceil() / 1_000.0
}

/// What is selected, in words, and what is laid over.
fn legend(address: &Address, latency: &Latency) -> Markup {
    let query = address.query();
    let own = query.slower.is_some() || query.faster.is_some();
    html! {
        div.legend {
            @if let Some(selection) = latency.selection {
                span.entry { span.swatch.in aria-hidden="true" {}
                    @if own {
                        (range(&selection))
                    } @else {
                        "Slowest tenth: " (format::duration(selection.from_seconds)) " and longer"
                    }
                    " (" (format::count(selection.n)) ")"
                }
                @let (from, to) = (down(selection.from_seconds), up(selection.to_seconds));
                @let selected = address.with_selection(Some(from), Some(to));
                a.quiet href=(selected.url("/items")) { "Show these " (parts::many(latency.basis.kind)) }
            }
            span.entry.overlay-entry hidden[query.overlay.is_empty()] { span.swatch.over aria-hidden="true" {}
                "with " span data-overlay-name { bdi { (overlay_text(address)) } }
            }
            @if !query.overlay.is_empty() {
                a.quiet href=(format!("{}#distribution", address.with_overlay(Vec::new()).url("/"))) {
                    "Remove overlay"
                }
            }
            @if own {
                a.quiet href=(format!("{}#distribution", address.with_selection(None, None).url("/"))) {
                    "Back to slowest tenth"
                }
            }
        }
    }
}

fn overlay_text(address: &Address) -> String {
    let sign = |exclude| if exclude { "≠" } else { "=" };
    let one = |o: &Filter| format!("{} {} {}", o.key, sign(o.exclude), o.value);
    let texts: Vec<String> = address.query().overlay.iter().map(one).collect();
    texts.join(" and ")
}

fn range(selection: &Selection) -> String {
    format!("{} to {}", format::duration(selection.from_seconds), format::duration(selection.to_seconds))
}

/// The selection as two lists of edges, for the keyboard and without the script.
fn form(address: &Address, latency: &Latency) -> Markup {
    let query = address.query();
    let options = |chosen: Option<f64>, edges: &[f64], any: &str| {
        html! {
            option value="" { (any) }
            @if let Some(chosen) = chosen.filter(|chosen| !edges.contains(chosen)) {
                option value=(chosen) selected { (format::duration(chosen)) }
            }
            @for edge in edges {
                option value=(edge) selected[Some(*edge) == chosen] { (format::duration(*edge)) }
            }
        }
    };
    let lower: Vec<f64> = latency.histogram.iter().map(|bin| down(bin.from_seconds)).collect();
    let upper: Vec<f64> = latency.histogram.iter().map(|bin| up(bin.to_seconds)).collect();
    html! {
        @if !latency.histogram.is_empty() { details.menu.end {
            summary.chip { "Select a range" }
            form.pop method="get" action="/#distribution" {
                (parts::hidden(address, &["slower", "faster"]))
                label { "At least" select name="slower" { (options(query.slower, &lower, "–")) } }
                label { "At most" select name="faster" { (options(query.faster, &upper, "–")) } }
                button type="submit" { "Select" }
            }
        } }
    }
}

fn figures(q: &Quantiles) -> Markup {
    let figures = [
        ("p10", q.p10_seconds),
        ("p50", q.p50_seconds),
        ("p75", q.p75_seconds),
        ("p90", q.p90_seconds),
        ("p95", q.p95_seconds),
        ("p99", q.p99_seconds),
        ("mean", q.mean_seconds),
    ];
    html! {
        dl.strip {
            @for (name, seconds) in figures { div { dt { (name) } dd { (format::duration(seconds)) } } }
            div { dt { "n" } dd { (format::count(q.n)) } }
        }
    }
}

fn left_out(left: LeftOut) -> Markup {
    let reasons: Vec<String> = [
        (left.outcome, "not completed as such (not planned, closed unmerged, skipped or stopped)"),
        (left.start_unknown, "without a known beginning"),
        (left.clamped, "with an impossible interval"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, why)| format!("{} {why}", format::count(n)))
    .collect();
    html! { @if !reasons.is_empty() { p.note { "Left out: " (reasons.join(", ")) "." } } }
}

fn table(address: &Address, latency: &Latency) -> Markup {
    let overlaid = !address.query().overlay.is_empty();
    html! {
        details.data {
            summary { "Show as table" }
            div.scroll { table {
                thead {
                    tr {
                        th scope="col" { "From" }
                        th scope="col" { "To" }
                        th.num scope="col" { "n" }
                        @if overlaid { th.num scope="col" { "With overlay" } }
                    }
                }
                tbody { @for bin in &latency.histogram {
                    tr {
                        td { (format::duration(bin.from_seconds)) } td { (format::duration(bin.to_seconds)) }
                        td.num { (format::count(bin.n)) }
                        @if overlaid { td.num { (format::count(bin.overlay)) } }
                    }
                } }
            } }
        }
    }
}
