//! An answerer that knows one answer to each question, for tests of whoever asks.

pub(crate) mod running;

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::insight::query::{Interval, Measure, Query, Tier};
use crate::insight::report::*;
use crate::insight::reports::{ReportError, Reports};
use crate::work::key::{Kind, Source};
use crate::work::time::Time;

/// What a sender may write where people read: a terminal's controls, a formula, HTML, quotes.
pub(crate) const HOSTILE: &str = "=cmd|'/c calc'!A1 \u{1b}[31m<b>\"x\",\u{9b}2J";

/// The key of the one issue that it knows.
pub(crate) const ISSUE: &str = "github:github.com/acme/api/issue/12";

/// Answers everything, or fails as told.
#[derive(Default)]
pub(crate) struct Fake {
    /// What to answer instead.
    pub error: Mutex<Option<ReportError>>,
    /// The last question, and what stood in the path.
    pub asked: Mutex<(Option<Query>, String)>,
}

impl Fake {
    fn tell<T>(&self, query: Option<&Query>, path: &str, report: T) -> Result<T, ReportError> {
        *self.asked.lock().unwrap() = (query.cloned(), path.to_owned());
        match &*self.error.lock().unwrap() {
            Some(error) => Err(error.clone()),
            None => Ok(report),
        }
    }
}

impl Reports for Fake {
    async fn summary(&self, query: &Query) -> Result<Summary, ReportError> {
        self.tell(Some(query), "", summary())
    }
    async fn latency(&self, query: &Query) -> Result<Latency, ReportError> {
        self.tell(Some(query), "", latency())
    }
    async fn groups(&self, query: &Query) -> Result<Groups, ReportError> {
        self.tell(Some(query), "", groups())
    }
    async fn trend(&self, query: &Query) -> Result<Trend, ReportError> {
        self.tell(Some(query), "", trend())
    }
    async fn correlations(&self, query: &Query) -> Result<Correlations, ReportError> {
        self.tell(Some(query), "", correlations(query.measure()))
    }
    async fn dora(&self, query: &Query) -> Result<Dora, ReportError> {
        self.tell(Some(query), "", dora())
    }
    async fn stages(&self, query: &Query) -> Result<Stages, ReportError> {
        self.tell(Some(query), "", stages())
    }
    async fn pull_requests(&self, query: &Query) -> Result<PullRequests, ReportError> {
        self.tell(Some(query), "", pull_requests())
    }
    async fn wip(&self, query: &Query) -> Result<Wip, ReportError> {
        self.tell(Some(query), "", wip())
    }
    async fn stuck(&self, query: &Query) -> Result<Stuck, ReportError> {
        self.tell(Some(query), "", stuck())
    }
    async fn quality(&self, query: &Query) -> Result<Quality, ReportError> {
        self.tell(Some(query), "", quality())
    }
    async fn items(&self, query: &Query) -> Result<Items, ReportError> {
        self.tell(Some(query), "", items())
    }
    async fn tags(&self, query: &Query) -> Result<TagKeys, ReportError> {
        self.tell(Some(query), "", tags())
    }
    async fn detail(&self, query: &Query, key: &str) -> Result<Detail, ReportError> {
        self.tell(Some(query), key, detail(query, key))
    }
    async fn trace(&self, id: &str) -> Result<Trace, ReportError> {
        self.tell(None, id, trace())
    }
}

fn at(text: &str) -> At {
    At(Time::parse(text).unwrap())
}

fn basis() -> Basis {
    Basis {
        kind: Kind::Issue,
        from: at("2026-03-01T00:00:00Z"),
        to: at("2026-06-01T00:00:00Z"),
        filters: vec!["team=payments".to_owned()],
        tier: Tier::Production,
        as_of: at("2026-06-01T12:00:00Z"),
        behind: 0,
    }
}

fn quantiles(p50: f64) -> Quantiles {
    Quantiles {
        n: 40,
        mean_seconds: p50 * 1.5,
        min_seconds: 30.0,
        p10_seconds: p50 * 0.25,
        p25_seconds: p50 * 0.5,
        p50_seconds: p50,
        p75_seconds: p50 * 2.0,
        p90_seconds: p50 * 3.0,
        p95_seconds: p50 * 4.0,
        p99_seconds: p50 * 5.0,
        max_seconds: p50 * 6.0,
    }
}

