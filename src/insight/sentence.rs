//! A finding in one sentence of plain words. It comes in parts, because the page makes markup of
//! them and a command makes text: what senders wrote stays apart from our own words.

use super::format;
use super::report::{Attribute, Direction, Finding};
use crate::work::key::Kind;

/// A piece of the sentence.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<'a> {
    /// Our own words.
    Words(String),
    /// A key and its value, as senders wrote them.
    Attribute(&'a Attribute),
    /// What it comes down to, in our own words.
    Point(Direction, String),
}

/// `Issues with deploy.type = mutable and language = python take 4.2 times as long: p50 5 d against
/// 28 h, n = 208.`
pub fn of(finding: &Finding, kind: Kind) -> Vec<Part<'_>> {
    let mut parts = vec![Part::Words(format!("{} with ", format::title(kind)))];
    for (index, attribute) in finding.attributes.iter().enumerate() {
        if index > 0 {
            parts.push(Part::Words(" and ".to_owned()));
        }
        parts.push(Part::Attribute(attribute));
    }
    let effect = effect(finding);
    parts.push(Part::Words(format!(" {}", effect.verb)));
    parts.extend(effect.point.map(|point| Part::Point(finding.direction, point)));
    parts.push(Part::Words(format!("{}, n = {}.", effect.told, format::count(finding.n_with))));
    parts
}

/// What goes with it.
struct Effect {
    /// Up to the point, with the space before it.
    verb: &'static str,
    point: Option<String>,
    /// The figures behind the point.
    told: String,
}

fn effect(finding: &Finding) -> Effect {
    let worse = finding.direction == Direction::Worse;
    if let Some(sides) = finding.latency {
        let (with, without) = (sides.p50_with_seconds, sides.p50_without_seconds);
        let point = match with / without {
            ratio if worse && ratio.is_finite() && ratio >= 1.05 => {
                format!("{} times as long", format::factor(ratio))
            }
            ratio if !worse && ratio.is_finite() && ratio <= 0.95 => {
                format!("{} of the time", format::share(ratio))
            }
            _ if worse => "longer".to_owned(),
            _ => "less long".to_owned(),
        };
        let told = format!(": p50 {} against {}", format::duration(with), format::duration(without));
        return Effect { verb: "take ", point: Some(point), told };
    }
    if let Some(sides) = finding.failure {
        let (with, without) = (sides.rate_with, sides.rate_without);
        let point = match with / without {
            ratio if worse && ratio.is_finite() && ratio >= 1.05 => {
                format!("{} times as often", format::factor(ratio))
            }
            _ if worse => "more often".to_owned(),
            _ => "less often".to_owned(),
        };
        let told = format!(": {} against {}", format::share(with), format::share(without));
        return Effect { verb: "fail ", point: Some(point), told };
    }
    Effect { verb: "stand out", point: None, told: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::api::testing;
    use crate::insight::query::Measure;

    fn finding(measure: Measure) -> Finding {
        testing::correlations(measure).findings.remove(0)
    }

    /// As one text, with the point between stars.
    fn text(finding: &Finding, kind: Kind) -> String {
        let text = |part: Part<'_>| match part {
            Part::Words(words) => words,
            Part::Attribute(attribute) => format!("{} = {}", attribute.key, attribute.value),
            Part::Point(_, point) => format!("*{point}*"),
        };
        of(finding, kind).into_iter().map(text).collect()
    }

    #[test]
    fn the_sentence_says_what_how_much_and_of_how_many() {
        assert_eq!(
            text(&finding(Measure::Latency), Kind::Issue),
            "Issues with deploy.type = mutable and language = python take *4.4 times as long*: p50 61 h \
             against 14 h, n = 40."
        );
    }

    #[test]
    fn failures_are_told_by_their_rates_and_nothing_is_divided_by_zero() {
        let mut finding = finding(Measure::Failure);
        let text_ = text(&finding, Kind::PullRequest);
        assert!(text_.starts_with("Pull requests with"), "{text_}");
        assert!(text_.ends_with("fail *6 times as often*: 30% against 5%, n = 40."), "{text_}");
        if let Some(sides) = &mut finding.failure {
            sides.rate_without = 0.0;
        }
        assert!(text(&finding, Kind::Deploy).contains("fail *more often*: 30% against 0%"));
    }

    #[test]
    fn what_is_better_is_said_to_be_faster() {
        let mut finding = finding(Measure::Latency);
        finding.direction = Direction::Better;
        if let Some(sides) = &mut finding.latency {
            (sides.p50_with_seconds, sides.p50_without_seconds) = (6.0 * 3_600.0, 16.0 * 3_600.0);
        }
        assert!(text(&finding, Kind::Issue).contains("take *38% of the time*: p50 6 h against 16 h"));
        assert!(
            of(&finding, Kind::Issue).contains(&Part::Point(Direction::Better, "38% of the time".into()))
        );
    }

    #[test]
    fn a_finding_without_figures_only_stands_out() {
        let finding = Finding { latency: None, ..finding(Measure::Latency) };
        assert!(text(&finding, Kind::Issue).ends_with("language = python stand out, n = 40."));
    }
}
