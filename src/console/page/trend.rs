//! Figures over time: medians as lines, one for each group, and below them how many finished or
//! failed.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{format, parts};
use crate::console::chart::lines::{self, Columns, Dot, Line, Lines};
use crate::console::chart::scale::Linear;
use crate::insight::query::{Filter, Interval};
use crate::insight::report::{Point, Series, Trend};
use crate::work::time::Time;

/// As many lines as can be told apart.
const LINES: usize = 6;

pub(super) fn render(address: &Address, trend: &Trend) -> Markup {
    let kind = trend.basis.kind;
    let every = parts::interval(trend.interval);
    let heading = format!("Median {} by {every}", parts::time_of(kind));
    // What lies before the first item of any series says nothing.
    let first =
        trend.series.iter().filter_map(|series| series.points.iter().position(|point| point.n > 0)).min();
    let series: Vec<Series> = trend
        .series
        .iter()
        .take(LINES)
        .map(|series| Series {
            value: series.value.clone(),
            points: series.points.iter().skip(first.unwrap_or(0)).copied().collect(),
        })
        .collect();
    html! {
        section.panel aria-labelledby="trend" {
            (parts::heading("trend", &heading, &intervals(address, trend.interval)))
            @if first.is_none() {
                p.none { "Nothing finished in this range." }
            } @else {
                @if series.len() > 1 || series.first().is_some_and(|series| series.value.is_some()) {
                    (legend(address, &series))
                }
                @else { (two_lines_legend()) }
                (parts::past("stages"))
                (medians(address, trend, &series))
                (amounts(address, trend, &series))
                (table(trend, &series))
            }
        }
    }
}

fn intervals(address: &Address, current: Interval) -> Markup {
    html! {
        nav.segment aria-label="Width of a point" {
            @for interval in [Interval::Day, Interval::Week, Interval::Month] {
                a href=(format!("{}#trend", address.with_interval(interval).url("/")))
                    aria-current=[(interval == current).then_some("true")] {
                    (parts::interval(interval))
                }
            }
        }
    }
}

fn legend(address: &Address, series: &[Series]) -> Markup {
    html! {
        ul.legend { @for (index, series) in series.iter().enumerate() {
            li.entry { (key_line(index))
                @let value = series.value.as_deref().unwrap_or("all");
                @let filter = address.query().group.as_ref().map(|key| Filter::include(key, value));
                @let filter = filter.filter(link::writable);
                @match filter {
                    Some(filter) => a href=(address.with_filter(&filter).url("/")) { bdi { (value) } },
                    None => bdi { (value) },
                }
            }
        } }
    }
}

fn two_lines_legend() -> Markup {
    html! { ul.legend { li.entry { (key_line(0)) "p50" } li.entry { (key_line(6)) "p90" } } }
}

fn key_line(style: usize) -> Markup {
    html! {
        svg.chart.key-line width="22" height="10" aria-hidden="true" {
            g class=(format!("s{style}")) { path.line d="M1 5L21 5" {} circle.point cx="11" cy="5" r="3" {} }
        }
    }
}

/// The address of the items of a point.
fn href(address: &Address, series: &Series, points: &[Point], index: usize, end: Time) -> String {
    let to = points.get(index + 1).map_or(end, |next| next.from.0);
    let day = |at: Time| {
        let text = at.to_string();
        text.strip_suffix("T00:00:00Z").map_or(text.clone(), str::to_owned)
    };
    let address = match (&address.query().group, &series.value) {
        (Some(key), Some(value)) => match Some(Filter::include(key, value)).filter(link::writable) {
            Some(filter) => address.with_filter(&filter),
            None => address.clone(),
        },
        _ => address.clone(),
    };
    address.with_range(&day(points[index].from.0), &day(to)).url("/items")
}

fn dots(
    address: &Address,
    trend: &Trend,
    series: &Series,
    what: &str,
    value: impl Fn(&Point) -> Option<f64>,
    text: impl Fn(f64) -> String,
) -> Vec<Dot> {
    let name = series.value.as_deref().map(|value| format!("{value}, ")).unwrap_or_default();
    let dot = |(index, point): (usize, &Point)| {
        let height = value(point);
        let figure = height.map_or_else(|| "no data".to_owned(), &text);
        Dot {
            value: height,
            href: href(address, series, &series.points, index, trend.basis.to.0),
            label: format!(
                "{name}{} from {}: {what} {figure}, n = {}",
                parts::interval(trend.interval),
                format::day(point.from.0),
                format::count(point.n)
            ),
        }
    };
    series.points.iter().enumerate().map(dot).collect()
}

