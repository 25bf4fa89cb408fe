//! The page at `/`: everything about one question.

use maud::{Markup, html};

use super::link::Address;
use super::{
    Frame, cards, controls, distribution, empty, findings, flow, format, frame, groups, parts, quality,
    services, trend,
};
use crate::insight::query::{Measure, OUTCOME, Query};
use crate::insight::report::{
    Basis, Correlations, Groups, Latency, Quality, ServiceDora, Stages, Stuck, Summary, TagKeys, Trend, Wip,
};
use crate::work::key::Kind;
use crate::work::time::Time;

/// All that the page shows.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    /// The question, and how it was put.
    pub address: &'a Address,
    /// The cards.
    pub summary: &'a Summary,
    /// The distribution of the kind asked for.
    pub latency: &'a Latency,
    /// The answer to [`correlations_query`].
    pub correlations: &'a Correlations,
    /// The answer to [`grouped_query`], if that has a key to group by.
    pub groups: Option<&'a Groups>,
    /// The trend, grouped only if the question is.
    pub trend: &'a Trend,
    /// What is deployed where.
    pub services: &'a [ServiceDora],
    /// Where the time goes.
    pub stages: &'a Stages,
    /// What is open.
    pub wip: &'a Wip,
    /// What of it has been open for too long: how much is enough.
    pub stuck: &'a Stuck,
    /// How far to believe it.
    pub quality: &'a Quality,
    /// What there is to slice by.
    pub tags: &'a TagKeys,
    /// Where webhooks are sent to, such as `http://127.0.0.1:5000`.
    pub ingest: &'a str,
    /// Now.
    pub now: Time,
}

/// What to ask for the correlations: failures of issues and pull requests are those of the deploys,
/// whatever the rest of the page is about.
pub fn correlations_query(query: &Query) -> Query {
    let mut asked = Query { measure: Some(query.measure()), cursor: None, ..query.clone() };
    if asked.measure == Some(Measure::Failure)
        && matches!(query.kind, Kind::Issue | Kind::PullRequest | Kind::Sprint)
    {
        asked.kind = Kind::Deploy;
        // The selection is one of the other kind's latency.
        (asked.slower, asked.faster) = (None, None);
    }
    asked
}

/// What stands in for correlations that are still being computed.
pub fn unfinished(query: &Query, basis: &Basis) -> Correlations {
    Correlations {
        basis: Basis { kind: query.kind, ..basis.clone() },
        measure: query.measure(),
        n: 0,
        selection: None,
        insufficient_data: Some("still being computed; this page comes again by itself".to_owned()),
        singles_tested: 0,
        pairs_tested: 0,
        findings: Vec::new(),
        note: String::new(),
    }
}

/// What to ask for the table of groups: by `team`, or else by whatever most items have, if the
/// question does not say. Without any tag there is no key.
pub fn grouped_query(query: &Query, tags: &TagKeys) -> Query {
    let sliced = || {
        let useful = tags.keys.iter().filter(|key| key.key != OUTCOME && (2..=50).contains(&key.distinct));
        let team = tags.keys.iter().find(|key| key.key == "team");
        team.or_else(|| useful.max_by_key(|key| key.n)).map(|key| key.key.clone())
    };
    Query { group: query.group.clone().or_else(sliced), ..query.clone() }
}

/// What to ask for what has been open for too long: how much it is, of all kinds.
pub fn stuck_query(query: &Query) -> Query {
    Query { limit: 1, group: None, ..query.clone() }
}

