//! One issue's life as plain data: its pull requests, builds and deploys, and the *beats*, the
//! moments at which a sender speaks of one of them. A story knows no numbers: those are given out
//! when the beats of all stories are merged, in the order of time, as the senders do.

mod trouble;

pub use self::trouble::{Incident, Why, title as incident_title};
use super::dice::SECOND;
use super::organisation::Repository;
use crate::work::time::Time;

/// One issue's life. Nothing in it happens after the end of the simulation.
#[derive(Clone, Debug)]
pub struct Story {
    /// Which issue of the simulation, from 0, in the order of opening.
    pub index: u32,
    /// Which repository; an index into [`super::organisation::Organisation::repositories`].
    pub repository: usize,
    /// The issue's title.
    pub title: String,
    /// Its labels, in the order in which they are added.
    pub labels: Vec<&'static str>,
    /// When it was opened.
    pub opened: Time,
    /// Who opened it, who works on it and who reviews, as members of the team. Never the same.
    pub cast: [usize; 3],
    /// The incidents that its deploys caused: issues of their own.
    pub incidents: Vec<Incident>,
    /// Its pull requests.
    pub pulls: Vec<Pull>,
    /// When each commit was made.
    pub commits: Vec<Time>,
    /// Its builds; every attempt is one.
    pub runs: Vec<Run>,
    /// Its deploys.
    pub deploys: Vec<Deploy>,
    /// What the senders say, in the order of time.
    pub beats: Vec<Beat>,
}

/// How a pull request names its issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mention {
    /// `Fixes #12`
    Fixes,
    /// `Closes acme/api#12`
    Closes,
    /// `Resolves: https://github.com/acme/api/issues/12`
    Resolves,
    /// `Part of vstrace-github-issue-api-12`: does not close it.
    Token,
    /// Only the branch begins with the issue's number.
    Branch,
}

/// A pull request.
#[derive(Clone, Debug)]
pub struct Pull {
    /// What it is for.
    pub why: Why,
    /// How it names the issue.
    pub mention: Mention,
    /// When it was opened.
    pub opened: Time,
    /// When it stopped being a draft, if it was one.
    pub ready: Option<Time>,
    /// What was pushed to its branch: when, and which commit. The first is the branch's first.
    pub heads: Vec<(Time, u16)>,
    /// The merge commit, if it is merged at last.
    pub merge: Option<u16>,
}

impl Pull {
    /// The place in [`Pull::heads`] of what the branch was at.
    pub fn head_at(&self, at: Time) -> usize {
        self.heads.iter().filter(|(pushed, _)| *pushed <= at).count().saturating_sub(1)
    }

    /// Whether it is a draft.
    pub fn is_draft(&self, at: Time) -> bool {
        self.ready.is_some_and(|ready| at < ready)
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Well.
    Success,
    /// Badly.
    Failure,
    /// Somebody stopped it.
    Stopped,
}

/// What is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A pull request's branch.
    Branch,
    /// The default branch after the merge.
    Main,
}

/// A build.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is built.
    pub of: Of,
    /// Which pull request it belongs to.
    pub pull: usize,
    /// The commit.
    pub commit: u16,
    /// The commit that the job had built before, which a freestyle job still tells when it starts.
    pub stale_commit: Option<u16>,
    /// For a further attempt, which run was the first.
    pub first: Option<usize>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// When it was asked for.
    pub created: Time,
    /// When it began.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// How it ended.
    pub result: Ended,
    /// The jobs of GitHub Actions; empty for Jenkins.
    pub jobs: Vec<Job>,
}

/// What a job does, which decides its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Builds and tests.
    Test,
    /// Looks at the style.
    Lint,
    /// Deploys.
    Deploy,
}

/// A job of GitHub Actions.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What it does.
    pub kind: JobKind,
    /// When it was queued.
    pub created: Time,
    /// When a runner took it.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// How it ended.
    pub result: Ended,
}

/// A deploy.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// Whose merge it ships.
    pub pull: usize,
    /// The merge commit.
    pub commit: u16,
    /// Where to.
    pub environment: &'static str,
    /// The run of GitHub Actions that deploys, if one does.
    pub run: Option<usize>,
    /// When it was asked for.
    pub created: Time,
    /// When it began.
    pub started: Time,
    /// When it ended.
    pub ended: Time,
    /// How it ended.
    pub result: Ended,
}

/// A moment at which a sender speaks.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// When, by the sender's clock.
    pub at: Time,
    /// Of what.
    pub act: Act,
}

/// What a sender speaks of. Numbers are indexes into the story's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The issue.
    Issue(IssueAct),
    /// An incident: its place among the story's.
    Incident(usize, IssueAct),
    /// A push to a pull request's branch: the place in its heads.
    Push(usize, usize),
    /// The push of a merge to the default branch.
    MergePush(usize),
    /// A pull request.
    Pull(usize, PullAct),
    /// A run of GitHub Actions.
    Run(usize, RunPhase),
    /// A job of such a run: run, job.
    Job(usize, usize, RunPhase),
    /// A build by Jenkins.
    Jenkins(usize, JenkinsPhase),
    /// A deployment on GitHub.
    Deployment(usize),
    /// The status of a deployment on GitHub: under way if not final.
    DeploymentStatus(usize, bool),
    /// A deploy by Jenkins.
    JenkinsDeploy(usize, JenkinsPhase),
}

