//! The first finding in one sentence of plain words.

use maud::{Markup, html};

use super::{format, parts};
use crate::insight::report::{Attribute, Direction, Finding};
use crate::work::key::Kind;

/// `Issues with deploy.type = mutable and language = python take 4.1 times as long: p50 61 h
/// against 15 h, n = 96.`
pub(super) fn of(finding: &Finding, kind: Kind) -> Markup {
    html! {
        (parts::title(kind)) " with "
        @for (index, Attribute { key, value }) in finding.attributes.iter().enumerate() {
            @if index > 0 { " and " }
            (parts::attribute(key, value))
        }
        " " (effect(finding)) ", n = " (format::count(finding.n_with)) "."
    }
}

/// What goes with it.
fn effect(finding: &Finding) -> Markup {
    let worse = finding.direction == Direction::Worse;
    if let Some(sides) = finding.latency {
        let (with, without) = (sides.p50_with_seconds, sides.p50_without_seconds);
        let told = html! { ": p50 " (format::duration(with)) " against " (format::duration(without)) };
        return match with / without {
            ratio if worse && ratio.is_finite() && ratio >= 1.05 => {
                html! { "take " strong.worse { (format::factor(ratio)) " times as long" } (told) }
            }
            ratio if !worse && ratio.is_finite() && ratio <= 0.95 => {
                html! { "take " strong.better { (format::share(ratio)) " of the time" } (told) }
            }
            _ if worse => html! { "take " strong.worse { "longer" } (told) },
            _ => html! { "take " strong.better { "less long" } (told) },
        };
    }
    if let Some(sides) = finding.failure {
        let (with, without) = (sides.rate_with, sides.rate_without);
        let told = html! { ": " (format::share(with)) " against " (format::share(without)) };
        return match with / without {
            ratio if worse && ratio.is_finite() && ratio >= 1.05 => {
                html! { "fail " strong.worse { (format::factor(ratio)) " times as often" } (told) }
            }
            _ if worse => html! { "fail " strong.worse { "more often" } (told) },
            _ => html! { "fail " strong.better { "less often" } (told) },
        };
    }
    html! { "stand out" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{realistic, text};

    #[test]
    fn the_sentence_says_what_how_much_and_of_how_many() {
        let found = realistic::reports().correlations;
        assert_eq!(
            text(&of(&found.findings[0], Kind::Issue)),
            "Issues with deploy.type = mutable and language = python take 4.1 times as long: \
             p50 61 h against 15 h, n = 96."
        );
    }

    #[test]
    fn failures_are_told_by_their_rates_and_nothing_is_divided_by_zero() {
        let mut finding = realistic::reports().failures.findings[0].clone();
        assert_eq!(
            text(&of(&finding, Kind::Deploy)),
            "Deploys with deploy.type = mutable fail 3.2 times as often: 24% against 7.5%, n = 118."
        );
        if let Some(sides) = &mut finding.failure {
            sides.rate_without = 0.0;
        }
        assert!(text(&of(&finding, Kind::Deploy)).contains("fail more often: 24% against 0%"));
    }

    #[test]
    fn what_is_better_is_said_to_be_faster() {
        let mut finding = realistic::reports().correlations.findings[0].clone();
        finding.direction = Direction::Better;
        if let Some(sides) = &mut finding.latency {
            (sides.p50_with_seconds, sides.p50_without_seconds) = (6.0 * 3_600.0, 16.0 * 3_600.0);
        }
        assert!(text(&of(&finding, Kind::Issue)).contains("take 38% of the time: p50 6 h against 16 h"));
    }
}