/// Renders the page.
pub fn render(overview: &Overview<'_>) -> Markup {
    let (address, summary) = (overview.address, overview.summary);
    let kind = address.query().kind;
    let title = format!("{}, {}", parts::title(kind), controls::range_words(address, &summary.basis));
    let framed = Frame { title: &title, home: "/", basis: Some(&summary.basis), session: address.session() };
    if empty::nothing_yet(summary, overview.quality) {
        return frame(
            &Frame { title: "Welcome", home: "/", basis: None, session: address.session() },
            &empty::welcome(overview.ingest),
        );
    }
    let finished = summary.finished.get(&kind).copied().unwrap_or(0);
    let content = html! {
        header.page {
            h1 { (parts::title(kind)) span.range { (controls::range_words(address, &summary.basis)) } }
            p.sub {
                (format::count(finished)) " finished, "
                (format::count(summary.open.get(&kind).copied().unwrap_or(0))) " open"
                (controls::dates(address, &summary.basis))
            }
        }
        (controls::render(address, "/", &summary.basis, overview.tags))
        (cards::render(address, summary))
        @if overview.latency.quantiles.is_some() {
            // Where there is room, the findings stand beside the two others.
            div.explore {
                (distribution::render(address, overview.latency))
                (findings::render(address, overview.correlations))
                (groups::render(address, overview.groups, overview.tags))
            }
            div.pair {
                (trend::render(address, overview.trend, overview.now))
                (flow::stages(overview.stages))
            }
        } @else {
            (empty::nothing_here(address, "/"))
            // Failures are those of deploys, which may have ended where nothing of this kind did.
            @if !overview.correlations.findings.is_empty() {
                (findings::render(address, overview.correlations))
            }
            (flow::stages(overview.stages))
        }
        @if overview.services.is_empty() {
            div.pair {
                (flow::wip(address, overview.wip, overview.stuck))
                (quality::render(overview.quality, overview.now))
            }
        } @else {
            div.pair {
                (flow::wip(address, overview.wip, overview.stuck))
                (services::render(overview.services, overview.now))
            }
            (quality::render(overview.quality, overview.now))
        }
    };
    frame(&framed, &content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{Reports, address, overview_page, realistic};

    #[test]
    fn failures_of_issues_are_those_of_the_deploys() {
        let asked = address("measure=failure&slower=100&filter=team=a");
        let query = correlations_query(asked.query());
        assert_eq!((query.kind, query.slower), (Kind::Deploy, None));
        assert_eq!(query.filters, asked.query().filters);
        assert_eq!(correlations_query(address("kind=build").query()).kind, Kind::Build);
        assert_eq!(correlations_query(address("kind=build").query()).measure, Some(Measure::Failure));
        assert_eq!(correlations_query(address("slower=100").query()).slower, Some(100.0));
    }

    #[test]
    fn groups_are_by_team_or_by_what_most_have() {
        let mut tags = realistic::reports().tags;
        let key = |asked: &str, tags: &TagKeys| grouped_query(address(asked).query(), tags).group;
        assert_eq!(key("group=language", &tags).as_deref(), Some("language"));
        assert_eq!(key("", &tags).as_deref(), Some("team"));
        tags.keys.retain(|key| key.key != "team");
        assert_eq!(key("", &tags).as_deref(), Some("language"));
        tags.keys.clear();
        assert_eq!(key("", &tags), None);
    }

    #[test]
    fn what_is_open_stands_beside_the_services_or_else_beside_the_data_quality() {
        let pairs = |reports: &Reports| -> Vec<String> {
            let html = overview_page(reports, "").into_string();
            let headings = html.split("<h2 ").skip(2).filter_map(|h| h.split('>').next());
            let ids = headings.map(|h| h.trim_start_matches("id=").trim_matches('"').to_owned());
            let pairs = html.matches("<div class=\"pair\">").count();
            ids.chain([pairs.to_string()]).collect()
        };
        let mut reports = realistic::reports();
        let above = ["distribution", "correlations", "groups", "trend", "stages", "wip"];
        assert_eq!(pairs(&reports), [&above[..], &["services", "quality", "2"]].concat());
        reports.services.clear();
        assert_eq!(pairs(&reports), [&above[..], &["quality", "2"]].concat());
    }
}
