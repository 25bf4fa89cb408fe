//! An organisation of four teams over ninety days, in which mutable deploys of Python services are
//! slow. The figures agree with each other as far as a reader would check.

use std::collections::BTreeMap;

use super::{Reports, now};
use crate::insight::query::{DAY, Interval, Measure, Tier};
use crate::insight::report::*;
use crate::work::key::{Key, Kind, Source};
use crate::work::time::Time;

const HOUR: f64 = 3_600.0;
const D: f64 = 86_400.0;

pub(crate) fn basis(kind: Kind) -> Basis {
    Basis {
        kind,
        from: At(now().plus(-90 * DAY)),
        to: At(now()),
        filters: Vec::new(),
        tier: Tier::Production,
        as_of: At(now()),
        behind: 0,
    }
}

/// A lognormal distribution with this median.
pub(crate) fn quantiles(n: u64, median: f64, sigma: f64) -> Quantiles {
    let at = |z: f64| median * (sigma * z).exp();
    Quantiles {
        n,
        mean_seconds: median * (sigma * sigma / 2.0).exp(),
        min_seconds: at(-2.8),
        p10_seconds: at(-1.2816),
        p25_seconds: at(-0.6745),
        p50_seconds: median,
        p75_seconds: at(0.6745),
        p90_seconds: at(1.2816),
        p95_seconds: at(1.6449),
        p99_seconds: at(2.3263),
        max_seconds: at(2.9),
    }
}

fn attribute(key: &str, value: &str) -> Attribute {
    Attribute { key: key.to_owned(), value: value.to_owned() }
}

fn metric(
    name: MetricName,
    unit: Unit,
    value: f64,
    previous: f64,
    n: u64,
    of: u64,
    definition: &str,
) -> Metric {
    let wave =
        |index: usize| 1.0 + 0.12 * (index as f64 * 0.9 + n as f64).sin() + 0.05 * (index as f64 * 2.3).cos();
    let sparkline =
        (0..13).map(|i| Some((previous + (value - previous) * i as f64 / 12.0) * wave(i))).collect();
    Metric {
        name,
        value: Some(value),
        unit,
        p90: None,
        n,
        of,
        previous: Some(previous),
        sparkline,
        unresolved: None,
        definition: definition.to_owned(),
        notes: Vec::new(),
    }
}

fn summary() -> Summary {
    let mut lead = metric(
        MetricName::IssueLeadTime,
        Unit::Seconds,
        18.2 * HOUR,
        21.0 * HOUR,
        604,
        617,
        "From creation to the last close of issues that were completed.",
    );
    lead.p90 = Some(5.4 * D);
    let mut changes = metric(
        MetricName::LeadTimeForChanges,
        Unit::Seconds,
        9.4 * HOUR,
        9.1 * HOUR,
        702,
        811,
        "From the opening of a pull request to the end of the first successful production deployment that contains it.",
    );
    changes.p90 = Some(3.1 * D);
    changes.notes = vec!["No commit times are known: the opening of the pull request is taken.".to_owned()];
    let mut recovery = metric(
        MetricName::FailedDeploymentRecoveryTime,
        Unit::Seconds,
        47.0 * 60.0,
        39.0 * 60.0,
        39,
        42,
        "Median time from the end of a failed deployment to the next successful one of the same service.",
    );
    recovery.unresolved = Some(3);
    let mut rework = metric(
        MetricName::ReworkRate,
        Unit::Share,
        0.061,
        0.061,
        438,
        438,
        "Production deployments that are a hotfix, a revert or a rollback, of all of them.",
    );
    rework.sparkline = vec![None; 13];
    Summary {
        basis: basis(Kind::Issue),
        cards: vec![
            lead,
            metric(
                MetricName::DeploymentFrequency,
                Unit::PerDay,
                4.4,
                3.6,
                396,
                396,
                "Successful production deployments a day; days without any count.",
            ),
            changes,
            metric(
                MetricName::ChangeFailureRate,
                Unit::Share,
                0.082,
                0.071,
                396,
                396,
                "Production deployments that were followed by a rollback, a hotfix or a revert within a day.",
            ),
            recovery,
            rework,
        ],
        finished: BTreeMap::from([
            (Kind::Issue, 604),
            (Kind::PullRequest, 811),
            (Kind::Build, 2_904),
            (Kind::Job, 8_121),
            (Kind::Deploy, 438),
        ]),
        open: BTreeMap::from([(Kind::Issue, 88), (Kind::PullRequest, 31), (Kind::Build, 2)]),
    }
}

