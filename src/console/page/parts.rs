//! Small pieces that several sections share.

use maud::{Markup, html};

use super::format;
use super::link::{self, Address};
pub(super) use crate::insight::format::{many, one, title};
use crate::insight::query::{Filter, Interval};
use crate::insight::report::{Attribute, Basis, Outcomes, Quantiles};
use crate::work::key::{Key, Kind, Source};

/// `12 issues`.
pub(super) fn counted(n: u64, kind: Kind) -> String {
    format::counted(n, one(kind), many(kind))
}

/// The kinds that are offered side by side. Sprints are few, and nothing that is delivered: they are
/// offered where they are asked for already, and led to from work in progress.
pub(super) fn kinds(asked: Kind) -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(move |kind| *kind != Kind::Sprint || asked == Kind::Sprint)
}

/// Whether items of the kind can fail.
pub(super) fn fails(kind: Kind) -> bool {
    matches!(kind, Kind::Build | Kind::Job | Kind::Deploy)
}

/// What the time of the kind is called.
pub(super) fn time_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Issue => "lead time",
        Kind::PullRequest => "cycle time",
        Kind::Build | Kind::Job | Kind::Deploy | Kind::Sprint => "duration",
    }
}

/// What the points of a trend are called.
pub(super) fn interval(interval: Interval) -> &'static str {
    match interval {
        Interval::Day => "day",
        Interval::Week => "week",
        Interval::Month => "month",
    }
}

/// The range of a report in words.
pub(super) fn range(basis: &Basis) -> String {
    format!("{} to {}", format::date(basis.from.0), format::date(basis.to.0))
}

/// An attribute as the filter that wants it.
pub(super) fn filter(attribute: &Attribute) -> Filter {
    Filter::include(&attribute.key, &attribute.value)
}

/// Key and value, as they stand in running text.
pub(super) fn attribute(key: &str, value: &str) -> Markup {
    html! { bdi.attr { span.key { (key) } " = " span.value { (value) } } }
}

/// Key and value as a link to the key's details with this value chosen.
pub(super) fn attribute_link(address: &Address, attribute_: &Attribute) -> Markup {
    let chosen = filter(attribute_);
    let address = if link::writable(&chosen) { address.with_overlay(vec![chosen]) } else { address.clone() };
    html! {
        a.attr-link href=(address.url(&link::tag_path(&attribute_.key))) {
            (attribute(&attribute_.key, &attribute_.value))
        }
    }
}

/// Several attributes as text.
pub(super) fn attributes_text(attributes: &[Attribute]) -> String {
    let texts: Vec<String> = attributes.iter().map(|a| format!("{} = {}", a.key, a.value)).collect();
    texts.join(" and ")
}

/// An item's name, and the trace it leads to.
pub(super) fn trace_link(address: &Address, trace: &str, key: &Key, title: Option<&str>) -> Markup {
    html! {
        a.item href=(address.trace(trace)) {
            bdi { (title.filter(|title| !title.trim().is_empty()).unwrap_or(key.id())) }
        }
        " " span.sub { bdi { (format::item(key)) } }
    }
}

/// As many of an item's tags as there is room for, each as the filter that wants it.
pub(super) fn tag_chips(address: &Address, path: &str, all: &[(&String, &String)], room: usize) -> Markup {
    html! {
        @for (key, value) in all.iter().take(room) {
            @let filter = Filter::include(key, value);
            @if link::writable(&filter) {
                a.chip href=(address.with_filter(&filter).url(path))
                    title=(format!("{key} = {value}")) aria-label=(format!("Only {key} = {value}")) {
                    bdi { (value) }
                }
            }
        }
        @if all.len() > room { span.sub { "+" (all.len() - room) } }
    }
}

/// A link out of the page, if it leads to the web.
pub(super) fn outward(url: Option<&str>, text: &str, what: &str) -> Markup {
    html! {
        @if let Some(url) = url.and_then(link::external) {
            a.out href=(url) rel="noopener noreferrer" aria-label=(what) {
                (text) span.arrow aria-hidden="true" { "↗" }
            }
        }
    }
}

