//! What senders could bring about: markup, quotes, scripts and directions in texts, values without
//! end, nothing at all, one single item.

use super::{Reports, realistic};
use crate::insight::report::*;
use crate::work::key::{Key, Kind, Source};

/// Texts that must come out as text.
pub(crate) const TEXTS: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></svg></style><b>bold",
    "javascript:alert(1)",
    "\u{202e}gnitirw thgir-to-left\u{2066}",
    "👩‍👩‍👧‍👦🇨🇭 e\u{301}",
    "& &amp; &lt;",
];

fn text(index: usize) -> String {
    TEXTS[index % TEXTS.len()].to_owned()
}

/// Realistic reports in which every text is hostile.
pub(crate) fn texts() -> Reports {
    let mut all = realistic::reports();
    let mut next = 0;
    let mut hostile = || {
        next += 1;
        text(next - 1)
    };
    for card in &mut all.summary.cards {
        card.definition = hostile();
        card.notes = vec![hostile(), hostile()];
    }
    for found in [&mut all.correlations, &mut all.failures] {
        for finding in &mut found.findings {
            for attribute in finding.attributes.iter_mut().chain(&mut finding.aliases) {
                (attribute.key, attribute.value) = (hostile(), hostile());
            }
            finding.confounded_by = vec![hostile()];
            finding.explained_by = Some(finding.attributes.clone());
            finding.exemplars = vec![hostile()];
        }
    }
    all.groups.key = text(0);
    for group in &mut all.groups.groups {
        group.value = hostile();
    }
    for series in &mut all.by_group.series {
        series.value = Some(hostile());
    }
    for service in &mut all.services {
        (service.service, service.environment) = (hostile(), hostile());
        service.name = service.environment.clone();
    }
    for stage in &mut all.stages.stages {
        stage.definition = hostile();
    }
    all.quality.tag_coverage = TEXTS.iter().map(|text| ((*text).to_owned(), 0.5)).collect();
    for key in &mut all.tags.keys {
        key.key = hostile();
        for value in &mut key.values {
            value.value = hostile();
        }
    }
    all.stuck.keys = all.tags.keys.clone();
    // One that turns the direction, whatever the others are.
    all.tags.keys[0].key = text(5);
    all.detail.key = text(1);
    for value in &mut all.detail.values {
        value.value = hostile();
    }
    all.detail.value = Some(text(0));
    for table in &mut all.detail.strata {
        table.key = hostile();
        for level in &mut table.levels {
            level.value = hostile();
        }
    }
    for group in &mut all.stuck.groups {
        group.value = hostile();
    }
    for row in &mut all.stuck.items {
        let status = Some(hostile());
        row.waiting = row.waiting.take().map(|waiting| Waiting { what: WaitsIn::Status, status, ..waiting });
    }
    for row in all.items.items.iter_mut().chain(&mut all.wip.oldest).chain(&mut all.stuck.items) {
        row.key = Key::new(Source::Jenkins, "ci", &text(0), Kind::Issue, &text(1)).unwrap();
        (row.title, row.url) = (Some(hostile()), Some("javascript:alert(1)".to_owned()));
        row.outcome = Some(hostile());
        row.tags = TEXTS.iter().map(|text| ((*text).to_owned(), vec![(*text).to_owned()])).collect();
    }
    all.trace.title = Some(text(0));
    all.trace.backend_url = Some("data:text/html,<script>alert(1)</script>".to_owned());
    all.trace.tags = TEXTS.iter().map(|text| ((*text).to_owned(), vec![(*text).to_owned()])).collect();
    for span in &mut all.trace.spans {
        (span.title, span.url) = (Some(hostile()), Some("JavaScript:alert(1)".to_owned()));
        span.outcome = Some(hostile());
        for event in &mut span.events {
            (event.name, event.detail) = (hostile(), Some(hostile()));
        }
    }
    all
}