fn latency() -> Latency {
    let (low, high, bins) = (0.5 * HOUR, 40.0 * D, 32);
    let edge = |index: usize| low * f64::powf(high / low, index as f64 / bins as f64);
    let bump = |x: f64, at: f64, width: f64, n: f64| n * (-((x - at) / width).powi(2) / 2.0).exp();
    let histogram = (0..bins)
        .map(|index| {
            let x = index as f64;
            let rest = bump(x, 14.5, 4.4, 46.0);
            let slow = bump(x, 22.0, 3.0, 13.0);
            Bin {
                from_seconds: edge(index),
                to_seconds: edge(index + 1),
                n: (rest + slow).round() as u64,
                overlay: slow.round() as u64,
            }
        })
        .collect();
    Latency {
        basis: basis(Kind::Issue),
        quantiles: Some(quantiles(604, 18.2 * HOUR, 1.52)),
        histogram,
        outcomes: Outcomes::default(),
        selection: Some(Selection { from_seconds: 5.4 * D, to_seconds: 40.0 * D, n: 61 }),
        left_out: LeftOut { start_unknown: 4, clamped: 1, outcome: 37 },
    }
}

fn finding(attributes: &[(&str, &str)], n: u64, score: f64, p50: (f64, f64)) -> Finding {
    let all = 604;
    let effect = score + 0.1 * score.signum();
    Finding {
        attributes: attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
        aliases: Vec::new(),
        n_with: n,
        n_without: all - n,
        support: n as f64 / all as f64,
        effect,
        score,
        p: 1e-9,
        q: if score.abs() > 0.2 { 1e-8 } else { 0.021 },
        m: 23,
        method: Method::MannWhitneyNormal,
        direction: if score > 0.0 { Direction::Worse } else { Direction::Better },
        strength: match effect.abs() {
            e if e >= 0.474 => Strength::Large,
            e if e >= 0.33 => Strength::Medium,
            _ => Strength::Small,
        },
        significant: true,
        small_sample: n < 30,
        impact: n as f64 * (p50.0 - p50.1) * HOUR,
        contrast: Some((score * 1.3).clamp(-1.0, 1.0)),
        latency: Some(LatencySides {
            p50_with_seconds: p50.0 * HOUR,
            p50_without_seconds: p50.1 * HOUR,
            mean_with_seconds: p50.0 * 1.4 * HOUR,
            mean_without_seconds: p50.1 * 1.4 * HOUR,
        }),
        failure: None,
        adjusted_effect: None,
        confounded_by: Vec::new(),
        sign_reversal: false,
        explained_by: None,
        exemplars: vec!["github:github.com/acme/billing/issue/812".to_owned()],
    }
}

fn correlations() -> Correlations {
    let pair = [("deploy.type", "mutable"), ("language", "python")];
    let mut python = finding(&[("language", "python")], 241, 0.24, (29.0, 14.0));
    python.explained_by = Some(pair.iter().map(|(key, value)| attribute(key, value)).collect());
    let mut repository = finding(&[("repository", "github.com/acme/billing")], 74, 0.22, (40.0, 16.0));
    repository.confounded_by = vec!["deploy.type".to_owned()];
    repository.aliases = vec![attribute("team", "billing")];
    let mut pay = finding(&[("team", "payments")], 132, 0.11, (23.0, 16.5));
    pay.sign_reversal = true;
    pay.confounded_by = vec!["language".to_owned()];
    Correlations {
        basis: basis(Kind::Issue),
        measure: Measure::Latency,
        n: 604,
        selection: latency().selection,
        insufficient_data: None,
        singles_tested: 23,
        pairs_tested: 61,
        findings: vec![
            finding(&pair, 96, 0.51, (61.0, 15.0)),
            finding(&[("deploy.type", "mutable")], 188, 0.31, (34.0, 14.5)),
            python,
            repository,
            finding(&[("label", "needs-security-review")], 22, 0.2, (44.0, 17.6)),
            finding(&[("language", "go")], 178, -0.17, (11.0, 22.0)),
            pay,
        ],
        note: "association, not cause".to_owned(),
    }
}

