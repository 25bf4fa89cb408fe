//! Figures over time: days, weeks from Monday, or months, in UTC, by the time of the end.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::cohort::{Cohort, dimension, outcomes};
use super::groups::{Split, holders};
use super::population::{Population, fails};
use super::query::{Interval, Query, QueryError, written};
use super::report::{At, Basis, Point, Series, Trend};
use super::stats::quantile::quantile;
use crate::work::time::Time;

/// The most points of a line.
pub const MAX_POINTS: usize = 2_000;
/// How many groups have a line, if `limit` allows as many.
const MAX_SERIES: usize = 8;

/// The report on a cohort; one line for each of the largest groups if `query.group` is given.
pub fn trend(
    population: &Population,
    cohort: &Cohort,
    query: &Query,
    basis: Basis,
) -> Result<Trend, QueryError> {
    let interval = query.interval();
    let starts = starts(cohort, query, interval)?;
    let line = |value: Option<String>, places: &[u32]| Series {
        value,
        points: points(population, cohort, &starts, places),
    };
    let series = match &query.group {
        None => vec![line(None, &(0..cohort.len() as u32).collect::<Vec<_>>())],
        Some(key) => {
            let split_by = dimension(population, "group", key)?;
            let split = Split::new(split_by, cohort);
            let largest =
                holders(split_by, |set| split.count(set)).into_iter().take(query.limit.min(MAX_SERIES));
            largest.map(|holders| line(Some(holders.value), &split.places(&holders.sets))).collect()
        }
    };
    Ok(Trend { basis, interval, series })
}

/// When each point begins: from the beginning of the range, or from the first end if there was none
/// for long, to the end of the range.
fn starts(cohort: &Cohort, query: &Query, interval: Interval) -> Result<Vec<Time>, QueryError> {
    let Some(first) = cohort.ends.iter().copied().min() else { return Ok(Vec::new()) };
    let mut starts = Vec::new();
    let mut date = beginning(first.max(query.from), interval);
    while let Some(start) = midnight(date).filter(|start| *start < query.to) {
        starts.push(start);
        if starts.len() > MAX_POINTS {
            return Err(QueryError::Value {
                name: "interval",
                value: written(interval, Interval::WORDS),
                problem: format!("more than {MAX_POINTS} points: ask for week or month, or a shorter range"),
            });
        }
        let step = match interval {
            Interval::Day => 1.day(),
            Interval::Week => 1.week(),
            Interval::Month => 1.month(),
        };
        date = date.saturating_add(step);
    }
    Ok(starts)
}

/// When the day, week or month begins that an instant is in.
pub fn start(at: Time, interval: Interval) -> Option<Time> {
    midnight(beginning(at, interval))
}

/// The first day of the day, week or month that an instant is in.
fn beginning(at: Time, interval: Interval) -> Date {
    let stamp = Timestamp::from_microsecond(at.micros()).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = stamp.to_zoned(TimeZone::UTC).date();
    match interval {
        Interval::Day => date,
        Interval::Week => date.saturating_sub(i64::from(date.weekday().since(Weekday::Monday)).days()),
        Interval::Month => date.first_of_month(),
    }
}

fn midnight(date: Date) -> Option<Time> {
    let zoned = date.to_zoned(TimeZone::UTC).ok()?;
    Time::from_micros(zoned.timestamp().as_microsecond())
}

/// The points of the items at these places of the cohort, which are in its order.
fn points(population: &Population, cohort: &Cohort, starts: &[Time], places: &[u32]) -> Vec<Point> {
    // Places come in the order of latency, so each point's seconds are sorted.
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); starts.len()];
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); starts.len()];
    let runs = cohort.rows.first().is_some_and(|row| fails(population.kind(*row)));
    for place in places {
        let place = *place as usize;
        let bucket = starts.partition_point(|start| *start <= cohort.ends[place]).saturating_sub(1);
        if let Some(seconds) = seconds.get_mut(bucket) {
            seconds.push(cohort.seconds[place]);
        }
        if runs && let Some(rows) = rows.get_mut(bucket) {
            rows.push(cohort.rows[place]);
        }
    }
    let point = |((start, seconds), rows): ((&Time, &Vec<f64>), Vec<u32>)| Point {
        from: At(*start),
        n: seconds.len() as u64,
        p50_seconds: quantile(seconds, 0.5),
        p90_seconds: quantile(seconds, 0.9),
        outcomes: outcomes(population, rows.into_iter()),
    };
    starts.iter().zip(&seconds).zip(rows).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::super::cohort;
    use super::super::population::testing::{Seen, population, seen};
    use super::super::query::Tier;
    use super::*;
    use crate::work::event::Outcome;
    use crate::work::testing::at;

    const DAY: i64 = 86_400;

    fn report(items: &[Seen], to: i64, interval: Interval, group: Option<&str>) -> Result<Trend, QueryError> {
        let population = population(items);
        let query = Query {
            from: at(0),
            interval: Some(interval),
            group: group.map(str::to_owned),
            ..Query::new(at(to))
        };
        let cohort = Cohort::select(&population, &query).unwrap();
        trend(&population, &cohort, &query, cohort::basis(&query, Tier::Any, at(0), 0))
    }

    fn done(id: u32, end: i64, seconds: i64) -> Seen {
        seen(&format!("issue/{id}")).lived(end - seconds, end, Outcome::Completed)
    }

    /// 2026-01-01 is a Thursday.
    #[test]
    fn days_without_an_end_are_points_without_a_figure() {
        let trend = report(
            &[done(1, DAY, 10), done(2, DAY + 5, 30), done(3, 3 * DAY, 7)],
            4 * DAY,
            Interval::Day,
            None,
        )
        .unwrap();
        let points: Vec<_> = trend.series[0].points.iter().map(|p| (p.n, p.p50_seconds)).collect();
        assert_eq!(points, [(2, Some(20.0)), (0, None), (1, Some(7.0))]);
        assert_eq!(trend.series[0].points[0].from, At(at(DAY)));
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let items = [done(1, 3 * DAY, 10), done(2, 4 * DAY, 10), done(3, 40 * DAY, 10)];
        let starts = |interval| -> Vec<String> {
            let points = report(&items, 45 * DAY, interval, None).unwrap().series.remove(0).points;
            points.iter().filter(|p| p.n > 0).map(|p| p.from.0.to_string()[..10].to_owned()).collect()
        };
        assert_eq!(starts(Interval::Week), ["2025-12-29", "2026-01-05", "2026-02-09"]);
        assert_eq!(starts(Interval::Month), ["2026-01-01", "2026-02-01"]);
    }

    #[test]
    fn groups_have_a_line_each_with_the_same_points() {
        let items = [done(1, DAY, 10).tag("team", "a"), done(2, 2 * DAY, 20).tag("team", "b")];
        let trend = report(&items, 3 * DAY, Interval::Day, Some("team")).unwrap();
        let lines: Vec<_> = trend
            .series
            .iter()
            .map(|s| (s.value.clone().unwrap(), s.points.iter().map(|p| p.n).collect::<Vec<_>>()))
            .collect();
        assert_eq!(lines, [("a".to_owned(), vec![1, 0]), ("b".to_owned(), vec![0, 1])]);
    }

    #[test]
    fn too_fine_an_interval_is_refused_and_nothing_at_all_is_no_line() {
        let error = report(&[done(1, DAY, 10)], 2_100 * DAY, Interval::Day, None).unwrap_err();
        assert!(error.to_string().contains("week or month"), "{error}");
        assert_eq!(report(&[], DAY, Interval::Day, None).unwrap().series[0].points, []);
    }
}
