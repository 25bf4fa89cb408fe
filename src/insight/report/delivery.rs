//! How delivery goes as a whole: the summary, DORA's five, stages, work in progress, data quality.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{At, Basis, Quantiles};
use crate::insight::query::{Interval, Tier};

/// `GET /api/v1/summary`: the cards of the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// What it is about.
    pub basis: Basis,
    /// Issue lead time and delivery time, DORA's five, the deploy failure rate.
    pub cards: Vec<Metric>,
    /// Finished items by kind, in the range, of every kind; what was left out of latency because its
    /// beginning is not known is among them.
    pub finished: BTreeMap<crate::work::key::Kind, u64>,
    /// Open items by kind, now.
    pub open: BTreeMap<crate::work::key::Kind, u64>,
}

/// One figure, with everything needed to believe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Metric {
    /// Which.
    pub name: MetricName,
    /// The figure; null where there is no data.
    pub value: Option<f64>,
    /// What it is in.
    pub unit: Unit,
    /// Of times, the ninetieth percentile.
    pub p90: Option<f64>,
    /// How many items it is of.
    pub n: u64,
    /// Of how many it could have been: what is missing is not known, not zero. Of rates, aborted
    /// deployments are missing; of lead time, changes merged in the range that are in no deployment
    /// yet; of recovery, what is unresolved.
    pub of: u64,
    /// The figure of the period before, of the same length.
    pub previous: Option<f64>,
    /// The figure over time, oldest first, in 12 to 26 equal slices of the range; null where there was
    /// nothing.
    pub sparkline: Vec<Option<f64>>,
    /// Failures that are not recovered yet (recovery time only).
    pub unresolved: Option<u64>,
    /// How it is computed, in one sentence.
    pub definition: String,
    /// What to know before using it, such as which start was taken.
    pub notes: Vec<String>,
}

/// Which figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MetricName {
    /// Creation to last close of issues.
    IssueLeadTime,
    /// Creation of an issue to the first successful production deployment after its last linked merge.
    DeliveryTime,
    /// Successful production deployments a day.
    DeploymentFrequency,
    /// Commit (or opening of the pull request) to production.
    LeadTimeForChanges,
    /// Share of production deployments that had to be put right.
    ChangeFailureRate,
    /// Median time from a failed deployment to the service being right again.
    FailedDeploymentRecoveryTime,
    /// Share of production deployments that put an earlier one right.
    ReworkRate,
    /// Share of deployments that failed.
    DeployFailureRate,
}

/// What a figure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share, 0 to 1.
    Share,
    /// So many a day.
    PerDay,
}

/// `GET /api/v1/dora`: DORA's five, and the deploy failure rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dora {
    /// What it is about.
    pub basis: Basis,
    /// The metrics.
    pub metrics: Vec<Metric>,
    /// Per service and environment.
    pub services: Vec<ServiceDora>,
}

/// A service in an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ServiceDora {
    /// The service: the repository that is deployed, or the deploying job.
    pub service: String,
    /// What of it is deployed, in the sender's words: a repository can hold several services.
    pub name: String,
    /// The environment.
    pub environment: String,
    /// Its tier.
    pub tier: Tier,
    /// Ended in the range, aborted ones included.
    pub deployments: u64,
    /// Of these, successful ones.
    pub succeeded: u64,
    /// Of these, failed ones.
    pub failed: u64,
    /// Of the successful ones, how many had to be put right.
    pub change_failures: u64,
    /// Changes that arrived here first, and whose lead time is known.
    pub changes: u64,
    /// Their median lead time.
    pub lead_time_p50_seconds: Option<f64>,
    /// When the last one ended.
    pub last: Option<At>,
}

/// `GET /api/v1/stages`: where the time goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stages {
    /// What it is about.
    pub basis: Basis,
    /// The stages, in the order of a delivery.
    pub stages: Vec<Stage>,
    /// Pull requests merged without a review by a human who is not the author.
    pub merged_unreviewed: u64,
    /// Pull requests merged.
    pub merged: u64,
    /// Pull requests closed without a merge.
    pub abandoned: u64,
    /// Coding and review of coding, pickup, review and deploy, in all pull requests of which pickup,
    /// review and deploy are known; coding where it is known. Builds run beside these.
    pub flow_efficiency: Option<f64>,
    /// Of how many pull requests the flow efficiency is.
    pub flow_n: u64,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stage {
    /// Which.
    pub stage: StageName,
    /// Whether somebody works in it, or something waits.
    pub active: bool,
    /// Its distribution; null where it is known of no item.
    pub quantiles: Option<Quantiles>,
    /// All of it, in seconds.
    pub total_seconds: f64,
    /// Items of which it is known.
    pub n: u64,
    /// Items of which it could be known.
    pub of: u64,
    /// Intervals in the wrong order, left out.
    pub wrong_order: u64,
    /// How it is computed, in one sentence.
    pub definition: String,
}

/// Which stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    /// Creation of an issue to the first comment by a human who is not the author.
    FirstResponse,
    /// First commit to ready for review.
    Coding,
    /// Ready for review to the first review by a human who is not the author.
    Pickup,
    /// First review to merge.
    Review,
    /// Last approval by a human who is not the author to merge: a part of the review.
    Merge,
    /// Merge to the end of the first successful production deployment with it.
    Deploy,
    /// A build asked for until it starts.
    BuildQueue,
    /// A build's start until its end.
    BuildRun,
}