fn failures() -> Correlations {
    let mut mutable = finding(&[("deploy.type", "mutable")], 118, 0.09, (0.0, 0.0));
    mutable.latency = None;
    mutable.contrast = None;
    mutable.method = Method::FisherExact;
    mutable.effect = 0.165;
    mutable.impact = 118.0 * 0.165;
    mutable.support = 118.0 / 438.0;
    mutable.n_without = 320;
    mutable.failure = Some(FailureSides {
        failed_with: 28,
        succeeded_with: 90,
        failed_without: 24,
        succeeded_without: 296,
        rate_with: 0.24,
        rate_without: 0.075,
        lift: 2.0,
        difference_low: 0.09,
        difference_high: 0.25,
    });
    let mut evening = mutable.clone();
    evening.attributes = vec![attribute("trigger", "(none)")];
    (evening.n_with, evening.score, evening.effect, evening.impact) = (21, -0.02, -0.07, -1.5);
    (evening.direction, evening.small_sample, evening.q) = (Direction::Better, true, 0.044);
    if let Some(sides) = &mut evening.failure {
        (sides.rate_with, sides.rate_without, sides.failed_with, sides.succeeded_with) = (0.048, 0.12, 1, 20);
        (sides.difference_low, sides.difference_high) = (-0.13, -0.02);
    }
    Correlations {
        basis: basis(Kind::Deploy),
        measure: Measure::Failure,
        n: 438,
        selection: None,
        findings: vec![mutable, evening],
        ..correlations()
    }
}

const TEAMS: [(&str, u64, f64); 5] = [
    ("web", 171, 12.0),
    ("platform", 140, 15.5),
    ("payments", 132, 23.0),
    ("billing", 121, 38.0),
    ("(none)", 40, 17.0),
];

fn groups() -> Groups {
    let group = |(value, n, median): (&str, u64, f64)| Group {
        value: value.to_owned(),
        n,
        share: n as f64 / 604.0,
        quantiles: quantiles(n, median * HOUR, 1.1),
        outcomes: Outcomes::default(),
    };
    Groups {
        basis: basis(Kind::Issue),
        key: "team".to_owned(),
        groups: TEAMS.into_iter().map(group).collect(),
        total_groups: 5,
    }
}

fn series(value: Option<&str>, n: u64, median: f64, salt: usize) -> Series {
    let first = Time::parse("2026-03-02T00:00:00Z").unwrap();
    let point = |week: usize| {
        let wave = 1.0 + 0.25 * (((week + salt) * 5 % 7) as f64 - 3.0) / 3.0;
        let n = (n as f64 * (1.0 + ((week * 3 + salt) % 5) as f64 / 8.0)) as u64;
        Point {
            from: At(first.plus(week as i64 * 7 * DAY)),
            n,
            p50_seconds: Some(median * HOUR * wave),
            p90_seconds: Some(median * HOUR * wave * 3.9),
            outcomes: Outcomes::default(),
        }
    };
    Series { value: value.map(str::to_owned), points: (0..14).map(point).collect() }
}

fn trend(grouped: bool) -> Trend {
    let series = if grouped {
        TEAMS
            .into_iter()
            .enumerate()
            .map(|(salt, (team, n, median))| series(Some(team), n / 14, median, salt))
            .collect()
    } else {
        vec![series(None, 43, 18.0, 1)]
    };
    Trend { basis: basis(Kind::Issue), interval: Interval::Week, series }
}

