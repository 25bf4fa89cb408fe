//! Each report in rows. As CSV the first table counts.

use super::asking::Tell;
use super::sheet::{Cell, Sheet, Told};
use crate::insight::format;
use crate::insight::query::Tier;
use crate::insight::report::{
    Basis, Dora, Groups, ItemRow, Items, Latency, Metric, Outcomes, PullRequestRow, PullRequests, Quality,
    Quantiles, Stages, Stuck, Summary, TagKeys, Trend, Unit, Wip,
};
use crate::work::key::Kind;

/// What a report is about, on one line.
pub(super) fn about(basis: &Basis) -> String {
    let mut text = format!("{} that ended from {} to {}", format::many(basis.kind), basis.from.0, basis.to.0);
    for filter in &basis.filters {
        text.push_str(&format!(", {filter}"));
    }
    if basis.tier != Tier::Production {
        text.push_str(&format!(", tier {}", written(&basis.tier)));
    }
    if basis.behind > 0 {
        text.push_str(&format!("; the latest change of {} items is not in it yet", basis.behind));
    }
    text
}

fn written(word: &impl serde::Serialize) -> String {
    serde_json::to_value(word).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn own(text: impl Into<String>) -> Cell {
    Cell::Own(text.into())
}

const SPREAD: [&str; 5] = ["p50_seconds", "p75_seconds", "p90_seconds", "p95_seconds", "mean_seconds"];

fn spread(quantiles: Option<&Quantiles>) -> [Cell; 5] {
    let one = |of: fn(&Quantiles) -> f64| Cell::Seconds(quantiles.map(of));
    [
        one(|q| q.p50_seconds),
        one(|q| q.p75_seconds),
        one(|q| q.p90_seconds),
        one(|q| q.p95_seconds),
        one(|q| q.mean_seconds),
    ]
}

fn outcomes(outcomes: Outcomes) -> [Cell; 3] {
    [Cell::Count(outcomes.failed), Cell::Count(outcomes.succeeded), Cell::Share(outcomes.failure_rate())]
}

fn metrics<'a>(metrics: impl IntoIterator<Item = &'a Metric>) -> Sheet {
    let in_unit = |unit, value| match unit {
        Unit::Seconds => Cell::Seconds(value),
        Unit::Share => Cell::Share(value),
        Unit::PerDay => Cell::Number(value),
    };
    let row = |metric: &Metric| {
        let mut notes = metric.notes.clone();
        notes.extend(metric.unresolved.filter(|n| *n > 0).map(|n| format!("{n} not recovered yet")));
        vec![
            Cell::word(&metric.name),
            in_unit(metric.unit, metric.value),
            Cell::word(&metric.unit),
            in_unit(metric.unit, metric.p90),
            in_unit(metric.unit, metric.previous),
            Cell::Count(metric.n),
            Cell::Count(metric.of),
            own(notes.join("; ")),
        ]
    };
    Sheet {
        head: vec!["metric", "value", "unit", "p90", "previous", "n", "of", "notes"],
        rows: metrics.into_iter().map(row).collect(),
    }
}

impl Tell for Summary {
    fn tell(&self) -> Told {
        let kinds = Kind::ALL
            .into_iter()
            .filter(|kind| self.finished.contains_key(kind) || self.open.contains_key(kind));
        let row = |kind: Kind| {
            let of = |counts: &std::collections::BTreeMap<Kind, u64>| {
                Cell::Count(counts.get(&kind).copied().unwrap_or_default())
            };
            vec![own(kind.as_str()), of(&self.finished), of(&self.open)]
        };
        let counts = Sheet { head: vec!["kind", "finished", "open"], rows: kinds.map(row).collect() };
        Told {
            before: vec![about(&self.basis)],
            sheets: vec![metrics(&self.cards), counts],
            after: Vec::new(),
        }
    }
}