/// What happens to an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueAct {
    /// It is opened.
    Opened,
    /// It gets the label at that place.
    Labeled(usize),
    /// The one who will do it is named.
    Assigned,
    /// It is closed for that reason.
    Closed(Reason),
    /// It is opened again.
    Reopened,
}

/// Why an issue is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was done.
    Completed,
    /// It will not be done.
    NotPlanned,
    /// Another one stands for it.
    Duplicate,
}

impl Reason {
    /// GitHub's `state_reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Completed => "completed",
            Reason::NotPlanned => "not_planned",
            Reason::Duplicate => "duplicate",
        }
    }
}

/// What happens to a pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullAct {
    /// It is opened.
    Opened,
    /// It stops being a draft.
    ReadyForReview,
    /// A review is asked for.
    ReviewRequested,
    /// The push at that place of its heads reached it.
    Synchronize(usize),
    /// It is reviewed.
    Reviewed(Verdict),
    /// It is merged.
    Merged,
    /// It is closed unmerged.
    Closed,
}

/// What a review says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something, but no decision.
    Commented,
    /// No.
    ChangesRequested,
    /// Yes.
    Approved,
}

impl Verdict {
    /// GitHub's `review.state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Commented => "commented",
            Verdict::ChangesRequested => "changes_requested",
            Verdict::Approved => "approved",
        }
    }
}

/// How far a run or a job of GitHub Actions is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunPhase {
    /// `requested` of a run, `queued` of a job.
    Asked,
    /// `in_progress`.
    Running,
    /// `completed`.
    Done,
}

/// How far a Jenkins build is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JenkinsPhase {
    /// Sent together with `Started`, but tells when the build was queued.
    Queued,
    /// It begins.
    Started,
    /// It has ended.
    Completed,
    /// It is cleaned up.
    Finalized,
}

impl Story {
    /// From when to when each episode of the issue lasted; `None` while it is open.
    pub fn episodes(&self) -> Vec<(Time, Option<(Time, Reason)>)> {
        let mut episodes = Vec::new();
        for beat in &self.beats {
            match beat.act {
                Act::Issue(IssueAct::Opened | IssueAct::Reopened) => episodes.push((beat.at, None)),
                Act::Issue(IssueAct::Closed(reason)) => {
                    if let Some((_, end)) = episodes.last_mut() {
                        *end = Some((beat.at, reason));
                    }
                }
                _ => {}
            }
        }
        episodes
    }

    /// What is told of the issue, or of one of the incidents, up to a time.
    pub fn acts_of(&self, incident: Option<usize>, until: Time) -> impl Iterator<Item = IssueAct> + '_ {
        self.beats.iter().take_while(move |beat| beat.at <= until).filter_map(move |beat| match beat.act {
            Act::Issue(act) if incident.is_none() => Some(act),
            Act::Incident(of, act) if incident == Some(of) => Some(act),
            _ => None,
        })
    }

    /// Microseconds from the opening to the last close, if the issue was completed at last.
    pub fn lead_time(&self) -> Option<i64> {
        match self.episodes().last() {
            Some((_, Some((closed, Reason::Completed)))) => Some(closed.since(self.opened)),
            _ => None,
        }
    }

    /// The deploys that have ended when the simulation ends.
    pub fn ended_deploys(&self) -> impl Iterator<Item = &Deploy> {
        self.beats.iter().filter_map(|beat| match beat.act {
            Act::DeploymentStatus(deploy, true) | Act::JenkinsDeploy(deploy, JenkinsPhase::Completed) => {
                self.deploys.get(deploy)
            }
            _ => None,
        })
    }
}

/// The first whole second that is not before `at`: GitHub tells times in seconds.
pub fn whole_second(at: Time) -> Time {
    at.plus((SECOND - at.micros() % SECOND) % SECOND)
}

/// What a repository's issues are about.
pub fn title(repository: &Repository, what: usize) -> String {
    const WHAT: [&str; 16] = [
        "Retry timed-out calls",
        "Wrong totals after midnight",
        "Add pagination to the list endpoint",
        "Upgrade the client library",
        "Crash on empty input",
        "Document the error codes",
        "Make the cache size configurable",
        "Leak of connections under load",
        "Validate the currency field",
        "Slow start after a deploy",
        "Expose queue depth as a metric",
        "Remove the old export format",
        "Flaky integration test",
        "Support partial updates",
        "Health check reports too early",
        "Rotate the signing key",
    ];
    format!("{}: {}", repository.name, WHAT[what % WHAT.len()])
}