/// A thousand values, some of them of 500 characters.
pub(crate) fn many() -> Reports {
    let mut all = realistic::reports();
    let long = |index: usize| format!("{index}-{}", "long".repeat(if index < 8 { 125 } else { 2 }));
    let group = all.groups.groups[0].clone();
    all.groups.groups = (0..1_000).map(|index| Group { value: long(index), ..group.clone() }).collect();
    all.groups.total_groups = 5_000;
    let value = all.detail.values[0].clone();
    all.detail.values = (0..1_000).map(|index| ValueDetail { value: long(index), ..value.clone() }).collect();
    all.detail.total_values = 5_000;
    let finding = all.correlations.findings[0].clone();
    all.correlations.findings = (0..40)
        .map(|index| {
            let mut finding = finding.clone();
            finding.attributes[0].value = long(index);
            finding
        })
        .collect();
    let service = all.services[0].clone();
    all.services = (0..50).map(|index| ServiceDora { service: long(index), ..service.clone() }).collect();
    let group = all.stuck.groups[0].clone();
    all.stuck.groups = (0..1_000).map(|index| StuckGroup { value: long(index), ..group.clone() }).collect();
    let open = all.stuck.items[2].clone();
    all.stuck.items.extend((0..1_000).map(|index| ItemRow { title: Some(long(index)), ..open.clone() }));
    let tag = all.tags.keys[0].values[0].clone();
    all.tags.keys[0].values =
        (0..1_000).map(|index| TagValue { value: long(index), ..tag.clone() }).collect();
    let span = all.trace.spans[1].clone();
    all.trace.spans.extend((0..300).map(|index| TraceSpan {
        title: Some(long(index)),
        depth: index as u32,
        ..span.clone()
    }));
    all
}

/// Nothing in the range, but something was received.
pub(crate) fn nothing() -> Reports {
    let mut all = realistic::reports();
    for card in &mut all.summary.cards {
        (card.value, card.p90, card.previous, card.n, card.of) = (None, None, None, 0, 0);
        card.sparkline.clear();
    }
    all.summary.finished.clear();
    all.latency.quantiles = None;
    all.latency.histogram.clear();
    all.latency.selection = None;
    for found in [&mut all.correlations, &mut all.failures] {
        found.findings.clear();
        found.insufficient_data = Some("0 items: at least 20 are needed".to_owned());
        found.selection = None;
    }
    all.groups.groups.clear();
    all.groups.total_groups = 0;
    for trend in [&mut all.trend, &mut all.by_group] {
        trend.series.clear();
    }
    all.services.clear();
    all.stages.stages.clear();
    all.stages.flow_efficiency = None;
    all.wip.kinds.clear();
    all.wip.oldest.clear();
    all.stuck.items.clear();
    all.stuck.groups.clear();
    all.stuck.keys.clear();
    (all.stuck.total, all.stuck.total_groups) = (0, 0);
    all.stuck.kinds.iter_mut().for_each(|kind| (kind.n, kind.oldest_seconds) = (0, None));
    all.quality.tag_coverage.clear();
    all.tags.keys.clear();
    all.detail.values.clear();
    all.detail.value = None;
    all.detail.strata.clear();
    all.detail.selection = None;
    all.items.items.clear();
    all.items.total = 0;
    all.items.next_cursor = None;
    all.trace.spans.clear();
    all.trace.waits.clear();
    (all.trace.from, all.trace.to, all.trace.title) = (None, None, None);
    all
}

/// Nothing was ever received.
pub(crate) fn never() -> Reports {
    let mut all = nothing();
    all.summary.open.clear();
    all.quality.quarantined = 0;
    for at in all.quality.last_delivery.values_mut() {
        *at = None;
    }
    all
}

/// One single item, which took no time.
pub(crate) fn one() -> Reports {
    let mut all = nothing();
    let quantiles = realistic::quantiles(1, 0.0, 0.0);
    all.summary.finished.insert(Kind::Issue, 1);
    all.latency.quantiles = Some(quantiles);
    all.latency.histogram = vec![Bin { from_seconds: 0.0, to_seconds: 0.0, n: 1, overlay: 1 }];
    all.latency.selection = Some(Selection { from_seconds: 0.0, to_seconds: 0.0, n: 1 });
    let group = realistic::reports().groups.groups[0].clone();
    all.groups.groups = vec![Group { n: 1, share: 1.0, quantiles, ..group }];
    let mut trend = realistic::reports().trend;
    trend.series[0].points.truncate(1);
    trend.series[0].points[0].n = 1;
    trend.series[0].points[0].p50_seconds = Some(0.0);
    all.trend = trend;
    let mut finding = realistic::reports().correlations.findings[0].clone();
    (finding.significant, finding.n_with, finding.score, finding.effect) = (false, 1, 0.0, 0.0);
    finding.latency = Some(LatencySides {
        p50_with_seconds: 0.0,
        p50_without_seconds: 0.0,
        mean_with_seconds: 0.0,
        mean_without_seconds: 0.0,
    });
    all.correlations.insufficient_data = None;
    all.correlations.findings = vec![finding];
    let mut trace = realistic::reports().trace;
    trace.spans.truncate(1);
    trace.waits.clear();
    trace.spans[0].end = trace.spans[0].start;
    trace.spans[0].seconds = Some(0.0);
    trace.to = trace.from;
    trace.omitted = 0;
    all.trace = trace;
    all
}
