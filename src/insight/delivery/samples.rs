//! Moments with a value each, and the figures that they make. A moment without a value is one of
//! which there could have been one: it counts in `of` and not in `n`.

use crate::insight::query::{DAY, Query};
use crate::insight::report::{Metric, MetricName, Unit};
use crate::insight::stats::quantile::quantile;
use crate::work::time::Time;

/// The fewest and the most points of a sparkline; between them, one for each week.
const POINTS: (i64, i64) = (12, 26);

/// Moments with a value each.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    samples: Vec<(Time, Option<f64>)>,
    /// Since when anything is known at all. Before this there is no figure, and not 0 either.
    known_since: Option<Time>,
}

/// A figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figure {
    /// The median, the share or the number a day.
    pub value: Option<f64>,
    /// The ninetieth percentile of seconds.
    pub p90: Option<f64>,
    /// Of how many.
    pub n: u64,
    /// Of how many it could have been.
    pub of: u64,
}

/// What a metric measures.
pub fn unit(name: MetricName) -> Unit {
    match name {
        MetricName::DeploymentFrequency => Unit::PerDay,
        MetricName::ChangeFailureRate | MetricName::ReworkRate | MetricName::DeployFailureRate => Unit::Share,
        MetricName::IssueLeadTime
        | MetricName::DeliveryTime
        | MetricName::LeadTimeForChanges
        | MetricName::FailedDeploymentRecoveryTime => Unit::Seconds,
    }
}

impl Samples {
    /// One more.
    pub fn add(&mut self, at: Time, value: Option<f64>) {
        self.samples.push((at, value));
    }

    /// Says that there was something to know at an instant, even if it makes no sample.
    pub fn know(&mut self, at: Time) {
        self.known_since = Some(self.known_since.map_or(at, |since| since.min(at)));
    }

    /// The figure from an instant until before another. Days that are still to come do not count.
    pub fn figure(&self, unit: Unit, from: Time, to: Time, now: Time) -> Figure {
        let within = self.samples.iter().filter(|(at, _)| *at >= from && *at < to);
        let mut of = 0;
        let values = within.inspect(|_| of += 1).filter_map(|(_, value)| *value).collect();
        self.made(unit, values, of, from, to.min(now))
    }

    fn made(&self, unit: Unit, mut values: Vec<f64>, of: u64, from: Time, to: Time) -> Figure {
        let n = values.len() as u64;
        let none = Figure { value: None, p90: None, n, of };
        match unit {
            Unit::Seconds => {
                values.sort_unstable_by(f64::total_cmp);
                Figure { value: quantile(&values, 0.5), p90: quantile(&values, 0.9), ..none }
            }
            Unit::Share if n > 0 => Figure { value: Some(values.iter().sum::<f64>() / n as f64), ..none },
            Unit::PerDay => {
                let days = to.since(from) as f64 / DAY as f64;
                let known = days > 0.0 && self.known_since.is_some_and(|since| since < to);
                Figure { value: known.then(|| n as f64 / days), ..none }
            }
            Unit::Share => none,
        }
    }

    /// The figure over time: equal slices of the range, about a week each.
    pub fn sparkline(&self, unit: Unit, from: Time, to: Time, now: Time) -> Vec<Option<f64>> {
        let length = to.since(from).max(1);
        let points = (length / (7 * DAY)).clamp(POINTS.0, POINTS.1);
        let mut slices: Vec<Vec<f64>> = vec![Vec::new(); points as usize];
        for (at, value) in &self.samples {
            let offset = at.since(from);
            if let Some(value) = value
                && (0..length).contains(&offset)
            {
                // A hundred years in microseconds, times 26, are far below 2^63.
                slices[(offset * points / length) as usize].push(*value);
            }
        }
        let edge = |slice: i64| from.plus((length * slice + points - 1) / points);
        (0..points)
            .zip(slices)
            .map(|(slice, values)| {
                let of = values.len() as u64;
                self.made(unit, values, of, edge(slice), edge(slice + 1).min(now)).value
            })
            .collect()
    }

    /// The figure for a question, with that of the period before and the course of it.
    pub fn metric(&self, query: &Query, now: Time, name: MetricName, definition: &str) -> Metric {
        let unit = unit(name);
        let figure = self.figure(unit, query.from, query.to, now);
        let before = query.previous();
        Metric {
            name,
            value: figure.value,
            unit,
            p90: figure.p90,
            n: figure.n,
            of: figure.of,
            previous: self.figure(unit, before.from, before.to, now).value,
            sparkline: self.sparkline(unit, query.from, query.to, now),
            unresolved: None,
            definition: definition.to_owned(),
            notes: Vec::new(),
        }
    }
}
