//! Correlations, and one key in detail: the sentence that a manager reads, then the rows.

use serde::Serialize;

use super::asking::Tell;
use super::output::printable;
use super::sheet::{Cell, Sheet, Told};
use super::telling::about;
use crate::insight::format;
use crate::insight::query::Measure;
use crate::insight::report::{Attribute, Correlations, Detail, Finding, Stratum};
use crate::insight::sentence::{self, Part};
use crate::work::attr::cut;

/// A value can be as long as its sender likes; a sentence or a row cannot.
const LONGEST: usize = 80;

fn all_of(attributes: &[Attribute]) -> String {
    let texts =
        attributes.iter().map(|attribute| format!("{}={}", attribute.key, cut(&attribute.value, LONGEST)));
    texts.collect::<Vec<_>>().join(" and ")
}

/// What the first finding says, as a sentence that no terminal acts on.
pub(super) fn sentence(correlations: &Correlations) -> String {
    if let Some(reason) = &correlations.insufficient_data {
        return format!("Nothing can be said: {reason}.");
    }
    let attribute =
        |of: &Attribute| printable(&format!("{} = {}", cut(&of.key, LONGEST), cut(&of.value, LONGEST)));
    let tested = format!(
        "{} and {}",
        format::counted(correlations.singles_tested, "value", "values"),
        format::counted(correlations.pairs_tested, "pair", "pairs")
    );
    let Some(first) = correlations.findings.first() else {
        return format!("Nothing stands out among {tested}.");
    };
    if !first.significant {
        let nearest: Vec<String> = first.attributes.iter().map(attribute).collect();
        let q = format::probability_of("q", first.q);
        return format!("Nothing stands out among {tested}; the nearest is {} ({q}).", nearest.join(" and "));
    }
    let text = |part| match part {
        Part::Words(words) | Part::Point(_, words) => words,
        Part::Attribute(of) => attribute(of),
    };
    sentence::of(first, correlations.basis.kind).into_iter().map(text).collect()
}

fn notes(finding: &Finding) -> String {
    let mut notes = Vec::new();
    if !finding.significant {
        notes.push("not significant".to_owned());
    }
    if finding.small_sample {
        notes.push("small sample".to_owned());
    }
    if let Some(pair) = &finding.explained_by {
        notes.push(format!("explained by {}", all_of(pair)));
    }
    if !finding.confounded_by.is_empty() {
        notes.push(format!("confounded by {}", finding.confounded_by.join(", ")));
    }
    if finding.sign_reversal {
        notes.push("the opposite within strata".to_owned());
    }
    if let Some(effect) = finding.adjusted_effect {
        notes.push(format!("within strata {}", format::number(effect)));
    }
    if !finding.aliases.is_empty() {
        notes.push(format!("the same items: {}", all_of(&finding.aliases)));
    }
    notes.join("; ")
}

fn row(measure: Measure, finding: &Finding) -> Vec<Cell> {
    let (with, without, impact) = match measure {
        Measure::Latency => (
            Cell::Seconds(finding.latency.map(|sides| sides.p50_with_seconds)),
            Cell::Seconds(finding.latency.map(|sides| sides.p50_without_seconds)),
            Cell::Hours(Some(finding.impact)),
        ),
        Measure::Failure => (
            Cell::Share(finding.failure.map(|sides| sides.rate_with)),
            Cell::Share(finding.failure.map(|sides| sides.rate_without)),
            Cell::Number(Some(finding.impact)),
        ),
    };
    vec![
        Cell::Text(all_of(&finding.attributes)),
        Cell::Number(Some(finding.effect)),
        Cell::Number(Some(finding.score)),
        with,
        without,
        Cell::Count(finding.n_with),
        Cell::Count(finding.n_without),
        Cell::Probability(finding.q),
        impact,
        // Begins with words of ours, so no spreadsheet computes it; and it may be long.
        Cell::Own(notes(finding)),
    ]
}

impl Tell for Correlations {
    fn tell(&self) -> Told {
        let head = match self.measure {
            Measure::Latency => [
                "attributes",
                "effect",
                "score",
                "p50_with_seconds",
                "p50_without_seconds",
                "n_with",
                "n_without",
                "q",
                "impact_seconds",
                "notes",
            ],
            Measure::Failure => [
                "attributes",
                "effect",
                "score",
                "rate_with",
                "rate_without",
                "n_with",
                "n_without",
                "q",
                "impact_failures",
                "notes",
            ],
        };
        let rows = self.findings.iter().map(|finding| row(self.measure, finding)).collect();
        let mut after = vec![self.note.clone()];
        let exemplars = self.findings.first().map(|first| first.exemplars.join(" ")).unwrap_or_default();
        if !exemplars.is_empty() {
            after.push(format!("look at: {exemplars}"));
        }
        Told {
            before: vec![about(&self.basis), sentence(self)],
            sheets: vec![Sheet { head: head.to_vec(), rows }],
            after,
        }
    }
}

