#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use super::*;
use crate::work::event::Flaw;

/// Metrics in which each has at least one series; one without is not written.
fn all() -> Metrics {
    let metrics = Metrics::new();
    metrics.add_backend("default");
    metrics.event_started(Source::Github, Kind::Issue);
    metrics.event_ended(Source::Github, Kind::Issue, false, Some(Duration::ZERO));
    metrics
}

fn holds(metrics: &Metrics, line: &str) {
    let text = metrics.encode();
    assert!(text.lines().any(|l| l == line), "no line {line:?} in:\n{text}");
}

#[test]
fn each_method_moves_its_own_metric() {
    let metrics = Metrics::new();
    let clone = metrics.clone();
    clone.delivery(Source::Github, DeliveryStatus::Recorded);
    clone.delivery(Source::Github, DeliveryStatus::Recorded);
    clone.delivery(Source::Jenkins, DeliveryStatus::Unauthorized);
    clone.committed(Duration::from_millis(3), 5);
    clone.set_items_open(Kind::PullRequest, 7);
    clone.set_due_items(4);
    clone.set_insight_behind_items(7);
    clone.set_outbox("tempo", OutboxDepth { items: 3, age: Duration::from_millis(1500) });
    clone.exported("tempo", ExportResult::Sent, 6);
    clone.set_rejected_exports("tempo", 2);
    clone.set_quarantine_size(8);
    clone.quality(Quality::Flaw(Flaw::MissingOutcome));
    clone.quality(Quality::Clamped);
    clone.late(Kind::Build);
    clone.set_items_stuck(Kind::Build, 3);
    clone.items_deleted(Kind::Job, 9);
    clone.exports_omitted(Kind::Deploy, 2);
    for line in [
        "valuestream_deliveries_total{source=\"github\",status=\"recorded\"} 2",
        "valuestream_deliveries_total{source=\"jenkins\",status=\"unauthorized\"} 1",
        "valuestream_commit_seconds_bucket{le=\"0.002\"} 0",
        "valuestream_commit_seconds_bucket{le=\"0.004\"} 1",
        "valuestream_commit_deliveries_sum 5.0",
        "valuestream_items_open{kind=\"pull_request\"} 7",
        "valuestream_items_stuck{kind=\"build\"} 3",
        "valuestream_due_items 4",
        "valuestream_insight_behind_items 7",
        "valuestream_outbox_items{backend=\"tempo\"} 3",
        "valuestream_outbox_age_seconds{backend=\"tempo\"} 1.5",
        "valuestream_exports_total{backend=\"tempo\",result=\"sent\"} 6",
        "valuestream_rejected_exports{backend=\"tempo\"} 2",
        "valuestream_quarantine_size 8",
        "valuestream_quality_total{flaw=\"missing_outcome\"} 1",
        "valuestream_quality_total{flaw=\"clamped\"} 1",
        "valuestream_quality_total{flaw=\"start_unknown\"} 0",
        "valuestream_late_total{kind=\"build\"} 1",
        "valuestream_items_deleted_total{kind=\"job\"} 9",
        "valuestream_exports_omitted_total{kind=\"deploy\"} 2",
    ] {
        holds(&metrics, line);
    }
    holds(&metrics, &format!("valuestream_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_names_and_labels_of_existing_dashboards_are_kept() {
    let metrics = Metrics::new();
    metrics.event_started(Source::Github, Kind::Issue);
    metrics.event_ended(Source::Github, Kind::Issue, false, Some(Duration::from_secs(90)));
    metrics.event_ended(Source::Jenkins, Kind::Deploy, true, Some(Duration::from_secs(2)));
    for line in [
        "webhooks_event_start_total{event_source=\"github\",event_type=\"issue\"} 1",
        "webhooks_event_end_total{event_source=\"github\",event_type=\"issue\",error=\"false\"} 1",
        "webhooks_event_end_total{event_source=\"jenkins\",event_type=\"deploy\",error=\"true\"} 1",
        "webhooks_event_duration_sum{event_source=\"github\",event_type=\"issue\",error=\"false\"} 90000.0",
        "webhooks_event_duration_count{event_source=\"jenkins\",event_type=\"deploy\",error=\"true\"} 1",
    ] {
        holds(&metrics, line);
    }
}

#[test]
fn what_is_known_beforehand_begins_at_zero() {
    let metrics = Metrics::new();
    metrics.add_backend("default");
    for line in [
        "valuestream_deliveries_total{source=\"jenkins\",status=\"unavailable\"} 0",
        "valuestream_items_open{kind=\"job\"} 0",
        "valuestream_quality_total{flaw=\"time_of_receipt\"} 0",
        "valuestream_late_total{kind=\"issue\"} 0",
        "valuestream_items_deleted_total{kind=\"issue\"} 0",
        "valuestream_exports_omitted_total{kind=\"issue\"} 0",
        "valuestream_exports_total{backend=\"default\",result=\"retry\"} 0",
        "valuestream_rejected_exports{backend=\"default\"} 0",
        "valuestream_outbox_age_seconds{backend=\"default\"} 0.0",
    ] {
        holds(&metrics, line);
    }
}

#[test]
fn the_text_is_whole_and_every_metric_explains_itself() {
    let text = all().encode();
    assert!(text.ends_with("# EOF\n"), "{text}");
    let named = |prefix: &str| -> BTreeSet<String> {
        let rest = text.lines().filter_map(|line| line.strip_prefix(prefix));
        rest.map(|rest| rest.split(' ').next().unwrap().to_owned()).collect()
    };
    assert_eq!(named("# HELP "), named("# TYPE "));
    assert_eq!(named("# TYPE ").len(), 21);
}

#[test]
fn the_dashboard_shows_only_metrics_that_there_are() {
    let dashboard = include_str!("../../../docs/grafana/dashboards/valuestream.json");
    let text = all().encode();
    let word = regex::Regex::new("(?:valuestream|webhooks)_[a-z_]+").unwrap();
    let expressions = dashboard.lines().filter(|line| line.contains("\"expr\":"));
    let used: BTreeSet<&str> =
        expressions.flat_map(|line| word.find_iter(line)).map(|m| m.as_str()).collect();
    assert!(used.len() > 10, "{used:?}");
    for name in used {
        let there = text.lines().any(|line| line.split(['{', ' ']).next() == Some(name));
        assert!(there, "{name}");
    }
}

#[test]
fn the_metrics_page_lists_every_metric_and_no_other() {
    let page = include_str!("../../../docs/operations.md");
    let listed: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.split('{').next().unwrap_or(name))
        .filter(|name| name.starts_with("valuestream_") || name.starts_with("webhooks_"))
        .map(|name| name.trim_end_matches("_total").trim_end_matches("_info"))
        .collect();
    let text = all().encode();
    let there: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(listed, there);
}