fn stages() -> Stages {
    let stage = |stage, active, n, hours: f64, definition: &str| Stage {
        stage,
        active,
        quantiles: (n > 0).then(|| quantiles(n, hours * HOUR, 1.2)),
        total_seconds: n as f64 * hours * HOUR * 2.0,
        n,
        of: 811,
        wrong_order: u64::from(n > 700) * 3,
        definition: definition.to_owned(),
    };
    Stages {
        basis: basis(Kind::Issue),
        stages: vec![
            stage(
                StageName::FirstResponse,
                false,
                412,
                5.5,
                "Creation to the first comment by somebody else.",
            ),
            stage(StageName::Coding, true, 0, 0.0, "First commit to ready for review."),
            stage(
                StageName::Pickup,
                false,
                690,
                4.2,
                "Ready for review to the first review by somebody else.",
            ),
            stage(StageName::Review, true, 690, 3.1, "First review to the merge."),
            stage(StageName::Merge, false, 655, 0.8, "Last approval to the merge."),
            stage(
                StageName::Deploy,
                false,
                702,
                6.5,
                "Merge to the first successful production deployment with it.",
            ),
            stage(StageName::BuildQueue, false, 2_904, 0.05, "A build asked for until it starts."),
            stage(StageName::BuildRun, true, 2_904, 0.2, "A build's start until its end."),
        ],
        merged_unreviewed: 61,
        merged: 751,
        abandoned: 60,
        flow_efficiency: Some(0.27),
        flow_n: 655,
    }
}

fn services() -> Vec<ServiceDora> {
    let service =
        |name: &str, environment: &str, n: u64, failed: u64, lead: Option<f64>, hours: i64| ServiceDora {
            service: format!("github.com/acme/{name}"),
            name: name.to_owned(),
            environment: environment.to_owned(),
            tier: Tier::Production,
            deployments: n,
            succeeded: n - failed - 7,
            failed,
            change_failures: failed + 1,
            changes: n / 2,
            lead_time_p50_seconds: lead.map(|hours| hours * HOUR),
            last: Some(At(now().plus(-hours * 3_600_000_000))),
        };
    vec![
        service("api", "production", 128, 5, Some(39.0), 2),
        service("billing", "production", 96, 23, Some(130.0), 5),
        service("shop", "production-eu", 74, 6, Some(28.0), 26),
        service("shop", "production-us", 71, 4, None, 27),
    ]
}

fn wip() -> Wip {
    let edges = [0.0, D, 3.0 * D, 7.0 * D, 30.0 * D, 90.0 * D];
    let kind = |kind, counts: [u64; 6], median: f64| WipKind {
        kind,
        n: counts.iter().sum(),
        age: Some(quantiles(counts.iter().sum(), median, 1.3)),
        bands: counts
            .iter()
            .enumerate()
            .map(|(i, n)| AgeBand { from_seconds: edges[i], to_seconds: edges.get(i + 1).copied(), n: *n })
            .collect(),
    };
    let rows = [
        ("Migrate invoices to the new ledger", 812, 141.0),
        ("Flaky login on Safari", 655, 97.0),
        ("Rotate the signing keys", 901, 44.0),
    ];
    Wip {
        basis: basis(Kind::Issue),
        kinds: vec![
            kind(Kind::Issue, [9, 14, 21, 26, 11, 7], 9.0 * D),
            kind(Kind::PullRequest, [11, 9, 6, 4, 1, 0], 1.6 * D),
            kind(Kind::Build, [2, 0, 0, 0, 0, 0], 400.0),
        ],
        oldest: rows
            .into_iter()
            .map(|(title, number, age)| ItemRow {
                closed: None,
                outcome: None,
                seconds: Some(age * D),
                ..row(title, number, age)
            })
            .collect(),
    }
}

