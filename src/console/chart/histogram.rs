//! A histogram on a logarithmic axis, with a selected range, marked quantiles and, laid over it,
//! the part of each bar that has something. The script drags a range over it by the data
//! attributes of its bars; without the script each bar is a link that selects it.

use maud::{Markup, html};

use super::scale::{Linear, Log};
use super::{anchor, percent};

/// Where the plot begins and ends, in pixels.
const TOP: f64 = 30.0;
const BOTTOM: f64 = 210.0;
const HEIGHT: &str = "236";

/// A bar.
pub struct Bar {
    /// Its lower edge.
    pub from: f64,
    /// Its upper edge.
    pub to: f64,
    /// How many.
    pub n: u64,
    /// Of these, how many have what is laid over.
    pub overlay: u64,
    /// What it leads to.
    pub href: String,
    /// What it says.
    pub label: String,
}

/// A histogram.
pub struct Histogram<'a> {
    /// What it shows, for whoever does not see it.
    pub name: &'a str,
    /// Its bars, from left to right.
    pub bars: &'a [Bar],
    /// The selected range.
    pub selection: Option<(f64, f64)>,
    /// Values to mark, with what they are called.
    pub marks: &'a [(f64, String)],
    /// How an edge is written.
    pub tick: fn(f64) -> String,
}

/// Draws it; nothing if there are no bars.
pub fn render(chart: &Histogram<'_>) -> Markup {
    let (Some(first), Some(last)) = (chart.bars.first(), chart.bars.last()) else { return html! {} };
    let least = if first.from > 0.0 { first.from } else { first.to / 2.0 };
    let x = Log::new(least, last.to);
    let tallest = chart.bars.iter().map(|bar| bar.n).max().unwrap_or(0).max(1);
    let y = Linear::new(tallest as f64, 1.0);
    let height = |n: f64| (BOTTOM - TOP) * y.at(n) / 100.0;
    let edges = chart.selection.map(|(from, to)| (x.at(from), x.at(to)));
    html! {
        svg.chart.histogram width="100%" height=(HEIGHT) role="group" aria-label=(chart.name)
            data-top=(TOP) data-bottom=(BOTTOM) data-tallest=(y.ticks().last().copied().unwrap_or(1.0)) {
            @for tick in y.ticks().iter().filter(|tick| tick.fract() == 0.0) {
                line.grid x1="0" x2="100%" y1=(BOTTOM - height(*tick)) y2=(BOTTOM - height(*tick)) {}
                @if *tick > 0.0 {
                    text.tick x="0" y=(BOTTOM - height(*tick) - 4.0) { (tick) }
                }
            }
            @if let Some((from, to)) = edges {
                rect.band x=(percent(from)) width=(percent(to - from)) y=(TOP) height=(BOTTOM - TOP) {}
            }
            @for bar in chart.bars {
                (bar_mark(bar, &x, edges, &height))
            }
            @if let Some((from, to)) = edges {
                line.edge x1=(percent(from)) x2=(percent(from)) y1=(TOP) y2=(BOTTOM) {}
                line.edge x1=(percent(to)) x2=(percent(to)) y1=(TOP) y2=(BOTTOM) {}
            }
            @for (index, (value, name)) in chart.marks.iter().enumerate() {
                @let place = x.at(*value);
                // Two that fall together would be written over each other.
                @let first = chart.marks[..index].iter().all(|(other, _)| (x.at(*other) - place).abs() > 3.0);
                @if first {
                line.mark x1=(percent(place)) x2=(percent(place)) y1="18" y2=(BOTTOM) {}
                text.mark x=(percent(place)) y="12" text-anchor=(mark_anchor(place)) { (name) }
                }
            }
            @for value in x.ticks(10.5) {
                text.tick x=(percent(x.at(value))) y=(BOTTOM + 18.0) text-anchor=(anchor(x.at(value))) {
                    ((chart.tick)(value))
                }
            }
            rect.brush x="0" width="0" y=(TOP) height=(BOTTOM - TOP) {}
        }
    }
}

fn bar_mark(bar: &Bar, x: &Log, edges: Option<(f64, f64)>, height: &dyn Fn(f64) -> f64) -> Markup {
    // What took no time at all is still a bar.
    let left = x.at(bar.from).min(99.4);
    let right = x.at(bar.to).max(left + 0.6);
    // A hair between two bars.
    let (from, to) = (left + (right - left) * 0.05, right - (right - left) * 0.05);
    // What of it lies in the selection; an edge may go through the middle of a bar.
    let inside = edges.map(|(a, b)| (a.clamp(from, to), b.clamp(from, to))).filter(|(a, b)| a < b);
    let tall = if bar.n == 0 { 0.0 } else { height(bar.n as f64).max(1.5) };
    let part = |class: &str, a: f64, b: f64| {
        html! {
            @if b - a > 0.001 {
                rect class=(class) x=(percent(a)) width=(percent(b - a)) y=(number_px(BOTTOM - tall))
                    height=(number_px(tall)) {}
            }
        }
    };
    html! {
        a.bar href=(bar.href) aria-label=(bar.label) data-from=(bar.from) data-to=(bar.to) data-n=(bar.n) {
            title { (bar.label) }
            rect.hit x=(percent(left)) width=(percent(right - left)) y=(TOP) height=(BOTTOM - TOP) {}
            @match inside {
                None => (part("out", from, to)),
                Some((a, b)) => { (part("out", from, a)) (part("in", a, b)) (part("out", b, to)) },
            }
            rect.over x=(percent(from)) width=(percent(to - from))
                y=(number_px(BOTTOM - height(bar.overlay as f64)))
                    height=(number_px(height(bar.overlay as f64))) {}
        }
    }
}

fn number_px(value: f64) -> String {
    super::number(value)
}

/// Labels at the top stand to the left of their line in the left half, and to the right elsewhere.
fn mark_anchor(place: f64) -> &'static str {
    if (12.0..62.0).contains(&place) || place > 86.0 { "end" } else { "start" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(from: f64, to: f64, n: u64) -> Bar {
        Bar { from, to, n, overlay: n / 2, href: "/?slower=1".to_owned(), label: format!("{n} <issues>") }
    }

    #[test]
    fn a_selection_that_ends_within_a_bar_splits_it() {
        let bars = [bar(1.0, 10.0, 4), bar(10.0, 100.0, 2)];
        let chart = Histogram {
            name: "n",
            bars: &bars,
            selection: Some((30.0, 100.0)),
            marks: &[],
            tick: |v| v.to_string(),
        };
        let markup = render(&chart).into_string();
        assert_eq!(markup.matches("class=\"out\"").count(), 2, "{markup}");
        assert_eq!(markup.matches("class=\"in\"").count(), 1);
        assert!(markup.contains("4 &lt;issues&gt;"));
    }

    #[test]
    fn without_bars_there_is_nothing() {
        let chart = Histogram { name: "n", bars: &[], selection: None, marks: &[], tick: |v| v.to_string() };
        assert_eq!(render(&chart).into_string(), "");
    }
}
