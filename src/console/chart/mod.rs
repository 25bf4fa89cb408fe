//! Charts as SVG: plain values in, markup out. Widths are in percent of the room that there is and
//! heights in pixels, so that a chart fits any screen and its text is never scaled. What can be
//! followed is a link with a text alternative; what it looks like is left to the style sheet.

pub mod bars;
pub mod boxes;
pub mod histogram;
pub mod lines;
pub mod scale;
pub mod waterfall;

use std::fmt::Write as _;

/// A place in percent, as an attribute writes it.
pub(crate) fn percent(value: f64) -> String {
    let mut text = number(value);
    text.push('%');
    text
}

/// A coordinate, with two decimals at most.
pub(crate) fn number(value: f64) -> String {
    let mut text = format!("{:.2}", if value.is_finite() { value } else { 0.0 });
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".to_owned() } else { text }
}

/// The path through points in percent of both directions, broken where a value is missing.
pub(crate) fn path(points: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for point in points {
        if let Some((x, y)) = point {
            // Writing to a String cannot fail.
            let _ = write!(path, "{}{} {}", if drawing { "L" } else { "M" }, number(*x), number(*y));
        }
        drawing = point.is_some();
    }
    path
}

/// How the label of a tick is anchored, so that those at the edges are not cut off.
pub(crate) fn anchor(place: f64) -> &'static str {
    match place {
        place if place < 4.0 => "start",
        place if place > 96.0 => "end",
        _ => "middle",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_value_breaks_the_line() {
        let points = [Some((0.0, 10.0)), Some((50.0, 0.0)), None, Some((100.0, 33.333))];
        assert_eq!(path(&points), "M0 10L50 0M100 33.33");
    }

    #[test]
    fn numbers_are_short_and_never_nonsense() {
        assert_eq!(
            (number(12.5), number(100.0), number(-0.001), number(f64::NAN)),
            ("12.5".to_owned(), "100".to_owned(), "0".to_owned(), "0".to_owned())
        );
    }
}