fn stuck() -> Stuck {
    let kind = |kind, n, after: f64, oldest: Option<f64>| StuckKind {
        kind,
        n,
        after_seconds: after * D,
        oldest_seconds: oldest.map(|days| days * D),
    };
    let open = |key: &str, title: &str, days: f64, what, status: Option<&str>, since: Option<f64>| {
        let key: Key = key.parse().unwrap();
        let ago = |days: f64| At(now().plus(-(days * D * 1e6) as i64));
        ItemRow {
            trace_id: crate::work::ids::TraceId::of(&key).to_string(),
            key,
            opened: Some(ago(days)),
            closed: None,
            outcome: None,
            seconds: Some(days * D),
            waiting: Some(Waiting { what, status: status.map(str::to_owned), since: since.map(ago) }),
            ..row(title, 901, days)
        }
    };
    let github = |rest: &str| format!("github:github.com/acme/billing/{rest}");
    let jira = "jira:acme.atlassian.net/CR/issue/CR-7";
    let blocked = Some("Blocked by <legal>");
    let ci = "jenkins:ci.example.org/acme/billing/build/18";
    Stuck {
        basis: basis(Kind::Issue),
        kinds: vec![
            kind(Kind::Issue, 3, 180.0, Some(402.0)),
            kind(Kind::PullRequest, 2, 30.0, Some(61.0)),
            kind(Kind::Build, 1, 1.0, Some(12.0)),
            kind(Kind::Job, 0, 1.0, None),
        ],
        items: vec![
            open(jira, "Migrate invoices to the new ledger", 402.0, WaitsIn::Status, blocked, Some(120.0)),
            ItemRow {
                waiting: None,
                ..open(&github("issue/8"), "Rotate keys", 240.0, WaitsIn::Run, None, None)
            },
            open(&github("pull_request/31"), "Dunning mails", 61.0, WaitsIn::Pickup, None, Some(60.5)),
            open(&github("pull_request/44"), "Ledger, part 2", 33.0, WaitsIn::Merge, None, Some(30.0)),
            open(ci, "billing", 12.0, WaitsIn::Run, None, None),
        ],
        total: 6,
        groups: vec![
            StuckGroup { value: "billing".to_owned(), n: 4, oldest_seconds: Some(402.0 * D) },
            StuckGroup { value: "(none)".to_owned(), n: 2, oldest_seconds: Some(12.0 * D) },
        ],
        total_groups: 3,
        keys: tags().keys,
    }
}

fn quality() -> Quality {
    Quality {
        basis: basis(Kind::Issue),
        deploys: 438,
        unlinked_deploys: 31,
        merged: 751,
        merged_without_issue: 204,
        builds: 2_904,
        unlinked_builds: 118,
        start_unknown: 4,
        clamped: 1,
        untiered_deploys: 12,
        tag_coverage: BTreeMap::from([
            ("deploy.type".to_owned(), 0.71),
            ("language".to_owned(), 0.98),
            ("team".to_owned(), 0.934),
        ]),
        unsliced_tag_keys: 0,
        quarantined: 2,
        rejected_exports: 0,
        outbox: 14,
        last_delivery: BTreeMap::from([
            (Source::Github, Some(At(now().plus(-42_000_000)))),
            (Source::Jenkins, Some(At(now().plus(-3 * DAY)))),
        ]),
    }
}

fn tags() -> TagKeys {
    let key = |key: &str, distinct, values: &[(&str, u64)]| TagKey {
        key: key.to_owned(),
        distinct,
        n: values.iter().map(|(_, n)| n).sum(),
        values: values.iter().map(|(value, n)| TagValue { value: (*value).to_owned(), n: *n }).collect(),
    };
    TagKeys {
        basis: basis(Kind::Issue),
        keys: vec![
            key("deploy.type", 3, &[("immutable", 240), ("mutable", 188), ("(none)", 176)]),
            key("label", 41, &[("bug", 170), ("enhancement", 122), ("needs-security-review", 22)]),
            key("language", 4, &[("python", 241), ("go", 178), ("typescript", 131), ("rust", 54)]),
            key("outcome", 2, &[("completed", 604), ("not_planned", 37)]),
            key("repository", 12, &[("github.com/acme/web", 101), ("github.com/acme/billing", 74)]),
            key("team", 5, &TEAMS.map(|(team, n, _)| (team, n))),
        ],
    }
}