fn metric(name: MetricName, unit: Unit, value: Option<f64>) -> Metric {
    Metric {
        name,
        value,
        unit,
        p90: (unit == Unit::Seconds).then_some(900_000.0),
        n: 40,
        of: 50,
        previous: value.map(|value| value * 2.0),
        sparkline: vec![value, None, value],
        unresolved: (name == MetricName::FailedDeploymentRecoveryTime).then_some(1),
        definition: "As it is computed.".to_owned(),
        notes: vec!["of the opening, where no commit is known".to_owned()],
    }
}

fn summary() -> Summary {
    Summary {
        basis: basis(),
        cards: vec![
            metric(MetricName::IssueLeadTime, Unit::Seconds, Some(220_000.0)),
            metric(MetricName::DeploymentFrequency, Unit::PerDay, Some(1.25)),
            metric(MetricName::ChangeFailureRate, Unit::Share, None),
        ],
        finished: [(Kind::Issue, 40), (Kind::Deploy, 7)].into(),
        open: [(Kind::PullRequest, 3)].into(),
    }
}

fn latency() -> Latency {
    Latency {
        basis: basis(),
        quantiles: Some(quantiles(220_000.0)),
        histogram: vec![
            Bin { from_seconds: 30.0, to_seconds: 3_600.0, n: 10, overlay: 2 },
            Bin { from_seconds: 3_600.0, to_seconds: 400_000.0, n: 30, overlay: 3 },
        ],
        outcomes: Outcomes { failed: 0, succeeded: 40 },
        selection: Some(Selection { from_seconds: 300_000.0, to_seconds: 400_000.0, n: 4 }),
        left_out: LeftOut { start_unknown: 1, clamped: 2, outcome: 3 },
    }
}

fn groups() -> Groups {
    let group = |value: &str, p50| Group {
        value: value.to_owned(),
        n: 40,
        share: 0.5,
        quantiles: quantiles(p50),
        outcomes: Outcomes { failed: 1, succeeded: 39 },
    };
    let groups = vec![group("payments", 220_000.0), group(HOSTILE, 60.0)];
    Groups { basis: basis(), key: "team".to_owned(), groups, total_groups: 3 }
}

fn trend() -> Trend {
    let point = |from, n: u64| Point {
        from: at(from),
        n,
        p50_seconds: (n > 0).then_some(3_600.0),
        p90_seconds: (n > 0).then_some(7_200.0),
        outcomes: Outcomes::default(),
    };
    let points = vec![point("2026-03-02T00:00:00Z", 0), point("2026-03-09T00:00:00Z", 4)];
    Trend { basis: basis(), interval: Interval::Week, series: vec![Series { value: None, points }] }
}

fn finding(measure: Measure) -> Finding {
    let attribute = |key: &str, value: &str| Attribute { key: key.to_owned(), value: value.to_owned() };
    let latency = LatencySides {
        p50_with_seconds: 219_600.0,
        p50_without_seconds: 50_400.0,
        mean_with_seconds: 250_000.0,
        mean_without_seconds: 70_000.0,
    };
    let failure = FailureSides {
        failed_with: 12,
        succeeded_with: 28,
        failed_without: 13,
        succeeded_without: 247,
        rate_with: 0.3,
        rate_without: 0.05,
        lift: 3.6,
        difference_low: 0.12,
        difference_high: 0.41,
    };
    Finding {
        attributes: vec![attribute("deploy.type", "mutable"), attribute("language", "python")],
        aliases: vec![attribute("team", HOSTILE)],
        n_with: 40,
        n_without: 260,
        support: 40.0 / 300.0,
        effect: 0.62,
        score: 0.43,
        p: 1e-9,
        q: 0.0003,
        m: 12,
        method: Method::MannWhitneyNormal,
        direction: Direction::Worse,
        strength: Strength::Large,
        significant: true,
        small_sample: false,
        impact: if measure == Measure::Latency { 7_200_000.0 } else { 10.0 },
        contrast: Some(0.8),
        latency: (measure == Measure::Latency).then_some(latency),
        failure: (measure == Measure::Failure).then_some(failure),
        adjusted_effect: Some(0.2),
        confounded_by: vec!["repository".to_owned()],
        sign_reversal: false,
        explained_by: None,
        exemplars: vec![ISSUE.to_owned()],
    }
}

