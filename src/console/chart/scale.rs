//! Scales: from values to places, in percent of the plot, and the ticks to label.

/// Units and the steps within them that read well on an axis of durations, in seconds.
const NICE: &[f64] = &[
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1_800.0,
    3_600.0,
    7_200.0,
    14_400.0,
    28_800.0,
    43_200.0,
    86_400.0,
    172_800.0,
    345_600.0,
    604_800.0,
    1_209_600.0,
    2_592_000.0,
    5_184_000.0,
    7_776_000.0,
    15_552_000.0,
    31_536_000.0,
    63_072_000.0,
    157_680_000.0,
    315_360_000.0,
];

/// A logarithmic scale of durations.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    low: f64,
    high: f64,
}

impl Log {
    /// From the least to the greatest value, in seconds. What is not positive stands at the left edge.
    pub fn new(least: f64, greatest: f64) -> Self {
        let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { 1.0 };
        let least = if least.is_finite() && least > 0.0 { least } else { (greatest / 1_000.0).min(1.0) };
        let least = least.min(greatest);
        // One single value stands in the middle of something.
        if greatest / least < 1.5 {
            return Self { low: least / 2.0, high: greatest * 2.0 };
        }
        Self { low: least, high: greatest }
    }

    /// Where a value stands, 0 to 100.
    pub fn at(&self, value: f64) -> f64 {
        if value <= self.low || value.is_nan() {
            return 0.0;
        }
        (100.0 * (value / self.low).ln() / (self.high / self.low).ln()).clamp(0.0, 100.0)
    }

    /// Values to label, with at least `gap` percent between two.
    pub fn ticks(&self, gap: f64) -> Vec<f64> {
        let inside = |value: f64| value >= self.low * 0.999 && value <= self.high * 1.001;
        let mut ticks: Vec<f64> = Vec::new();
        // The units themselves first, then what fits between them.
        let units = [3_600.0, 86_400.0, 604_800.0, 60.0, 2_592_000.0, 1.0, 31_536_000.0];
        for value in units.into_iter().chain(NICE.iter().copied()).filter(|value| inside(*value)) {
            let place = self.at(value);
            if ticks.iter().all(|other| (self.at(*other) - place).abs() >= gap) {
                ticks.push(value);
            }
        }
        ticks.sort_by(f64::total_cmp);
        ticks
    }
}

/// A linear scale that begins at 0.
#[derive(Clone, Debug)]
pub struct Linear {
    high: f64,
    ticks: Vec<f64>,
}

impl Linear {
    /// Up to the greatest value, in steps of 1, 2 or 5 of a unit.
    pub fn new(greatest: f64, unit: f64) -> Self {
        let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { unit };
        let raw = greatest / unit / 3.0;
        let power = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= raw * 0.999);
        let step = step.unwrap_or(power) * unit;
        let steps = (greatest / step * 0.999).ceil().clamp(1.0, 12.0) as usize;
        let ticks: Vec<f64> = (0..=steps).map(|n| n as f64 * step).collect();
        Self { high: steps as f64 * step, ticks }
    }

    /// For durations: steps of a unit that people count in.
    pub fn of_durations(greatest: f64) -> Self {
        let unit = match greatest {
            seconds if seconds < 120.0 => 1.0,
            seconds if seconds < 7_200.0 => 60.0,
            seconds if seconds < 259_200.0 => 3_600.0,
            _ => 86_400.0,
        };
        Self::new(greatest, unit)
    }

    /// Where a value stands, 0 to 100.
    pub fn at(&self, value: f64) -> f64 {
        (100.0 * value / self.high).clamp(0.0, 100.0)
    }

    /// Values to label, 0 among them.
    pub fn ticks(&self) -> &[f64] {
        &self.ticks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logarithmic_scale_gives_equal_factors_equal_room() {
        let scale = Log::new(3_600.0, 3_600_000.0);
        assert!((scale.at(36_000.0) - 33.333).abs() < 0.01);
        assert!((scale.at(360_000.0) - 66.667).abs() < 0.01);
        assert_eq!((scale.at(0.0), scale.at(1e12), scale.at(f64::NAN)), (0.0, 100.0, 0.0));
    }

    #[test]
    fn ticks_are_units_that_people_use_and_do_not_touch() {
        let scale = Log::new(1_800.0, 2_592_000.0 * 2.0);
        let ticks = scale.ticks(9.0);
        assert!(
            ticks.contains(&3_600.0) && ticks.contains(&86_400.0) && ticks.contains(&604_800.0),
            "{ticks:?}"
        );
        for pair in ticks.windows(2) {
            assert!(scale.at(pair[1]) - scale.at(pair[0]) >= 9.0, "{ticks:?}");
        }
    }

    #[test]
    fn scales_of_one_value_nothing_or_nonsense_stay_finite() {
        for (least, greatest) in [(5.0, 5.0), (0.0, 0.0), (-1.0, 3.0), (f64::NAN, f64::INFINITY)] {
            let scale = Log::new(least, greatest);
            assert!(scale.at(5.0).is_finite(), "{least} {greatest}");
            assert!(Linear::of_durations(greatest).at(1.0).is_finite());
        }
    }

    #[test]
    fn a_linear_scale_ends_at_a_round_value_above_the_greatest() {
        let scale = Linear::of_durations(61.0 * 3_600.0);
        assert_eq!(scale.ticks().last(), Some(&(100.0 * 3_600.0)));
        assert!(scale.at(61.0 * 3_600.0) <= 100.0 && scale.at(61.0 * 3_600.0) > 50.0);
        assert_eq!(scale.ticks()[0], 0.0);
        assert_eq!(scale.ticks()[1] % 3_600.0, 0.0);
    }
}
