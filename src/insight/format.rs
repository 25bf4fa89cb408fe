//! Figures as people read them.

/// A length of time in the unit in which it is told best: `45 s` (under 90 s), `14 min` (under
/// 90 min), `61 h` (under 72 h), `9.5 d`; three significant digits at most. What is not a number
/// is `-`.
pub fn duration(seconds: f64) -> String {
    const UNITS: [(f64, f64, &str); 3] =
        [(90.0, 1.0, "s"), (5_400.0, 60.0, "min"), (259_200.0, 3_600.0, "h")];
    if !seconds.is_finite() {
        return "-".to_owned();
    }
    let unit = UNITS.iter().find(|(below, _, _)| seconds.abs() < *below);
    let (length, name) = unit.map_or((86_400.0, "d"), |(_, length, name)| (*length, *name));
    format!("{} {name}", number(seconds / length))
}

/// A share as a percentage: `12.5 %`.
pub fn percent(share: f64) -> String {
    if share.is_finite() { format!("{} %", number(share * 100.0)) } else { "-".to_owned() }
}

/// A number with three significant digits at most, and no zeros at its end that say nothing. Below
/// a millionth of a millionth it is 0.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    if value.abs() < 1e-12 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    let scale = 10_f64.powi(magnitude.saturating_sub(2));
    // Scaled back by a division where that is exact, so that no digits appear behind the third.
    let rounded = match magnitude {
        2.. => (value / scale).round() * scale,
        _ => (value * 10_f64.powi(2 - magnitude)).round() / 10_f64.powi(2 - magnitude),
    };
    let decimals = (2 - magnitude).max(0) as usize;
    let text = format!("{rounded:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A probability: `0.032`, and `< 0.0001` for what is smaller than anybody can tell apart.
pub fn probability(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { number(p) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_duration_is_told_in_the_unit_that_fits() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.25, "0.25 s"),
            (45.0, "45 s"),
            (89.9, "89.9 s"),
            (90.0, "1.5 min"),
            (840.0, "14 min"),
            (5_399.0, "90 min"),
            (5_400.0, "1.5 h"),
            (219_600.0, "61 h"),
            (259_199.0, "72 h"),
            (259_200.0, "3 d"),
            (820_800.0, "9.5 d"),
            (1_066_666.0, "12.3 d"),
            (30.0 * 365.0 * 86_400.0, "11000 d"),
            (-840.0, "-14 min"),
            (f64::NAN, "-"),
            (f64::INFINITY, "-"),
        ] {
            assert_eq!(duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn shares_and_probabilities_are_short() {
        assert_eq!(percent(0.125), "12.5 %");
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(1.0 / 3.0), "33.3 %");
        assert_eq!(probability(0.0), "< 0.0001");
        assert_eq!(probability(0.04999), "0.05");
        assert_eq!(probability(1.0), "1");
        assert_eq!(
            (number(1234.0), number(-0.2), number(99.96), number(1e-20)),
            ("1230".into(), "-0.2".into(), "100".into(), "0".into())
        );
    }

    proptest! {
        #[test]
        fn no_number_has_more_than_three_digits_that_say_something(value in -1e12..1e12_f64) {
            let text = number(value);
            let digits = text.replace(['-', '.'], "");
            prop_assert!(digits.trim_matches('0').len() <= 3, "{}", text);
            let read: f64 = text.parse().unwrap();
            prop_assert!((read - value).abs() <= value.abs() * 0.0051, "{} {}", value, text);
        }
    }
}
