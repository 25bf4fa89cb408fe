//! The cards: one figure each, with what is needed to believe it.

use maud::{Markup, html};

use super::link::Address;
use super::{format, parts};
use crate::console::chart::lines;
use crate::insight::report::{Metric, MetricName, Summary, Unit};
use crate::work::key::Kind;

pub(super) fn render(address: &Address, summary: &Summary) -> Markup {
    html! {
        section.cards aria-labelledby="cards-h" {
            h2.sr id="cards-h" { "Key figures" }
            @for metric in &summary.cards { (card(address, metric)) }
        }
    }
}

fn name(metric: MetricName) -> &'static str {
    match metric {
        MetricName::IssueLeadTime => "Issue lead time",
        MetricName::DeliveryTime => "Issue to production",
        MetricName::DeploymentFrequency => "Deployment frequency",
        MetricName::LeadTimeForChanges => "Lead time for changes",
        MetricName::ChangeFailureRate => "Change failure rate",
        MetricName::FailedDeploymentRecoveryTime => "Failed deploy recovery",
        MetricName::ReworkRate => "Rework rate",
        MetricName::DeployFailureRate => "Deploy failure rate",
    }
}

fn kind(metric: MetricName) -> Kind {
    match metric {
        MetricName::IssueLeadTime | MetricName::DeliveryTime => Kind::Issue,
        MetricName::LeadTimeForChanges => Kind::PullRequest,
        _ => Kind::Deploy,
    }
}

/// A figure in its unit. Less than one a day is said by the week.
pub(super) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds => format::duration(value),
        Unit::Share => format::share(value),
        Unit::PerDay if value < 1.0 => format!("{} / week", format::figure(value * 7.0)),
        Unit::PerDay => format!("{} / day", format::figure(value)),
    }
}

/// How a figure changed: the sign, by how much, and whether that is good. `None` if nothing did.
fn change(metric: &Metric) -> Option<(&'static str, String, bool)> {
    let (now, before) = (metric.value?, metric.previous?);
    let difference = now - before;
    let text = match metric.unit {
        Unit::Share => format::points(difference.abs()).trim_start_matches('+').to_owned(),
        Unit::Seconds | Unit::PerDay if before > 0.0 => format::share((difference / before).abs()),
        Unit::Seconds | Unit::PerDay => return None,
    };
    // What would be written as nothing is nothing.
    if difference == 0.0 || (metric.unit == Unit::Share && difference.abs() < 0.000_5) {
        return None;
    }
    let good = (difference > 0.0) == (metric.name == MetricName::DeploymentFrequency);
    Some((if difference > 0.0 { "▲" } else { "▼" }, text, good))
}

fn card(address: &Address, metric: &Metric) -> Markup {
    let title = name(metric.name);
    let trend: Vec<String> =
        metric.sparkline.iter().flatten().map(|figure| value(*figure, metric.unit)).collect();
    let trend = format!(
        "{title} over time: {}",
        if trend.is_empty() { "no data".to_owned() } else { trend.join(", ") }
    );
    html! {
        article.card {
            header {
                h3 { (title) }
                details.how {
                    summary aria-label=(format!("How it is computed: {title}")) { "i" }
                    div.pop {
                        p { (metric.definition) }
                        @if !metric.notes.is_empty() { ul { @for note in &metric.notes { li { (note) } } } }
                    }
                }
            }
            p.figure {
                @match metric.value {
                    Some(figure) => { strong { (value(figure, metric.unit)) } },
                    None => { strong.none { "No data" } },
                }
                @if metric.unit == Unit::Seconds && metric.value.is_some() { " " span.sub { "p50" } }
                @if let Some(p90) = metric.p90 {
                    " " span.p90 { (format::duration(p90)) " " span.sub { "p90" } }
                }
            }
            p.delta {
                @match (change(metric), metric.previous) {
                    (Some((sign, text, good)), Some(before)) => {
                        span class=(if good { "better" } else { "worse" }) {
                            span aria-hidden="true" { (sign) }
                            " " (text) " " (if good { "better" } else { "worse" })
                        }
                        span.sub { " was " (value(before, metric.unit)) }
                    },
                    (None, Some(before)) => span.sub { "Unchanged, was " (value(before, metric.unit)) },
                    _ => span.sub { "No earlier figure" },
                }
            }
            a.spark-link href=(format!("{}#trend", address.with_kind(kind(metric.name)).url("/")))
                aria-label=(trend) {
                (lines::sparkline(&metric.sparkline, &trend))
            }
            p.cover {
                "n = " (format::count(metric.n))
                @if metric.of != metric.n {
                    " of " (format::count(metric.of))
                    @if metric.of > 0 { " (" (format::share(metric.n as f64 / metric.of as f64)) ")" }
                }
                @if let Some(open) = metric.unresolved.filter(|open| *open > 0) {
                    " "
                    (parts::badge(
                        &format!("{} unresolved", format::count(open)),
                        "warn",
                        "Failed deployments that are not recovered yet; they are not in the figure"
                    ))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(name: MetricName, unit: Unit, value: f64, previous: f64) -> Metric {
        Metric {
            name,
            value: Some(value),
            unit,
            p90: None,
            n: 1,
            of: 1,
            previous: Some(previous),
            sparkline: Vec::new(),
            unresolved: None,
            definition: String::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn more_is_better_only_for_how_often_one_deploys() {
        let good = |name, unit| change(&metric(name, unit, 2.0, 1.0)).map(|(_, _, good)| good);
        assert_eq!(good(MetricName::DeploymentFrequency, Unit::PerDay), Some(true));
        assert_eq!(good(MetricName::IssueLeadTime, Unit::Seconds), Some(false));
        assert_eq!(good(MetricName::ReworkRate, Unit::Share), Some(false));
    }

    #[test]
    fn shares_change_by_points_and_durations_by_percent() {
        let changed = |unit, now, before| change(&metric(MetricName::IssueLeadTime, unit, now, before));
        assert_eq!(changed(Unit::Share, 0.24, 0.2), Some(("▲", "4 pp".to_owned(), false)));
        assert_eq!(changed(Unit::Seconds, 75.0, 100.0), Some(("▼", "25%".to_owned(), true)));
        assert_eq!(changed(Unit::Seconds, 75.0, 0.0), None);
        assert_eq!(changed(Unit::Share, 0.2, 0.2), None);
    }

    #[test]
    fn less_than_one_a_day_is_said_by_the_week() {
        assert_eq!(value(0.3, Unit::PerDay), "2.1 / week");
        assert_eq!(value(3.24, Unit::PerDay), "3.2 / day");
    }
}
