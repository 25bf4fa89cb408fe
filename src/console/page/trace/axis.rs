//! The time that a waterfall covers, and where on it a moment lies: pure sums, no drawing.

use crate::insight::format;
use crate::insight::report::Trace;
use crate::work::time::Time;

/// The time that the waterfall covers.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    from: Time,
    length: f64,
}

impl Axis {
    /// The time from a trace's first moment to its last; none if nobody knows when anything began.
    pub(super) fn of(trace: &Trace) -> Option<Self> {
        let (from, to) = (trace.from?.0, trace.to?.0);
        Some(Self { from, length: to.since(from).max(1) as f64 })
    }

    /// How far along it a moment is, from 0 to 100; what is outside is at the end that is nearer.
    pub(super) fn at(&self, at: Time) -> f64 {
        (100.0 * at.since(self.from) as f64 / self.length).clamp(0.0, 100.0)
    }
}

/// Ticks at whole units of time, at most nine.
pub(super) fn ticks(axis: Axis) -> Vec<(f64, String)> {
    const SECOND: i64 = 1_000_000;
    const DAY: i64 = 86_400 * SECOND;
    const STEPS: [i64; 18] = [
        1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800,
        2_592_000, 15_552_000,
    ];
    let room = axis.length / 8.0;
    let step = STEPS.into_iter().map(|s| s * SECOND).find(|step| *step as f64 >= room).unwrap_or(365 * DAY);
    let first = (axis.from.micros() / step + 1) * step;
    (0..10)
        .map_while(|n| Time::from_micros(first + n * step))
        .filter(|at| at.since(axis.from) as f64 <= axis.length)
        .map(|at| {
            let minute = format::minute(at);
            let clock = minute.get(11..).unwrap_or_default().to_owned();
            let text = match (step, clock.as_str()) {
                (step, _) if step >= DAY => format::day(at),
                (_, "00:00") => format::day(at),
                (step, _) if step < 60 * SECOND => at.to_string().get(11..19).unwrap_or_default().to_owned(),
                _ => clock,
            };
            (axis.at(at), text)
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_at_whole_units_of_whatever_length_a_trace_has() {
        let from = Time::parse("2026-05-04T09:10:00Z").unwrap();
        for seconds in [0.000_001, 5.0, 600.0, 86_400.0, 80.0 * 3_600.0, 90.0 * 86_400.0, 3_000.0 * 86_400.0]
        {
            let ticks = ticks(Axis { from, length: seconds * 1e6 });
            assert!(ticks.len() <= 9, "{seconds}: {ticks:?}");
            assert!(seconds < 1.0 || !ticks.is_empty(), "{seconds}");
            assert!(ticks.windows(2).all(|pair| pair[1].0 - pair[0].0 > 8.0), "{seconds}: {ticks:?}");
        }
        let hours = ticks(Axis { from, length: 4.0 * 3.6e9 });
        assert_eq!(hours[0].1, "09:30");
    }
}