impl Tell for Latency {
    fn tell(&self) -> Told {
        let row = |q: &Quantiles| {
            let lengths = [
                q.mean_seconds,
                q.min_seconds,
                q.p10_seconds,
                q.p25_seconds,
                q.p50_seconds,
                q.p75_seconds,
                q.p90_seconds,
                q.p95_seconds,
                q.p99_seconds,
                q.max_seconds,
            ];
            let mut row = vec![Cell::Count(q.n)];
            row.extend(lengths.map(|seconds| Cell::Seconds(Some(seconds))));
            row.extend(outcomes(self.outcomes));
            row
        };
        let quantiles = Sheet {
            head: vec![
                "n",
                "mean_seconds",
                "min_seconds",
                "p10_seconds",
                "p25_seconds",
                "p50_seconds",
                "p75_seconds",
                "p90_seconds",
                "p95_seconds",
                "p99_seconds",
                "max_seconds",
                "failed",
                "succeeded",
                "failure_rate",
            ],
            rows: self.quantiles.iter().map(row).collect(),
        };
        let bin = |bin: &crate::insight::report::Bin| {
            vec![
                Cell::Seconds(Some(bin.from_seconds)),
                Cell::Seconds(Some(bin.to_seconds)),
                Cell::Count(bin.n),
                Cell::Count(bin.overlay),
            ]
        };
        let bins = Sheet {
            head: vec!["from_seconds", "to_seconds", "n", "overlay"],
            rows: self.histogram.iter().map(bin).collect(),
        };
        let mut after = Vec::new();
        if self.quantiles.is_none() {
            after.push("nothing ended in this range".to_owned());
        }
        if let Some(selection) = &self.selection {
            let (from, to) =
                (format::duration(selection.from_seconds), format::duration(selection.to_seconds));
            after.push(format!("selected: {} of {from} to {to}", selection.n));
        }
        let left = self.left_out;
        after.push(format!(
            "left out: {} whose beginning is not known, {} with an absurd interval, {} by outcome",
            left.start_unknown, left.clamped, left.outcome
        ));
        Told { before: vec![about(&self.basis)], sheets: vec![quantiles, bins], after }
    }
}

impl Tell for Groups {
    fn tell(&self) -> Told {
        let row = |group: &crate::insight::report::Group| {
            let mut row =
                vec![Cell::text(Some(&group.value)), Cell::Count(group.n), Cell::Share(Some(group.share))];
            row.extend(spread(Some(&group.quantiles)));
            row.extend(outcomes(group.outcomes));
            row
        };
        let head = [&["value", "n", "share"][..], &SPREAD, &["failed", "succeeded", "failure_rate"]].concat();
        let hidden = self.total_groups.saturating_sub(self.groups.len() as u64);
        Told {
            before: vec![format!("{}, by {}", about(&self.basis), self.key)],
            sheets: vec![Sheet { head, rows: self.groups.iter().map(row).collect() }],
            after: (hidden > 0)
                .then(|| format!("{hidden} more groups: --limit shows them"))
                .into_iter()
                .collect(),
        }
    }
}

impl Tell for Trend {
    fn tell(&self) -> Told {
        let row = |value: Option<&str>, point: &crate::insight::report::Point| {
            let mut row = vec![
                value.map_or_else(|| own("(all)"), |value| Cell::text(Some(value))),
                Cell::When(Some(point.from)),
                Cell::Count(point.n),
                Cell::Seconds(point.p50_seconds),
                Cell::Seconds(point.p90_seconds),
            ];
            row.extend(outcomes(point.outcomes));
            row
        };
        let series = self.series.iter();
        let rows = series
            .flat_map(|series| series.points.iter().map(move |point| row(series.value.as_deref(), point)));
        let head =
            vec!["value", "from", "n", "p50_seconds", "p90_seconds", "failed", "succeeded", "failure_rate"];
        Told {
            before: vec![format!("{}, by {}", about(&self.basis), written(&self.interval))],
            sheets: vec![Sheet { head, rows: rows.collect() }],
            after: Vec::new(),
        }
    }
}

impl Tell for Dora {
    fn tell(&self) -> Told {
        let row = |service: &crate::insight::report::ServiceDora| {
            vec![
                Cell::text(Some(&service.service)),
                Cell::text(Some(&service.name)),
                Cell::text(Some(&service.environment)),
                Cell::word(&service.tier),
                Cell::Count(service.deployments),
                Cell::Count(service.failed),
                Cell::Count(service.change_failures),
                Cell::Count(service.changes),
                Cell::Seconds(service.lead_time_p50_seconds),
                Cell::When(service.last),
            ]
        };
        let services = Sheet {
            head: vec![
                "service",
                "name",
                "environment",
                "tier",
                "deployments",
                "failed",
                "change_failures",
                "changes",
                "lead_time_p50_seconds",
                "last",
            ],
            rows: self.services.iter().map(row).collect(),
        };
        Told {
            before: vec![about(&self.basis)],
            sheets: vec![metrics(&self.metrics), services],
            after: Vec::new(),
        }
    }
}