/// A key in detail, with what is compared.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct KeyDetail {
    pub detail: Detail,
    #[serde(skip)]
    pub measure: Measure,
}

impl Tell for KeyDetail {
    fn tell(&self) -> Told {
        let detail = &self.detail;
        let row = |value: &crate::insight::report::ValueDetail| {
            vec![
                Cell::text(Some(&value.value)),
                Cell::Count(value.n),
                Cell::Seconds(Some(value.quantiles.p50_seconds)),
                Cell::Seconds(Some(value.quantiles.p90_seconds)),
                Cell::Count(value.outcomes.failed),
                Cell::Count(value.outcomes.succeeded),
                Cell::Share(value.outcomes.failure_rate()),
                Cell::Share(value.share_inside),
                Cell::Share(value.share_outside),
                Cell::Number(value.contrast),
            ]
        };
        let values = Sheet {
            head: vec![
                "value",
                "n",
                "p50_seconds",
                "p90_seconds",
                "failed",
                "succeeded",
                "failure_rate",
                "share_inside",
                "share_outside",
                "contrast",
            ],
            rows: detail.values.iter().map(row).collect(),
        };
        let hidden = detail.total_values.saturating_sub(detail.values.len() as u64);
        let mut told = Told {
            before: vec![format!("{}, by {}", about(&detail.basis), detail.key)],
            sheets: vec![values],
            after: (hidden > 0)
                .then(|| format!("{hidden} more values: --limit shows them"))
                .into_iter()
                .collect(),
        };
        if let Some(value) = &detail.value {
            told.before.push(format!("{}={} within the strata of other keys:", detail.key, cut(value, 80)));
            // What was asked for comes first, and so is what CSV has.
            told.sheets.insert(0, strata(detail, self.measure));
        }
        told
    }
}

fn strata(detail: &Detail, measure: Measure) -> Sheet {
    let (with, without) = match measure {
        Measure::Latency => ("p50_with_seconds", "p50_without_seconds"),
        Measure::Failure => ("rate_with", "rate_without"),
    };
    let side = move |value| match measure {
        Measure::Latency => Cell::Seconds(value),
        Measure::Failure => Cell::Share(value),
    };
    let rows = detail.strata.iter().flat_map(|strata| {
        let level = move |level: &Stratum| {
            vec![
                Cell::text(Some(&strata.key)),
                Cell::text(Some(&level.value)),
                Cell::Count(level.n_with),
                Cell::Count(level.n_without),
                side(level.with),
                side(level.without),
                Cell::Number(level.effect),
                Cell::Number(Some(strata.crude)),
                Cell::Number(strata.adjusted),
            ]
        };
        strata.levels.iter().map(level)
    });
    Sheet {
        head: vec!["key", "level", "n_with", "n_without", with, without, "effect", "crude", "adjusted"],
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::api::testing;
    use crate::insight::report::Direction;
    use crate::work::key::Kind;

    fn with(change: fn(&mut Correlations)) -> String {
        let mut correlations = testing::correlations(Measure::Failure);
        change(&mut correlations);
        sentence(&correlations)
    }

    #[test]
    fn the_sentence_says_no_more_than_was_found() {
        let nothing = "Nothing stands out among 12 values and 9 pairs";
        assert_eq!(with(|found| found.findings.clear()), format!("{nothing}."));
        assert_eq!(
            with(|found| found.findings[0].significant = false),
            format!("{nothing}; the nearest is deploy.type = mutable and language = python (q < 0.001).")
        );
        assert_eq!(
            with(|found| found.insufficient_data = Some("fewer than 20 items".to_owned())),
            "Nothing can be said: fewer than 20 items."
        );
        assert_eq!(
            with(|found| {
                found.basis.kind = Kind::PullRequest;
                found.findings[0].direction = Direction::Better;
            }),
            "Pull requests with deploy.type = mutable and language = python fail less often: 30% against 5%, \
             n = 40."
        );
    }

    #[test]
    fn values_in_the_sentence_are_cut_and_no_terminal_acts_on_them() {
        let said =
            with(|found| found.findings[0].attributes[0].value = format!("\u{1b}[31m{}", "x".repeat(500)));
        assert!(said.contains("deploy.type = \u{fffd}[31mxx"), "{said}");
        assert!(said.len() < 250 && !said.contains(char::is_control), "{said}");
    }
}