/// Where a sender's page of an item is.
pub(super) fn sender(key: &Key) -> &'static str {
    match key.source() {
        Source::Github => "GitHub",
        Source::Jenkins => "Jenkins",
        Source::Gitlab => "GitLab",
        Source::Jira => "Jira",
        Source::Cdevents | Source::Custom => "the sender",
    }
}

/// A mark with a word; `tone` is `warn` or nothing.
pub(super) fn badge(text: &str, tone: &str, why: &str) -> Markup {
    html! { span.badge.warn[tone == "warn"] title=(why) { bdi { (text) } } }
}

/// How something ended, with a sign that does not depend on colour.
pub(super) fn outcome(outcome: Option<&str>) -> Markup {
    let Some(word) = outcome else { return html! { span.outcome.open { "open" } } };
    let (class, sign) = match word {
        "failure" | "error" | "timeout" => ("bad", "✕"),
        "success" | "merged" | "completed" => ("good", "✓"),
        _ => ("", "–"),
    };
    html! {
        span class=(format!("outcome {class}")) {
            span aria-hidden="true" { (sign) " " }
            (word.replace('_', " "))
        }
    }
}

/// The other parameters of an address as hidden fields of a form.
pub(super) fn hidden(address: &Address, except: &[&str]) -> Markup {
    let kept =
        address.pairs().into_iter().filter(|(name, _)| name != "cursor" && !except.contains(&name.as_str()));
    html! { @for (name, value) in kept { input type="hidden" name=(name) value=(value); } }
}

/// A heading of a section with what stands beside it.
pub(super) fn heading(id: &str, text: &str, beside: &Markup) -> Markup {
    html! { header.head { h2 id=(id) { (text) } (beside) } }
}

/// The way past a chart with many links, for the keyboard.
pub(super) fn past(target: &str) -> Markup {
    html! { a.skip.here href=(format!("#{target}")) { "Skip the chart" } }
}

/// What to say of quantiles to whoever does not see their box plot.
pub(super) fn quantiles_text(q: &Quantiles) -> String {
    format!(
        "p10 {}, p25 {}, median {}, p75 {}, p90 {}",
        format::duration(q.p10_seconds),
        format::duration(q.p25_seconds),
        format::duration(q.p50_seconds),
        format::duration(q.p75_seconds),
        format::duration(q.p90_seconds)
    )
}

/// The quantiles that a box plot shows.
pub(super) fn five(q: &Quantiles) -> crate::console::chart::boxes::Five {
    crate::console::chart::boxes::Five {
        p10: q.p10_seconds,
        p25: q.p25_seconds,
        p50: q.p50_seconds,
        p75: q.p75_seconds,
        p90: q.p90_seconds,
    }
}

/// A scale that holds the box plots of all these.
pub(super) fn box_scale<'a>(all: impl Iterator<Item = &'a Quantiles>) -> crate::console::chart::scale::Log {
    let (mut least, mut greatest) = (f64::INFINITY, 0.0f64);
    for q in all {
        least = least.min(if q.p10_seconds > 0.0 { q.p10_seconds } else { q.p25_seconds });
        greatest = greatest.max(q.p90_seconds);
    }
    crate::console::chart::scale::Log::new(least, greatest)
}

/// A failure rate with what it is of, or a dash.
pub(super) fn failure_rate(outcomes: Outcomes) -> Markup {
    let Some(rate) = outcomes.failure_rate() else { return html! { (format::NOTHING) } };
    let all = outcomes.failed + outcomes.succeeded;
    let of = format!("{} of {}", format::count(outcomes.failed), format::count(all));
    html! { span title=(of) { (format::share(rate)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sprints_are_offered_where_they_are_asked_for() {
        assert!(!kinds(Kind::Issue).any(|kind| kind == Kind::Sprint));
        assert!(kinds(Kind::Sprint).eq(Kind::ALL));
    }
}
