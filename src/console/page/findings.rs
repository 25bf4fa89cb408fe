//! What slow or failed work has in common: the sentence, then one entry for each finding.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{format, parts};
use crate::console::chart::bars;
use crate::insight::query::{Filter, Measure, OUTCOME};
use crate::insight::report::{Correlations, Direction, Finding, Strength};
use crate::insight::sentence::{self, Part};
use crate::work::key::{Key, Kind};

/// How many findings are shown at once; the rest can be unfolded.
const SHOWN: usize = 6;

pub(super) fn render(address: &Address, found: &Correlations) -> Markup {
    let kind = found.basis.kind;
    let heading = match found.measure {
        Measure::Latency => format!("What slow {} have in common", parts::many(kind)),
        Measure::Failure => format!("What failed {} have in common", parts::many(kind)),
    };
    html! {
        section.panel.correlations aria-labelledby="correlations" {
            (parts::heading("correlations", &heading, &tabs(address, found)))
            @match (&found.insufficient_data, found.findings.first()) {
                (Some(reason), _) => p.none { "Not enough data: " (reason) },
                (None, None) => p.none {
                    "There is nothing to compare: no tag splits these " (parts::many(kind))
                    " into groups that are large enough."
                }
                ,
                (None, Some(first)) => (list(address, found, first)),
            }
        }
    }
}

fn tabs(address: &Address, found: &Correlations) -> Markup {
    let failures = match address.query().kind {
        Kind::Build => "Build failures",
        Kind::Job => "Job failures",
        Kind::Issue | Kind::PullRequest | Kind::Deploy | Kind::Sprint => "Deploy failures",
    };
    html! {
        nav.segment.tabs aria-label="What is compared" {
            @for (measure, name) in [(Measure::Latency, "Latency"), (Measure::Failure, failures)] {
                a href=(format!("{}#correlations", address.with_measure(measure).url("/")))
                    aria-current=[(measure == found.measure).then_some("true")] { (name) }
            }
        }
    }
}

fn list(address: &Address, found: &Correlations, first: &Finding) -> Markup {
    // The scale ends at the greatest effect, so that small ones can be told apart.
    let reach = found.findings.iter().map(|finding| finding.effect.abs()).fold(0.1, f64::max);
    html! {
        @if first.significant {
            p.lead.callout.good[first.direction == Direction::Better] {
                (told(&sentence::of(first, found.basis.kind)))
            }
        } @else {
            p.lead.callout.quiet-finding { "Nothing stands out. No tag goes with "
                @match found.measure { Measure::Latency => "slow ", Measure::Failure => "failed " }
                (parts::many(found.basis.kind)) " more than chance would have it; the nearest is below." }
        }
        p.note {
            strong { "An association, not a cause." } " "
            (format::counted(found.singles_tested, "value", "values")) " and "
            (format::counted(found.pairs_tested, "pair", "pairs"))
            " tested over " (parts::counted(found.n, found.basis.kind)) "; q allows for that."
        }
        div.scale aria-hidden="true" {
            @match found.measure {
                Measure::Latency => { span { "← faster" } span { "slower →" } },
                Measure::Failure => { span { "← fails less" } span { "fails more →" } },
            }
        }
        ol.findings {
            @for (index, finding) in found.findings.iter().take(SHOWN).enumerate() {
                (entry(address, found, finding, index, reach))
            }
        }
        @if found.findings.len() > SHOWN {
            details.data {
                summary { (format::count((found.findings.len() - SHOWN) as u64)) " more" }
                ol.findings start=(SHOWN + 1) {
                    @for (index, finding) in found.findings.iter().enumerate().skip(SHOWN) {
                        (entry(address, found, finding, index, reach))
                    }
                }
            }
        }
    }
}