/// What it answers about correlations.
pub(crate) fn correlations(measure: Measure) -> Correlations {
    let single = Finding {
        attributes: vec![Attribute { key: "team".to_owned(), value: HOSTILE.to_owned() }],
        aliases: Vec::new(),
        effect: -0.2,
        score: -0.1,
        direction: Direction::Better,
        strength: Strength::Small,
        small_sample: true,
        explained_by: Some(finding(measure).attributes),
        ..finding(measure)
    };
    Correlations {
        basis: basis(),
        measure,
        n: 300,
        selection: None,
        insufficient_data: None,
        singles_tested: 12,
        pairs_tested: 9,
        findings: vec![finding(measure), single],
        note: "association, not cause".to_owned(),
    }
}

fn dora() -> Dora {
    let metrics = vec![metric(MetricName::FailedDeploymentRecoveryTime, Unit::Seconds, Some(4_000.0))];
    let service = ServiceDora {
        service: "github.com/acme/api".to_owned(),
        name: "api".to_owned(),
        environment: "production".to_owned(),
        tier: Tier::Production,
        deployments: 8,
        succeeded: 7,
        failed: 1,
        change_failures: 1,
        changes: 12,
        lead_time_p50_seconds: None,
        last: Some(at("2026-05-30T10:00:00Z")),
    };
    Dora { basis: basis(), metrics, services: vec![service] }
}

fn pull_requests() -> PullRequests {
    let mean = |n, mean| Mean { n, mean: Some(mean) };
    let full = PullRequestRow {
        from: at("2026-05-25T00:00:00Z"),
        host: "github.com".to_owned(),
        owner: "acme".to_owned(),
        repo: HOSTILE.to_owned(),
        total: 5,
        merged: 4,
        merge_ratio: 0.8,
        lines: mean(4, 120.5),
        duration_seconds: mean(4, 9_000.0),
        seconds_per_line: mean(3, 75.25),
        seconds_per_comment: mean(2, 4_500.0),
        comments: mean(4, 1.5),
        running: Some(quantiles(7_200.0)),
    };
    let closed = PullRequestRow {
        owner: String::new(),
        repo: "api".to_owned(),
        merged: 0,
        merge_ratio: 0.0,
        lines: Mean::default(),
        duration_seconds: Mean::default(),
        seconds_per_line: Mean::default(),
        seconds_per_comment: Mean::default(),
        comments: Mean::default(),
        running: None,
        ..full.clone()
    };
    PullRequests { basis: basis(), interval: Interval::Week, rows: vec![full, closed] }
}

fn stages() -> Stages {
    let stage = Stage {
        stage: StageName::Pickup,
        active: false,
        quantiles: Some(quantiles(30_000.0)),
        total_seconds: 1_200_000.0,
        n: 40,
        of: 44,
        wrong_order: 1,
        definition: "Ready for review to the first review.".to_owned(),
    };
    Stages {
        basis: basis(),
        stages: vec![stage, Stage { stage: StageName::Coding, quantiles: None, n: 0, ..stage_of(0.0) }],
        merged_unreviewed: 4,
        merged: 44,
        abandoned: 2,
        flow_efficiency: None,
        flow_n: 0,
    }
}

fn stage_of(total_seconds: f64) -> Stage {
    Stage {
        stage: StageName::Coding,
        active: true,
        quantiles: None,
        total_seconds,
        n: 0,
        of: 44,
        wrong_order: 0,
        definition: "First commit to ready for review.".to_owned(),
    }
}

fn row() -> ItemRow {
    ItemRow {
        key: ISSUE.parse().unwrap(),
        title: Some(HOSTILE.to_owned()),
        url: Some("https://github.com/acme/api/issues/12".to_owned()),
        trace_id: "dc165dd78f4a17ba2b0f38d1fd61fa6d".to_owned(),
        opened: Some(at("2026-05-01T10:00:00Z")),
        closed: None,
        seconds: Some(219_600.0),
        outcome: None,
        reopened: 1,
        waiting: None,
        tags: [("team".to_owned(), vec!["payments".to_owned(), HOSTILE.to_owned()])].into(),
    }
}

fn wip() -> Wip {
    let bands = vec![
        AgeBand { from_seconds: 0.0, to_seconds: Some(86_400.0), n: 1 },
        AgeBand { from_seconds: 86_400.0, to_seconds: None, n: 2 },
    ];
    let kind = WipKind { kind: Kind::Issue, n: 3, age: Some(quantiles(220_000.0)), bands };
    Wip { basis: basis(), kinds: vec![kind], oldest: vec![row()] }
}