fn detail() -> Detail {
    let value = |name: &str, n: u64, median: f64, inside: f64, outside: f64| ValueDetail {
        value: name.to_owned(),
        n,
        quantiles: quantiles(n, median * HOUR, 1.2),
        outcomes: Outcomes::default(),
        share_inside: Some(inside),
        share_outside: Some(outside),
        contrast: Some((inside - outside) / (inside + outside)),
    };
    let stratum = |name: &str, n: (u64, u64), p50: (f64, f64), effect: Option<f64>| Stratum {
        value: name.to_owned(),
        n_with: n.0,
        n_without: n.1,
        with: Some(p50.0 * HOUR),
        without: Some(p50.1 * HOUR),
        effect,
    };
    Detail {
        basis: basis(Kind::Issue),
        key: "deploy.type".to_owned(),
        selection: latency().selection,
        values: vec![
            value("immutable", 240, 13.0, 0.11, 0.43),
            value("mutable", 188, 34.0, 0.74, 0.26),
            value("(none)", 176, 16.0, 0.15, 0.31),
        ],
        total_values: 3,
        value: Some("mutable".to_owned()),
        strata: vec![
            Stratification {
                key: "language".to_owned(),
                crude: 0.41,
                adjusted: Some(0.17),
                levels: vec![
                    stratum("python", (96, 145), (61.0, 16.0), Some(0.6)),
                    stratum("go", (40, 138), (12.0, 11.0), Some(0.05)),
                    stratum("typescript", (50, 81), (14.0, 15.0), Some(-0.04)),
                    stratum("rust", (2, 52), (11.0, 13.0), None),
                ],
            },
            Stratification {
                key: "team".to_owned(),
                crude: 0.41,
                adjusted: Some(0.38),
                levels: vec![
                    stratum("web", (40, 131), (19.0, 10.0), Some(0.33)),
                    stratum("billing", (77, 44), (52.0, 20.0), Some(0.44)),
                ],
            },
        ],
    }
}

fn row(title: &str, number: u32, days: f64) -> ItemRow {
    let key: Key = format!("github:github.com/acme/billing/issue/{number}").parse().unwrap();
    let closed = now().plus(-i64::from(number) * 3_600_000_000);
    ItemRow {
        url: Some(format!("https://github.com/acme/billing/issues/{number}")),
        trace_id: crate::work::ids::TraceId::of(&key).to_string(),
        key,
        title: Some(title.to_owned()),
        opened: Some(At(closed.plus(-(days * D * 1e6) as i64))),
        closed: Some(At(closed)),
        seconds: Some(days * D),
        outcome: Some("completed".to_owned()),
        reopened: u32::from(number == 655),
        waiting: None,
        tags: BTreeMap::from([
            ("deploy.type".to_owned(), vec!["mutable".to_owned()]),
            ("language".to_owned(), vec!["python".to_owned()]),
            ("team".to_owned(), vec!["billing".to_owned(), "payments".to_owned()]),
            ("label".to_owned(), vec!["bug".to_owned()]),
        ]),
    }
}

fn items() -> Items {
    Items {
        basis: basis(Kind::Issue),
        items: vec![
            row(
                "Invoices are rounded twice when a credit note is attached to a partly paid order",
                612,
                38.2,
            ),
            row("Flaky login on Safari", 655, 21.0),
            row("Export of 10,000 rows times out", 240, 12.4),
            row("Dunning mail in the wrong language", 119, 9.1),
            row("Ledger migration", 77, 6.0),
        ],
        total: 61,
        next_cursor: Some("5".to_owned()),
    }
}