/// A sentence as markup.
fn told(sentence: &[Part<'_>]) -> Markup {
    html! { @for part in sentence { @match part {
        Part::Words(words) => (words),
        Part::Attribute(attribute) => (parts::attribute(&attribute.key, &attribute.value)),
        Part::Point(Direction::Worse, point) => strong.worse { (point) },
        Part::Point(Direction::Better, point) => strong.better { (point) },
    } } }
}

fn entry(address: &Address, found: &Correlations, finding: &Finding, index: usize, reach: f64) -> Markup {
    let attributes: Vec<Filter> = finding.attributes.iter().map(parts::filter).collect();
    let writable = attributes.iter().all(link::writable);
    let id = format!("finding-{index}");
    let name = parts::attributes_text(&finding.attributes);
    let what = match found.measure {
        Measure::Latency => "rank-biserial correlation",
        Measure::Failure => "difference of the failure rates",
    };
    let label = format!("score {}, {what} {}", format::signed(finding.score), format::signed(finding.effect));
    html! {
        li.finding data-overlay=[writable.then(|| address.with_overlay(attributes.clone()).api("latency"))]
            data-name=(name) aria-labelledby=(id) {
            div.what {
                h3 id=(id) {
                    @for (index, attribute) in finding.attributes.iter().enumerate() {
                        @if index > 0 { span.and { " and " } }
                        (parts::attribute_link(address, attribute))
                    }
                }
                (badges(finding))
                @if !finding.aliases.is_empty() {
                    p.sub { "the same items as " bdi { (parts::attributes_text(&finding.aliases)) } }
                }
            }
            div.bar {
                (bars::diverging(
                    finding.score,
                    Some(finding.effect),
                    reach,
                    Some(&format::signed(finding.score)),
                    &label
                ))
            }
            (facts(finding, address.query().slower.or(address.query().faster).is_some()))
            @if writable { (actions(address, found, finding, &attributes)) }
        }
    }
}

/// The figures; the contrast only where somebody has selected a range to contrast.
fn facts(finding: &Finding, selected: bool) -> Markup {
    html! {
        dl.facts {
            @if let Some(sides) = finding.latency {
                div { dt { "p50 with" } dd.strong { (format::duration(sides.p50_with_seconds)) } }
                div { dt { "without" } dd { (format::duration(sides.p50_without_seconds)) } }
            }
            @if let Some(sides) = finding.failure {
                div { dt { "fails with" } dd.strong {
                    (format::share(sides.rate_with)) " " span.sub {
                        (format::count(sides.failed_with)) "/"
                        (format::count(sides.failed_with + sides.succeeded_with))
                    }
                } }
                div { dt { "without" } dd { (format::share(sides.rate_without)) } }
                div {
                    dt { "difference, 95%" }
                    dd {
                        (format::points(sides.difference_low).trim_end_matches(" pp"))
                        " to " (format::points(sides.difference_high))
                    }
                }
            }
            div {
                dt { "n" }
                dd { (format::count(finding.n_with)) " " span.sub { (format::share(finding.support)) } }
            }
            div { dt { "q" } dd { (format::probability(finding.q)) } }
            div { dt { "impact" } dd {
                @if finding.latency.is_some() { (format::hours(finding.impact)) }
                @else { (signed(finding.impact)) " failures" }
            } }
            @if let Some(contrast) = finding.contrast.filter(|_| selected) {
                div {
                    dt
                        title="Share of the selected range against that of the rest: +1 only there, −1 never" {
                        "contrast"
                    }
                    dd { (format::signed(contrast)) }
                }
            }
        }
    }
}

/// What an exemplar is called: its number, where it has one.
fn example(exemplar: &str) -> String {
    match exemplar.parse::<Key>() {
        Ok(key) if key.kind().depth() < 2 => format!("e.g. #{}", key.id()),
        _ => "example".to_owned(),
    }
}

fn signed(value: f64) -> String {
    if value < 0.0 { format::figure(value) } else { format!("+{}", format::figure(value)) }
}

fn badges(finding: &Finding) -> Markup {
    let strength = match finding.strength {
        Strength::Large => Some("large"),
        Strength::Medium => Some("medium"),
        Strength::Small => Some("small"),
        Strength::Negligible => None,
    };
    html! {
        div.badges {
            @if !finding.significant {
                (parts::badge(
                    "not significant",
                    "warn",
                    &format!("{}: chance could have done this", format::probability_of("q", finding.q))
                ))
            } @else if let Some(strength) = strength {
                (parts::badge(&format!("{strength} effect"), "", "How strong the effect is"))
            }
            @if finding.small_sample {
                (parts::badge("small sample", "warn", "Fewer than 30 items on one side"))
            }
            @for key in &finding.confounded_by {
                (parts::badge(
                    &format!("confounded by {key}"),
                    "warn",
                    "Within the values of that key less than half of the effect is left"
                ))
            }
            @if finding.sign_reversal {
                (parts::badge(
                    "sign reversal",
                    "warn",
                    "Within the values of another key the effect is the other way round"
                ))
            }
            @if let Some(pair) = &finding.explained_by {
                @let values: Vec<&str> = pair.iter().map(|attribute| attribute.value.as_str()).collect();
                (parts::badge(
                    &format!("explained by {}", values.join(" + ")),
                    "",
                    &format!("Without the items that have {} the effect vanishes", parts::attributes_text(pair))
                ))
            }
        }
    }
}

fn actions(address: &Address, found: &Correlations, finding: &Finding, attributes: &[Filter]) -> Markup {
    let several = attributes.len() > 1;
    let name = parts::attributes_text(&finding.attributes);
    html! {
        div.actions {
            a.button href=(address.with_filters(attributes).url("/"))
                aria-label=(format!("Filter: only {name}")) {
                "Filter"
            }
            @for filter in attributes {
                @let without = Filter { exclude: true, ..filter.clone() };
                a.button href=(address.with_filter(&without).url("/"))
                    aria-label=(format!("Exclude {} ({})", filter.value, filter.key)) {
                    "Exclude" @if several { " " bdi { (filter.value) } }
                }
            }
            a.button href=(traces(address, found, attributes))
                aria-label=(format!("Traces with {name}")) {
                "Traces"
            }
            a.button href=(format!("{}#distribution", address.with_overlay(attributes.to_vec()).url("/")))
                aria-label=(format!("Overlay {name} on the histogram")) {
                "Overlay"
            }
            @if let Some(exemplar) = finding.exemplars.first() {
                a.button href=(address.trace(exemplar))
                    aria-label=(format!("{}, with {name}", example(exemplar))) {
                    (example(exemplar))
                }
            }
        }
    }
}

/// The items behind a finding: the slow ones, or those that failed.
fn traces(address: &Address, found: &Correlations, attributes: &[Filter]) -> String {
    let items = address.with_kind(found.basis.kind).with_filters(attributes);
    match found.measure {
        Measure::Latency => items.url("/items"),
        Measure::Failure => {
            let failed = ["failure", "error", "timeout"].map(|outcome| Filter::include(OUTCOME, outcome));
            items.with_filters(&failed).url("/items")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{realistic, text};

    #[test]
    fn the_sentence_sets_off_what_senders_wrote_and_what_it_comes_down_to() {
        let found = realistic::reports().correlations;
        let markup = told(&sentence::of(&found.findings[0], Kind::Issue));
        assert_eq!(
            text(&markup),
            "Issues with deploy.type = mutable and language = python take 4.1 times as long: \
             p50 61 h against 15 h, n = 96."
        );
        let html = markup.into_string();
        assert!(html.contains("<strong class=\"worse\">4.1 times as long</strong>"), "{html}");
        assert_eq!(html.matches("<bdi class=\"attr\">").count(), 2, "{html}");
    }
}
