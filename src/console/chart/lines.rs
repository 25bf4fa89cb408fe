//! Figures over time: sparklines, lines with points to follow, and columns.

use maud::{Markup, html};

use super::scale::Linear;
use super::{anchor, number, path, percent};

/// A sparkline, without axes: its shape is what it says.
pub fn sparkline(values: &[Option<f64>], label: &str) -> Markup {
    let known: Vec<f64> = values.iter().flatten().copied().filter(|value| value.is_finite()).collect();
    let (Some(low), Some(high)) =
        (known.iter().copied().reduce(f64::min), known.iter().copied().reduce(f64::max))
    else {
        return html! {};
    };
    let low = low.min(high * 0.6);
    let span = if high > low { high - low } else { 1.0 };
    let last = values.len().saturating_sub(1).max(1) as f64;
    let place = |(index, value): (usize, &Option<f64>)| {
        value.filter(|v| v.is_finite()).map(|v| (100.0 * index as f64 / last, 92.0 - 84.0 * (v - low) / span))
    };
    let points: Vec<Option<(f64, f64)>> = values.iter().enumerate().map(place).collect();
    let line = path(&points);
    let whole = points.iter().all(Option::is_some);
    html! {
        svg.chart.spark width="100%" height="36" role="img" aria-label=(label) {
            title { (label) }
            svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="36" {
                @if whole && points.len() > 1 {
                    path.area d=(format!("{line}L100 100L0 100Z")) {}
                }
                path.line d=(line) {}
            }
            @if let Some((x, y)) = points.last().copied().flatten() {
                circle.end cx=(percent(x)) cy=(number(y * 0.36)) r="2.5" {}
            }
        }
    }
}

/// One line.
pub struct Line {
    /// Which of the line styles it has.
    pub style: usize,
    /// Its points, from left to right.
    pub points: Vec<Dot>,
}

/// A point of a line, or a column.
pub struct Dot {
    /// How high it stands; `None` breaks the line.
    pub value: Option<f64>,
    /// What it leads to.
    pub href: String,
    /// What it says.
    pub label: String,
}

/// Lines over a common axis of time.
pub struct Lines<'a> {
    /// What they show.
    pub name: &'a str,
    /// The lines.
    pub lines: &'a [Line],
    /// Labels of the axis of time: place in percent, text.
    pub times: &'a [(f64, String)],
    /// The axis of values.
    pub scale: &'a Linear,
    /// How a value of the axis is written, given the greatest.
    pub tick: fn(f64, f64) -> String,
    /// Height of the plot in pixels.
    pub height: f64,
}

/// Where the `index`th of `n` points stands: in the middle of its share of the width.
pub fn place(index: usize, n: usize) -> f64 {
    100.0 * (index as f64 + 0.5) / n.max(1) as f64
}

/// Draws lines.
pub fn lines(chart: &Lines<'_>) -> Markup {
    let top = 16.0;
    let y = |value: f64| top + chart.height * (1.0 - chart.scale.at(value) / 100.0);
    html! {
        svg.chart.lines width="100%" height=(top + chart.height + 26.0) role="group" aria-label=(chart.name) {
            (grid(chart.scale, chart.times, top, chart.height))
            @for line in chart.lines {
                @let n = line.points.len();
                @let points: Vec<_> = line.points.iter().enumerate()
                    .map(|(index, dot)| dot.value.map(|value| (place(index, n), 100.0 - chart.scale.at(value))))
                    .collect();
                g class=(format!("s{}", line.style)) {
                    svg x="0" y=(top) width="100%" height=(chart.height) viewBox="0 0 100 100"
                        preserveAspectRatio="none" overflow="visible" {
                        path.line d=(path(&points)) {}
                    }
                    @for (index, dot) in line.points.iter().enumerate() {
                        @if let Some(value) = dot.value {
                            a.dot href=(dot.href) aria-label=(dot.label) {
                                title { (dot.label) }
                                circle.hit cx=(percent(place(index, n))) cy=(number(y(value))) r="9" {}
                                circle.point cx=(percent(place(index, n))) cy=(number(y(value))) r="3" {}
                            }
                        }
                    }
                }
            }
            (values(chart.scale.ticks().iter().copied(), chart.scale, chart.tick, top, chart.height))
        }
    }
}