impl Tell for Stages {
    fn tell(&self) -> Told {
        let row = |stage: &crate::insight::report::Stage| {
            let mut row = vec![
                Cell::word(&stage.stage),
                own(if stage.active { "active" } else { "waiting" }),
                Cell::Count(stage.n),
                Cell::Count(stage.of),
            ];
            row.extend(spread(stage.quantiles.as_ref()));
            row.extend([Cell::Seconds(Some(stage.total_seconds)), Cell::Count(stage.wrong_order)]);
            row
        };
        let head = [&["stage", "time", "n", "of"][..], &SPREAD, &["total_seconds", "wrong_order"]].concat();
        let mut after = vec![format!(
            "{} pull requests merged, {} of them without a review; {} closed without a merge",
            self.merged, self.merged_unreviewed, self.abandoned
        )];
        if let Some(efficiency) = self.flow_efficiency {
            after.push(format!(
                "flow efficiency {} of {} pull requests",
                format::share(efficiency),
                self.flow_n
            ));
        }
        let sheet = Sheet { head, rows: self.stages.iter().map(row).collect() };
        Told { before: vec![about(&self.basis)], sheets: vec![sheet], after }
    }
}

/// The columns of the original ValueStream's report, by its names and in its units.
impl Tell for PullRequests {
    fn tell(&self) -> Told {
        const HOUR: f64 = 3_600.0;
        let row = |row: &PullRequestRow| {
            let day = format::date(row.from.0);
            let running = |of: fn(&Quantiles) -> f64| Cell::Number(row.running.as_ref().map(of).map(hours));
            vec![
                Cell::Text(format!("{day}_{}|{}", row.owner, row.repo)),
                own(&*day),
                Cell::Count(row.from.0.micros().unsigned_abs() / 1_000_000),
                Cell::text(Some(&row.owner)),
                Cell::text(Some(&row.repo)),
                Cell::Count(row.total),
                Cell::Count(row.merged),
                Cell::Number(Some(row.merge_ratio)),
                Cell::Number(row.lines.mean),
                Cell::Number(row.duration_seconds.mean.map(hours)),
                Cell::Number(row.seconds_per_line.mean),
                Cell::Number(row.seconds_per_comment.mean),
                Cell::Number(row.comments.mean),
                running(|q| q.p50_seconds),
                running(|q| q.p95_seconds),
                running(|q| q.p99_seconds),
            ]
        };
        fn hours(seconds: f64) -> f64 {
            seconds / HOUR
        }
        let head = vec![
            "Key",
            "Interval",
            "UnixTime",
            "Owner",
            "Repo",
            "TotalPullRequests",
            "NumMerged",
            "MergeRatio",
            "AvgTotalLinesChanged",
            "AvgDurationHours",
            "AvgDurationSecondsPerLine",
            "AvgDurationSecondsPerComment",
            "AvgNumberOfComments",
            "DurationP50RunningHours",
            "DurationP95RunningHours",
            "DurationP99RunningHours",
        ];
        let nothing = self.rows.is_empty().then(|| "no pull request ended in this range".to_owned());
        Told {
            before: vec![format!("{}, by {} and repository", about(&self.basis), written(&self.interval))],
            sheets: vec![Sheet { head, rows: self.rows.iter().map(row).collect() }],
            after: nothing.into_iter().collect(),
        }
    }
}

fn items(rows: &[ItemRow]) -> Sheet {
    let tags = |row: &ItemRow| {
        let tags = row.tags.iter().map(|(key, values)| format!("{key}={}", values.join(",")));
        tags.collect::<Vec<_>>().join(" ")
    };
    let row = |row: &ItemRow| {
        vec![
            own(row.key.as_str()),
            Cell::text(row.title.as_deref()),
            Cell::Seconds(row.seconds),
            Cell::When(row.opened),
            Cell::When(row.closed),
            Cell::text(row.outcome.as_deref()),
            Cell::Count(row.reopened.into()),
            Cell::Text(tags(row)),
            own(&*row.trace_id),
        ]
    };
    Sheet {
        head: vec![
            "key",
            "title",
            "took_seconds",
            "opened",
            "closed",
            "outcome",
            "reopened",
            "tags",
            "trace_id",
        ],
        rows: rows.iter().map(row).collect(),
    }
}

impl Tell for Wip {
    fn tell(&self) -> Told {
        let row = |kind: &crate::insight::report::WipKind| {
            let mut row = vec![own(kind.kind.as_str()), Cell::Count(kind.n)];
            row.extend(spread(kind.age.as_ref()));
            row
        };
        let kinds = Sheet {
            head: [&["kind", "open"][..], &SPREAD].concat(),
            rows: self.kinds.iter().map(row).collect(),
        };
        let nothing = self.kinds.is_empty().then(|| "nothing is open".to_owned());
        Told {
            before: vec![format!(
                "open at {}, and for how long; the oldest {} below",
                self.basis.as_of.0,
                format::many(self.basis.kind)
            )],
            sheets: vec![kinds, items(&self.oldest)],
            after: nothing.into_iter().collect(),
        }
    }
}