/// `GET /api/v1/pull-requests`: how pull requests fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PullRequests {
    /// What it is about.
    pub basis: Basis,
    /// How wide an interval is.
    pub interval: Interval,
    /// One for each interval and repository in which a pull request ended, in this order.
    pub rows: Vec<PullRequestRow>,
}

/// The pull requests of a repository that ended in a day, a week (from Monday) or a month, in UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PullRequestRow {
    /// When the interval begins.
    pub from: At,
    /// The forge's host.
    pub host: String,
    /// The repository's owner, with the groups that it is in; empty if its name has none.
    pub owner: String,
    /// The repository's name.
    pub repo: String,
    /// Pull requests merged, or closed without a merge.
    pub total: u64,
    /// Pull requests merged. All means below are of these.
    pub merged: u64,
    /// Merged of all, 0 to 1.
    pub merge_ratio: f64,
    /// Lines added and deleted.
    pub lines: Mean,
    /// Opening to merge, in seconds.
    pub duration_seconds: Mean,
    /// The same for each line changed; without those that change none.
    pub seconds_per_line: Mean,
    /// The same for each comment; without those that have none.
    pub seconds_per_comment: Mean,
    /// Comments, in the conversation and on lines.
    pub comments: Mean,
    /// Opening to merge of all that were merged in this repository from the beginning of the range to
    /// the end of the interval.
    pub running: Option<Quantiles>,
}

/// An arithmetic mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mean {
    /// How many pull requests it is of: those of which it is known.
    pub n: u64,
    /// The mean; null if it is of none.
    pub mean: Option<f64>,
}

/// `GET /api/v1/wip`: what is open now, and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Wip {
    /// What it is about; the range does not count, since it is about now.
    pub basis: Basis,
    /// Each kind of which something is open.
    pub kinds: Vec<WipKind>,
    /// Open items of the kind asked for, the oldest first.
    pub oldest: Vec<super::ItemRow>,
}

/// Open items of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WipKind {
    /// The kind.
    pub kind: crate::work::key::Kind,
    /// How many.
    pub n: u64,
    /// Their age, of those whose opening is known.
    pub age: Option<Quantiles>,
    /// Their age in bands.
    pub bands: Vec<AgeBand>,
}

/// Open items of some age.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgeBand {
    /// From this age in seconds, inclusive.
    pub from_seconds: f64,
    /// To this age, exclusive; null for the last band.
    pub to_seconds: Option<f64>,
    /// How many.
    pub n: u64,
}

/// `GET /api/v1/stuck`: what has been open for longer than `insight.stuck_after` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Stuck {
    /// What it is about; neither the kind nor the range counts, since it is about all that is open now.
    pub basis: Basis,
    /// Each kind that can be stuck.
    pub kinds: Vec<StuckKind>,
    /// The oldest stuck items of each kind, at most `limit` of it; of all kinds the oldest first.
    pub items: Vec<super::ItemRow>,
    /// How many there are.
    pub total: u64,
    /// How many have each value of `group`, the most first, at most `limit`; empty if it is not given.
    pub groups: Vec<StuckGroup>,
    /// How many values there are.
    pub total_groups: u64,
    /// What they can be sliced by.
    pub keys: Vec<super::TagKey>,
}

/// Stuck items, of all kinds, with one value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StuckGroup {
    /// The value, or `(none)`.
    pub value: String,
    /// How many have it.
    pub n: u64,
    /// The age of the oldest.
    pub oldest_seconds: Option<f64>,
}

/// Stuck items of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StuckKind {
    /// The kind.
    pub kind: crate::work::key::Kind,
    /// After how long open an item of it counts as stuck.
    pub after_seconds: f64,
    /// How many are.
    pub n: u64,
    /// The age of the oldest of them.
    pub oldest_seconds: Option<f64>,
}

/// `GET /api/v1/quality`: how far the data can be believed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quality {
    /// What it is about.
    pub basis: Basis,
    /// Deploys that ended in the range.
    pub deploys: u64,
    /// Of these, without a pull request or an issue above them or linked.
    pub unlinked_deploys: u64,
    /// Pull requests merged in the range.
    pub merged: u64,
    /// Of these, without an issue.
    pub merged_without_issue: u64,
    /// Builds that ended in the range.
    pub builds: u64,
    /// Of these, without a pull request or an issue.
    pub unlinked_builds: u64,
    /// Ended items whose beginning is not known.
    pub start_unknown: u64,
    /// Ended items whose interval was negative or absurd.
    pub clamped: u64,
    /// Deployments whose environment belongs to no tier.
    pub untiered_deploys: u64,
    /// Share of ended items of the kind that have each key of tags, and each other key that any of
    /// them has; empty if none ended.
    pub tag_coverage: BTreeMap<String, f64>,
    /// Keys of tags that senders gave and that nothing is sliced by, since there are more than 64 of
    /// them that the configuration does not name.
    pub unsliced_tag_keys: u64,
    /// Deliveries that could not be understood and wait to be dealt with.
    pub quarantined: u64,
    /// Spans that a backend refused for good and that wait to be dealt with.
    pub rejected_exports: u64,
    /// Spans that wait to be sent.
    pub outbox: u64,
    /// When each source was last heard of.
    #[schema(value_type = BTreeMap<crate::work::key::Source, Option<String>>)]
    pub last_delivery: BTreeMap<crate::work::key::Source, Option<At>>,
}