fn times(series: &[Series]) -> Vec<(f64, String)> {
    let Some(points) = series.first().map(|series| &series.points) else { return Vec::new() };
    let n = points.len();
    // At most seven labels, the last point among them where there is room.
    let step = n.div_ceil(6).max(1);
    let long = n > 1 && points[n - 1].from.0.since(points[0].from.0) > 370 * crate::insight::query::DAY;
    let text = |at: Time| if long { format::date(at).chars().take(7).collect() } else { format::day(at) };
    (0..n).step_by(step).map(|index| (lines::place(index, n), text(points[index].from.0))).collect()
}

fn medians(address: &Address, trend: &Trend, series: &[Series]) -> Markup {
    let single = series.len() == 1 && series[0].value.is_none();
    let mut drawn: Vec<Line> = series
        .iter()
        .enumerate()
        .map(|(style, series)| Line {
            style,
            points: dots(address, trend, series, "median", |point| point.p50_seconds, format::duration),
        })
        .collect();
    if single {
        let p90 = dots(address, trend, &series[0], "p90", |point| point.p90_seconds, format::duration);
        drawn.insert(0, Line { style: 6, points: p90 });
    }
    let greatest = drawn.iter().flat_map(|line| &line.points).filter_map(|dot| dot.value).fold(0.0, f64::max);
    lines::lines(&Lines {
        name: &format!("Median {} by {}", parts::time_of(trend.basis.kind), parts::interval(trend.interval)),
        lines: &drawn,
        times: &times(series),
        scale: &Linear::of_durations(greatest),
        tick: format::axis,
        height: 170.0,
    })
}

/// For what fails its failure rate, else how much was finished; of all groups together.
fn amounts(address: &Address, trend: &Trend, series: &[Series]) -> Markup {
    let Some(first) = series.first() else { return html! {} };
    let mut all = Series { value: None, points: first.points.clone() };
    for other in &series[1..] {
        for (sum, point) in all.points.iter_mut().zip(&other.points) {
            sum.n += point.n;
            sum.outcomes.failed += point.outcomes.failed;
            sum.outcomes.succeeded += point.outcomes.succeeded;
        }
    }
    let fails = parts::fails(trend.basis.kind);
    let every = parts::interval(trend.interval);
    let columns = if fails {
        dots(address, trend, &all, "failure rate", |point| point.outcomes.failure_rate(), format::share)
    } else {
        dots(address, trend, &all, "finished", |point| Some(point.n as f64), |n| format::count(n as u64))
    };
    let greatest = columns.iter().filter_map(|dot| dot.value).fold(0.0, f64::max);
    let name = if fails { format!("Failure rate by {every}") } else { format!("Finished by {every}") };
    html! {
        h3.chart-title { (name) @if series.len() > 1 { span.sub { " these groups together" } } }
        (lines::columns(&Columns {
            name: &name,
            columns: &columns,
            times: &times(series),
            scale: &Linear::new(greatest, if fails { 0.01 } else { 1.0 }),
            tick: if fails { |value, _| format::share(value) }
            else { |value, _| if value.fract() == 0.0 { format::figure(value) } else { String::new() } }
            ,
            height: 64.0,
        }))
    }
}

fn table(trend: &Trend, series: &[Series]) -> Markup {
    html! {
        details.data {
            summary { "Show as table" }
            div.scroll { table {
                thead { tr {
                    th scope="col" { (parts::interval(trend.interval)) " from" }
                    @if series.iter().any(|series| series.value.is_some()) { th scope="col" { "Group" } }
                    th.num scope="col" { "n" }
                    th.num scope="col" { "p50" }
                    th.num scope="col" { "p90" }
                    th.num scope="col" { "Failed" }
                } }
                tbody { @for series in series { @for point in &series.points {
                    tr {
                        td { (format::date(point.from.0)) }
                        @if let Some(value) = &series.value { td { bdi { (value) } } }
                        td.num { (format::count(point.n)) }
                        td.num { (format::duration_or(point.p50_seconds)) }
                        td.num { (format::duration_or(point.p90_seconds)) }
                        td.num { (parts::failure_rate(point.outcomes)) }
                    }
                } } }
            } }
        }
    }
}