impl Tell for Stuck {
    fn tell(&self) -> Told {
        let row = |kind: &crate::insight::report::StuckKind| {
            vec![
                own(kind.kind.as_str()),
                Cell::Count(kind.n),
                Cell::Seconds(Some(kind.after_seconds)),
                Cell::Seconds(kind.oldest_seconds),
            ]
        };
        let kinds = Sheet {
            head: vec!["kind", "stuck", "after_seconds", "oldest_seconds"],
            rows: self.kinds.iter().map(row).collect(),
        };
        let group = |group: &crate::insight::report::StuckGroup| {
            vec![Cell::text(Some(&group.value)), Cell::Count(group.n), Cell::Seconds(group.oldest_seconds)]
        };
        let groups = (!self.groups.is_empty()).then(|| Sheet {
            head: vec!["value", "stuck", "oldest_seconds"],
            rows: self.groups.iter().map(group).collect(),
        });
        let mut open = items(&self.items);
        open.head.push("waits_in");
        for (cells, item) in open.rows.iter_mut().zip(&self.items) {
            cells.push(Cell::Text(item.waiting.as_ref().map(format::waits_in).unwrap_or_default()));
        }
        let shown = (self.items.len() as u64) < self.total;
        let more = if shown { ": --limit shows more of each kind" } else { "" };
        Told {
            before: vec![format!("open at {} for too long, the oldest first", self.basis.as_of.0)],
            sheets: [open, kinds].into_iter().chain(groups).collect(),
            after: vec![format!("{} of {}{more}", self.items.len(), self.total)],
        }
    }
}

impl Tell for Items {
    fn tell(&self) -> Told {
        let mut after = vec![format!("{} of {}", self.items.len(), self.total)];
        after.extend(self.next_cursor.as_ref().map(|cursor| format!("the next ones: --cursor '{cursor}'")));
        Told { before: vec![about(&self.basis)], sheets: vec![items(&self.items)], after }
    }
}

impl Tell for TagKeys {
    fn tell(&self) -> Told {
        let row = |key: &crate::insight::report::TagKey| {
            let values = key.values.iter().map(|value| format!("{} ({})", value.value, value.n));
            vec![
                Cell::text(Some(&key.key)),
                Cell::Count(key.distinct),
                Cell::Count(key.n),
                Cell::Text(values.collect::<Vec<_>>().join(", ")),
            ]
        };
        let sheet =
            Sheet { head: vec!["key", "distinct", "n", "values"], rows: self.keys.iter().map(row).collect() };
        Told { before: vec![about(&self.basis)], sheets: vec![sheet], after: Vec::new() }
    }
}

impl Tell for Quality {
    fn tell(&self) -> Told {
        let counts = [
            ("deploys without a change", self.unlinked_deploys, Some(self.deploys)),
            ("pull requests merged without an issue", self.merged_without_issue, Some(self.merged)),
            ("builds without a pull request or an issue", self.unlinked_builds, Some(self.builds)),
            ("deploys to an environment of no tier", self.untiered_deploys, Some(self.deploys)),
            ("beginning not known", self.start_unknown, None),
            ("interval negative or absurd", self.clamped, None),
            ("keys of tags that nothing is sliced by", self.unsliced_tag_keys, None),
            ("deliveries in quarantine", self.quarantined, None),
            ("rejected exports", self.rejected_exports, None),
            ("spans waiting to be sent", self.outbox, None),
        ];
        let share = |n: u64, of: u64| (of > 0).then(|| n as f64 / of as f64);
        let count = |(what, n, of): (&str, u64, Option<u64>)| {
            let of_all = of.map_or(Cell::Unknown, Cell::Count);
            vec![own(what), Cell::Count(n), of_all, Cell::Share(of.and_then(|of| share(n, of)))]
        };
        let coverage = |(key, share): (&String, &f64)| vec![Cell::text(Some(key)), Cell::Share(Some(*share))];
        let heard = |(source, at): (&crate::work::key::Source, &Option<crate::insight::report::At>)| {
            vec![own(source.as_str()), Cell::When(*at)]
        };
        Told {
            before: vec![about(&self.basis)],
            sheets: vec![
                Sheet {
                    head: vec!["what", "n", "of", "share"],
                    rows: counts.into_iter().map(count).collect(),
                },
                Sheet {
                    head: vec!["key", "have_it"],
                    rows: self.tag_coverage.iter().map(coverage).collect(),
                },
                Sheet {
                    head: vec!["source", "last_heard_of"],
                    rows: self.last_delivery.iter().map(heard).collect(),
                },
            ],
            after: Vec::new(),
        }
    }
}