/// Columns over the same axis of time.
pub struct Columns<'a> {
    /// What they show.
    pub name: &'a str,
    /// The columns.
    pub columns: &'a [Dot],
    /// Labels of the axis of time.
    pub times: &'a [(f64, String)],
    /// The axis of values.
    pub scale: &'a Linear,
    /// How a value of the axis is written, given the greatest.
    pub tick: fn(f64, f64) -> String,
    /// Height of the plot in pixels.
    pub height: f64,
}

/// Draws columns.
pub fn columns(chart: &Columns<'_>) -> Markup {
    let top = 16.0;
    let n = chart.columns.len().max(1);
    let width = 100.0 / n as f64;
    html! {
        svg.chart.columns width="100%" height=(top + chart.height + 26.0) role="group"
            aria-label=(chart.name) {
            (grid(chart.scale, chart.times, top, chart.height))
            @for (index, dot) in chart.columns.iter().enumerate() {
                @if let Some(value) = dot.value {
                    @let tall = chart.height * chart.scale.at(value) / 100.0;
                    a.column href=(dot.href) aria-label=(dot.label) {
                        title { (dot.label) }
                        rect.hit x=(percent(width * index as f64)) width=(percent(width)) y=(top)
                            height=(chart.height) {}
                        rect.fill x=(percent(width * (index as f64 + 0.18))) width=(percent(width * 0.64))
                            y=(number(top + chart.height - tall)) height=(number(tall)) {}
                    }
                }
            }
            (values(
                chart.scale.ticks().last().copied().into_iter(),
                chart.scale,
                chart.tick,
                top,
                chart.height
            ))
        }
    }
}

/// Lines at the ticks of the values, and the labels of the times.
fn grid(scale: &Linear, times: &[(f64, String)], top: f64, height: f64) -> Markup {
    html! {
        @for value in scale.ticks() {
            @let y = top + height * (1.0 - scale.at(*value) / 100.0);
            line.grid x1="0" x2="100%" y1=(number(y)) y2=(number(y)) {}
        }
        @for (place, text) in times {
            text.tick x=(percent(*place)) y=(number(top + height + 18.0)) text-anchor=(anchor(*place)) {
                (text)
            }
        }
    }
}

/// The labels of the values, above what is drawn.
fn values(
    ticks: impl Iterator<Item = f64>,
    scale: &Linear,
    tick: fn(f64, f64) -> String,
    top: f64,
    height: f64,
) -> Markup {
    let greatest = scale.ticks().last().copied().unwrap_or(1.0);
    html! {
        @for value in ticks.filter(|value| *value > 0.0) {
            text.tick x="0" y=(number(top + height * (1.0 - scale.at(value) / 100.0) - 4.0)) {
                (tick(value, greatest))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_of_nothing_is_nothing_and_a_flat_one_is_a_line() {
        assert_eq!(sparkline(&[None, None], "x").into_string(), "");
        let flat = sparkline(&[Some(0.0), Some(0.0)], "x").into_string();
        assert!(flat.contains("d=\"M0 92L100 92\""), "{flat}");
    }

    #[test]
    fn every_point_is_a_link_that_says_what_it_is() {
        let dot = |value| Dot { value, href: "/?from=a".to_owned(), label: "week of \"2 Mar\"".to_owned() };
        let lines_ = [Line { style: 0, points: vec![dot(Some(1.0)), dot(None), dot(Some(3.0))] }];
        let scale = Linear::new(3.0, 1.0);
        let chart = Lines {
            name: "n",
            lines: &lines_,
            times: &[],
            scale: &scale,
            tick: |v, _| v.to_string(),
            height: 100.0,
        };
        let markup = lines(&chart).into_string();
        assert_eq!(markup.matches("aria-label=\"week of &quot;2 Mar&quot;\"").count(), 2, "{markup}");
    }
}
