//! The bars of a waterfall, one row each, over a common axis of time.

use maud::{Markup, html};

use super::{anchor, number, percent};

/// A bar, in percent of the whole time.
pub struct Row<'a> {
    /// Where it begins and ends; `None` if that is not known.
    pub span: Option<(f64, f64)>,
    /// Where it began to wait in a queue.
    pub queued: Option<f64>,
    /// Gaps to show within it, with what is written there.
    pub waits: &'a [(f64, f64, String)],
    /// Gaps of the whole, behind every row.
    pub gaps: &'a [(f64, f64)],
    /// Things that happened: where, and what.
    pub events: &'a [(f64, String)],
    /// How it looks: by kind, and whether it failed or is open.
    pub class: &'a str,
    /// What it says.
    pub label: &'a str,
    /// How long it took, written beside it.
    pub text: &'a str,
    /// What it leads to.
    pub href: &'a str,
    /// Whether it is a part of the bar above it, drawn thin.
    pub thin: bool,
}

/// Draws one row.
pub fn row(row: &Row<'_>, grid: &[f64]) -> Markup {
    // Of the row; where the bar begins; how high it is; where text stands.
    let (height, top, bar, base) = if row.thin { (20, 7, 6, 14) } else { (28, 7, 14, 18) };
    html! {
        svg.chart.span width="100%" height=(height) role="group" aria-label=(row.label) {
            @for (a, b) in row.gaps {
                rect.gap x=(percent(*a)) width=(percent((b - a).max(0.0))) height=(height) {}
            }
            @for place in grid { line.grid x1=(percent(*place)) x2=(percent(*place)) y1="0" y2=(height) {} }
            @if let Some((from, to)) = row.span {
                @let width = (to - from).max(0.35);
                // Never beyond the right edge, however short.
                @let from = from.min(100.0 - width);
                @if let Some(queued) = row.queued {
                    rect.queue x=(percent(queued)) width=(percent((from - queued).max(0.0))) y="10"
                        height="8" {}
                }
                a class=(format!("run {}", row.class)) href=(row.href) aria-label=(row.label) {
                    title { (row.label) }
                    rect x=(percent(from)) width=(percent(width)) y=(top) height=(bar) rx="3" {}
                }
                @for (a, b, text) in row.waits {
                    rect.wait x=(percent(*a)) width=(percent((b - a).max(0.0))) y=(top) height=(bar) {}
                    @if b - a > 11.0 {
                        text.waits x=(percent((a + b) / 2.0)) y=(base) text-anchor="middle" aria-hidden="true" {
                            (text)
                        }
                    }
                }
                @for (place, what) in row.events {
                    g.event {
                        title { (what) }
                        circle cx=(percent(*place)) cy="14" r="3" {}
                    }
                }
                @if from + width < 84.0 {
                    text.took x=(percent(from + width)) dx="6" y=(base) { (row.text) }
                } @else if from > 16.0 {
                    text.took x=(percent(row.queued.unwrap_or(from).min(from))) dx="-6" y=(base)
                        text-anchor="end" {
                        (row.text)
                    }
                } @else {
                    text.took.within x=(percent(from + width)) dx="-8" y=(base) text-anchor="end" { (row.text) }
                }
            }
        }
    }
}

/// The axis above the rows.
pub fn axis(ticks: &[(f64, String)]) -> Markup {
    html! {
        svg.chart.span-axis width="100%" height="22" aria-hidden="true" {
            @for (place, text) in ticks {
                text.tick x=(percent(*place)) y=(number(14.0)) text-anchor=(anchor(*place)) { (text) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_bar_can_still_be_seen_within_the_plot() {
        let bar = Row {
            span: Some((100.0, 100.0)),
            queued: None,
            waits: &[],
            gaps: &[],
            events: &[],
            class: "job",
            label: "l",
            text: "1 s",
            href: "#a",
            thin: false,
        };
        let markup = row(&bar, &[]).into_string();
        assert!(markup.contains("x=\"99.65%\" width=\"0.35%\""), "{markup}");
        assert!(markup.contains("height=\"14\""), "{markup}");
        let thin = row(&Row { thin: true, ..bar }, &[]).into_string();
        assert!(thin.contains("height=\"6\"") && !thin.contains("height=\"14\""), "{thin}");
        let unknown = row(&Row { span: None, ..bar }, &[]).into_string();
        assert!(!unknown.contains("<rect"), "{unknown}");
    }
}