fn stuck() -> Stuck {
    let oldest_seconds = Some(200_000.0);
    let kinds = vec![StuckKind { kind: Kind::Build, after_seconds: 86_400.0, n: 7, oldest_seconds }];
    let groups = vec![StuckGroup { value: "=payments".to_owned(), n: 5, oldest_seconds }];
    let waiting = Some(Waiting { what: WaitsIn::Status, status: Some("=Blocked".to_owned()), since: None });
    Stuck {
        basis: basis(),
        kinds,
        items: vec![ItemRow { waiting, ..row() }],
        total: 7,
        groups,
        total_groups: 1,
        keys: Vec::new(),
    }
}

fn quality() -> Quality {
    Quality {
        basis: basis(),
        deploys: 8,
        unlinked_deploys: 1,
        merged: 44,
        merged_without_issue: 5,
        builds: 0,
        unlinked_builds: 0,
        start_unknown: 1,
        clamped: 0,
        untiered_deploys: 2,
        tag_coverage: [("team".to_owned(), 0.75)].into(),
        unsliced_tag_keys: 0,
        quarantined: 1,
        rejected_exports: 0,
        outbox: 3,
        last_delivery: BTreeMap::from([
            (Source::Github, Some(at("2026-06-01T11:59:00Z"))),
            (Source::Jenkins, None),
        ]),
    }
}

fn items() -> Items {
    Items { basis: basis(), items: vec![row()], total: 40, next_cursor: Some("next".to_owned()) }
}

fn tags() -> TagKeys {
    let values =
        vec![TagValue { value: "payments".to_owned(), n: 30 }, TagValue { value: HOSTILE.to_owned(), n: 10 }];
    TagKeys { basis: basis(), keys: vec![TagKey { key: "team".to_owned(), distinct: 2, n: 40, values }] }
}

fn detail(query: &Query, key: &str) -> Detail {
    let value = query.overlay.iter().find(|overlay| overlay.key == key).map(|overlay| overlay.value.clone());
    let level = Stratum {
        value: "python".to_owned(),
        n_with: 20,
        n_without: 2,
        with: Some(219_600.0),
        without: Some(50_400.0),
        effect: None,
    };
    let strata =
        Stratification { key: "language".to_owned(), crude: 0.4, adjusted: Some(0.1), levels: vec![level] };
    Detail {
        basis: basis(),
        key: key.to_owned(),
        selection: None,
        values: vec![ValueDetail {
            value: HOSTILE.to_owned(),
            n: 40,
            quantiles: quantiles(3_600.0),
            outcomes: Outcomes { failed: 2, succeeded: 38 },
            share_inside: Some(0.5),
            share_outside: Some(0.25),
            contrast: Some(1.0 / 3.0),
        }],
        total_values: 1,
        strata: value.iter().map(|_| strata.clone()).collect(),
        value,
    }
}

fn trace() -> Trace {
    let span = TraceSpan {
        key: ISSUE.parse().unwrap(),
        name: "issue".to_owned(),
        kind: Kind::Issue,
        episode: 0,
        stage: None,
        step: None,
        depth: 0,
        title: Some(HOSTILE.to_owned()),
        url: None,
        start: Some(at("2026-05-01T10:00:00Z")),
        end: None,
        seconds: Some(60.0),
        outcome: None,
        error: false,
        queued_seconds: None,
        events: vec![TraceEvent { at: at("2026-05-01T10:30:00Z"), name: "labeled".to_owned(), detail: None }],
        links: vec![TraceLink {
            relation: "ships".to_owned(),
            key: "github:github.com/acme/api/deploy/1".parse().unwrap(),
        }],
    };
    Trace {
        trace_id: "dc165dd78f4a17ba2b0f38d1fd61fa6d".to_owned(),
        root: ISSUE.parse().unwrap(),
        title: Some(HOSTILE.to_owned()),
        from: Some(at("2026-05-01T10:00:00Z")),
        to: None,
        backend_url: None,
        tags: BTreeMap::new(),
        spans: vec![span],
        waits: vec![Wait { from: at("2026-05-01T10:00:00Z"), to: at("2026-05-01T10:01:00Z"), seconds: 60.0 }],
        omitted: 0,
    }
}