fn trace() -> Trace {
    let start = Time::parse("2026-05-04T09:00:00Z").unwrap();
    let at = |hours: f64| At(start.plus((hours * 3.6e9) as i64));
    let span = |key: &str, depth, from: f64, to: Option<f64>, title: &str, outcome: &str| {
        let key: Key = key.parse().unwrap();
        TraceSpan {
            name: key.kind().to_string(),
            kind: key.kind(),
            url: Some(format!("https://{}/{}", key.host(), key.project())),
            key,
            episode: 0,
            step: None,
            stage: None,
            depth,
            title: Some(title.to_owned()),
            start: Some(at(from)),
            end: to.map(at),
            seconds: Some((to.unwrap_or(80.0) - from) * HOUR),
            outcome: to.map(|_| outcome.to_owned()),
            error: outcome == "failure",
            queued_seconds: None,
            events: Vec::new(),
            links: Vec::new(),
        }
    };
    let mut change =
        span("github:github.com/acme/billing/pull_request/815", 1, 8.0, Some(51.0), "Round once", "merged");
    change.events = vec![
        TraceEvent { at: at(9.0), name: "review_requested".to_owned(), detail: None },
        TraceEvent { at: at(44.0), name: "reviewed".to_owned(), detail: Some("approved".to_owned()) },
    ];
    let mut build = span("github:github.com/acme/billing/build/500.1", 2, 8.6, Some(9.4), "ci", "failure");
    build.queued_seconds = Some(0.5 * HOUR);
    let mut step =
        span("github:github.com/acme/billing/job/9001", 4, 8.8, Some(9.3), "Run pytest", "failure");
    (step.step, step.name) = (Some(2), "step".to_owned());
    let other = |number, from, to, title: &str| {
        let job = span("github:github.com/acme/billing/job/9001", 4, from, Some(to), title, "success");
        TraceSpan { step: Some(number), name: "step".to_owned(), ..job }
    };
    let (before, after) = (other(1, 8.72, 8.78, "Check out"), other(3, 9.31, 9.34, "Upload"));
    let mut deploy = span(
        "jenkins:ci.example.org/deploy/billing/deploy/33",
        2,
        71.0,
        Some(74.0),
        "deploy: billing to production",
        "success",
    );
    let ships = "github:github.com/acme/billing/pull_request/816".parse().unwrap();
    deploy.links = vec![TraceLink { relation: "ships".to_owned(), key: ships }];
    let stage = |name: &str, from: f64, to: Option<f64>, title: Option<&str>| {
        let of = span("github:github.com/acme/billing/pull_request/815", 2, from, to, "", "");
        TraceSpan {
            name: format!("pull_request.{name}"),
            stage: Some(name.to_owned()),
            title: title.map(str::to_owned),
            url: None,
            outcome: None,
            ..of
        }
    };
    Trace {
        trace_id: "dc165dd78f4a17ba2b0f38d1fd61fa6d".to_owned(),
        root: "github:github.com/acme/billing/issue/812".parse().unwrap(),
        title: Some("Invoices are rounded twice".to_owned()),
        from: Some(at(0.0)),
        to: Some(at(80.0)),
        backend_url: Some("https://jaeger.example.org/trace/dc165dd78f4a17ba2b0f38d1fd61fa6d".to_owned()),
        tags: BTreeMap::from([
            ("deploy.type".to_owned(), vec!["mutable".to_owned()]),
            ("language".to_owned(), vec!["python".to_owned()]),
            ("team".to_owned(), vec!["billing".to_owned()]),
        ]),
        spans: vec![
            span(
                "github:github.com/acme/billing/issue/812",
                0,
                0.0,
                Some(76.0),
                "Invoices are rounded twice",
                "completed",
            ),
            change,
            stage("pickup", 8.0, Some(44.0), None),
            stage("review", 44.0, Some(51.0), None),
            stage("deploy", 51.0, Some(74.0), Some("billing to production")),
            build,
            span("github:github.com/acme/billing/job/9001", 3, 8.7, Some(9.35), "test", "failure"),
            before,
            step,
            after,
            span("github:github.com/acme/billing/build/500.2", 2, 30.0, Some(31.0), "ci", "success"),
            deploy,
            span(
                "jenkins:ci.example.org/deploy/billing/deploy/34",
                2,
                79.0,
                None,
                "deploy: billing to production",
                "",
            ),
        ],
        waits: vec![
            Wait { from: at(0.0), to: at(8.0), seconds: 8.0 * HOUR },
            Wait { from: at(51.0), to: at(71.0), seconds: 20.0 * HOUR },
        ],
        omitted: 12,
    }
}

/// All of it.
pub(crate) fn reports() -> Reports {
    Reports {
        summary: summary(),
        latency: latency(),
        correlations: correlations(),
        failures: failures(),
        groups: groups(),
        trend: trend(false),
        by_group: trend(true),
        services: services(),
        stages: stages(),
        wip: wip(),
        stuck: stuck(),
        quality: quality(),
        tags: tags(),
        detail: detail(),
        items: items(),
        trace: trace(),
    }
}
