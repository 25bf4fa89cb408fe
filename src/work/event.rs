//! What a delivery says, in neutral terms. A source turns a payload into [`Said`]: facts about
//! work items ([`Event`]) and what the index of references should know ([`Pointer`]). Facts are
//! elements of a semilattice, so an item is simply the join of all facts ever said about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::attr::{Attr, Value};
use super::key::Key;
use super::lattice::{Bounded, BoundedMap, Instant, Join, Latest, Trust};
use super::time::Time;

/// How an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The sender said that it ended, not how.
    Unknown,
    /// An issue that was done.
    Completed,
    /// An issue that will not be done.
    NotPlanned,
    /// An issue that another one stands for.
    Duplicate,
    /// A pull request that was closed unmerged.
    Closed,
    /// A pull request that was merged.
    Merged,
    /// A run that succeeded.
    Success,
    /// A run that was not needed.
    Skip,
    /// A run that somebody stopped.
    Cancellation,
    /// A run that took too long.
    Timeout,
    /// A run that could not be carried out.
    Error,
    /// A run that failed.
    Failure,
}

impl Outcome {
    /// The name in `valuestream.outcome` and, for runs, in `cicd.pipeline.result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Unknown => "unknown",
            Outcome::Completed => "completed",
            Outcome::NotPlanned => "not_planned",
            Outcome::Duplicate => "duplicate",
            Outcome::Closed => "closed",
            Outcome::Merged => "merged",
            Outcome::Success => "success",
            Outcome::Skip => "skip",
            Outcome::Cancellation => "cancellation",
            Outcome::Timeout => "timeout",
            Outcome::Error => "error",
            Outcome::Failure => "failure",
        }
    }

    /// Whether the span's status is ERROR.
    pub fn is_error(self) -> bool {
        matches!(self, Outcome::Failure | Outcome::Error | Outcome::Timeout)
    }
}

/// The life of an item that people open and close, and may open again: issues, pull requests,
/// GitHub deployments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// When it was created.
    pub opened: Option<Instant>,
    /// When it was closed, each time, and how.
    pub closed: BoundedMap<Time, Latest<Outcome>>,
    /// When it was reopened.
    pub reopened: Bounded<Time>,
    /// When it was said to be under way (a deployment's `queued`, `in_progress`).
    pub under_way: Bounded<Time>,
    /// When its sender deleted it or moved it away: it is no longer work in progress.
    pub withdrawn: Option<Instant>,
}

impl Join for Cycle {
    fn join(&mut self, other: Self) {
        self.opened.join(other.opened);
        self.closed.join(other.closed);
        self.reopened.join(other.reopened);
        self.under_way.join(other.under_way);
        self.withdrawn.join(other.withdrawn);
    }
}

/// The life of something that runs once: builds, jobs, steps, Jenkins deploys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When it was asked for.
    pub queued: Option<Instant>,
    /// When it began.
    pub started: Option<Instant>,
    /// When it ended.
    pub ended: Option<Instant>,
    /// How long it ran by the sender's own clock, in microseconds.
    pub duration: Option<Latest<i64>>,
    /// How it ended.
    pub outcome: Option<Latest<Outcome>>,
}

impl Join for Run {
    fn join(&mut self, other: Self) {
        self.queued.join(other.queued);
        self.started.join(other.started);
        self.ended.join(other.ended);
        self.duration.join(other.duration);
        self.outcome.join(other.outcome);
    }
}

/// The two shapes of a life. Which one an item has follows from its source and kind, so the
/// facts of one item never differ in shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// Opened, closed, perhaps reopened.
    #[serde(rename = "c")]
    Cycle(Cycle),
    /// Runs once.
    #[serde(rename = "r")]
    Run(Run),
}

impl Join for Life {
    fn join(&mut self, other: Self) {
        match (self, other) {
            (Life::Cycle(mine), Life::Cycle(theirs)) => mine.join(theirs),
            (Life::Run(mine), Life::Run(theirs)) => mine.join(theirs),
            // Cannot be built by any source; a run wins in either order.
            (mine @ Life::Cycle(_), theirs @ Life::Run(_)) => *mine = theirs,
            (Life::Run(_), Life::Cycle(_)) => {}
        }
    }
}

/// Something that happened on an item's way. Becomes a span event of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A person or a team was put on it.
    Assigned,
    /// A person or a team was taken off it.
    Unassigned,
    /// A label was added.
    Labeled,
    /// A label was removed.
    Unlabeled,
    /// It was put into a milestone.
    Milestoned,
    /// It was taken out of a milestone.
    Demilestoned,
    /// Its text was changed.
    Edited,
    /// It was opened again.
    Reopened,
    /// It was moved to another repository.
    Transferred,
    /// It became a draft.
    ConvertedToDraft,
    /// It stopped being a draft.
    ReadyForReview,
    /// Somebody was asked for a review.
    ReviewRequested,
    /// Somebody no longer has to review it.
    ReviewRequestRemoved,
    /// A review was submitted.
    Reviewed,
    /// A review was dismissed.
    ReviewDismissed,
    /// Commits were pushed to it.
    Synchronize,
    /// It entered the merge queue.
    Enqueued,
    /// It left the merge queue.
    Dequeued,
    /// A deployment's status was reported.
    DeploymentStatus,
}

impl What {
    /// The span event's name.
    pub fn as_str(self) -> &'static str {
        match self {
            What::Assigned => "assigned",
            What::Unassigned => "unassigned",
            What::Labeled => "labeled",
            What::Unlabeled => "unlabeled",
            What::Milestoned => "milestoned",
            What::Demilestoned => "demilestoned",
            What::Edited => "edited",
            What::Reopened => "reopened",
            What::Transferred => "transferred",
            What::ConvertedToDraft => "converted_to_draft",
            What::ReadyForReview => "ready_for_review",
            What::ReviewRequested => "review_requested",
            What::ReviewRequestRemoved => "review_request_removed",
            What::Reviewed => "reviewed",
            What::ReviewDismissed => "review_dismissed",
            What::Synchronize => "synchronize",
            What::Enqueued => "enqueued",
            What::Dequeued => "dequeued",
            What::DeploymentStatus => "deployment_status",
        }
    }

    /// The name of the attribute that says more about it, if it has one.
    pub fn detail_name(self) -> Option<&'static str> {
        match self {
            What::Labeled | What::Unlabeled => Some("valuestream.label"),
            What::Milestoned | What::Demilestoned => Some("issue.milestone"),
            What::Reviewed | What::ReviewDismissed => Some("valuestream.review.state"),
            What::Synchronize => Some("vcs.ref.head.revision"),
            What::DeploymentStatus => Some("valuestream.deployment.state"),
            What::Transferred => Some("valuestream.transferred_to"),
            What::Dequeued => Some("valuestream.dequeue.reason"),
            _ => None,
        }
    }
}

/// In what part somebody acted. Says nothing of who it was, so it is kept even without people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one who opened the item.
    Author,
    /// A program.
    Bot,
    /// Somebody else.
    Other,
}

/// Something that happened, in the order of its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Happening {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
    /// More about it; see [`What::detail_name`].
    pub detail: Option<String>,
    /// In what part it was done.
    pub role: Option<Role>,
    /// The login of who did it, or whom it was done to; only with `people = true`.
    pub person: Option<String>,
}

/// A step of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The step's name; two steps of a job can have the same.
    pub name: Option<Latest<String>>,
    /// When it ran and how it ended.
    pub run: Run,
}

impl Join for Step {
    fn join(&mut self, other: Self) {
        self.name.join(other.name);
        self.run.join(other.run);
    }
}

/// What is said about tags. Which of it becomes a tag is for [`super::tags`] to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The repository's main language, as the sender writes it.
    pub language: Option<Latest<String>>,
    /// The repository's topics.
    pub topics: Option<Latest<BTreeSet<String>>>,
    /// The repository's custom properties.
    pub properties: Option<Latest<BTreeMap<String, String>>>,
    /// The item's labels.
    pub labels: Option<Latest<BTreeSet<String>>>,
    /// The run's parameters that can become tags.
    pub parameters: Option<Latest<BTreeMap<String, String>>>,
}

impl Join for Marks {
    fn join(&mut self, other: Self) {
        self.language.join(other.language);
        self.topics.join(other.topics);
        self.properties.join(other.properties);
        self.labels.join(other.labels);
        self.parameters.join(other.parameters);
    }
}

/// How an item came to point at another. The order is the order in which parents are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The run that it is part of: a job's build, a deployment's workflow run.
    Run,
    /// The pull requests that the sender names (`pull_requests[]`, `ghprbPullId`).
    PullRequest,
    /// The commit that was built or deployed.
    Commit,
    /// The issues that it closes by keyword.
    Closes,
    /// The branch that was built.
    Branch,
    /// A `vstrace-…` token.
    Token,
    /// The issue number that a branch begins with: a hint.
    BranchNumber,
    /// What it follows, such as the attempt before: always a link, never a parent.
    Follows,
}

impl Relation {
    /// The name in a span link's attributes.
    pub fn as_str(self) -> &'static str {
        match self {
            Relation::Run => "run",
            Relation::PullRequest => "pull_request",
            Relation::Commit => "commit",
            Relation::Closes => "closes",
            Relation::Branch => "branch",
            Relation::Token => "token",
            Relation::BranchNumber => "branch_number",
            Relation::Follows => "follows",
        }
    }
}

/// What an item points at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// An explicit reference: binds even if the item was never seen, since its ids are known.
    #[serde(rename = "k")]
    Key(Key),
    /// A hint: binds only if the item was seen.
    #[serde(rename = "h")]
    Hint(Key),
    /// Something that the index of references may know.
    #[serde(rename = "r")]
    Ref(Ref),
    /// A `vstrace-…` token: the project's short name, to be looked up, and what it names there.
    #[serde(rename = "t")]
    Token {
        /// Where the project's short name is known.
        project: Ref,
        /// `issue` or `pull_request`.
        kind: super::key::Kind,
        /// The number.
        id: String,
    },
}

/// Something that items of several systems have in common: a commit, a branch, a project's name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ref(String);

impl Ref {
    /// A commit. Only a full SHA-1 or SHA-256 is one: a Subversion revision, or a short sha,
    /// would tie strangers together.
    pub fn commit(sha: &str) -> Option<Self> {
        let full = matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        (full && sha.bytes().any(|b| b != b'0')).then(|| Self(format!("sha:{}", sha.to_ascii_lowercase())))
    }

    /// A branch of a repository, `host/owner/repo`.
    pub fn branch(host: &str, repository: &str, branch: &str) -> Option<Self> {
        let named = !host.is_empty() && !repository.is_empty() && !branch.is_empty() && branch.len() <= 512;
        named.then(|| Self(format!("branch:{host}/{}:{branch}", repository.to_lowercase())))
    }

    /// A project by its last name alone, as `vstrace-…` tokens write it.
    pub fn project(source: super::key::Source, name: &str) -> Self {
        Self(format!("project:{source}/{}", name.to_lowercase()))
    }

    /// The text that the index stores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From the text that the index stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        ["sha:", "branch:", "project:"].iter().any(|p| text.starts_with(p)).then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the index of references answers for a [`Ref`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pointer {
    /// An item: this commit is the head or the merge of that pull request.
    Item(Key),
    /// Another reference: this commit was pushed to that branch.
    Ref(Ref),
    /// A project: `(host, path)`.
    Project(String, String),
}

impl Pointer {
    /// The text that the index stores.
    pub fn to_stored(&self) -> String {
        match self {
            Pointer::Item(key) => key.as_str().to_owned(),
            Pointer::Ref(reference) => reference.as_str().to_owned(),
            Pointer::Project(host, path) => format!("at:{host}/{path}"),
        }
    }

    /// From the text that the index stores.
    pub fn from_stored(text: &str) -> Option<Self> {
        if let Some(at) = text.strip_prefix("at:") {
            let (host, path) = at.split_once('/')?;
            return Some(Pointer::Project(host.to_owned(), path.to_owned()));
        }
        Ref::from_stored(text).map(Pointer::Ref).or_else(|| text.parse().ok().map(Pointer::Item))
    }
}

/// All that one delivery says about one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When it lived.
    pub life: Life,
    /// What describes it.
    pub attrs: BTreeMap<Attr, Latest<Value>>,
    /// What can become its tags.
    pub marks: Marks,
    /// What happened on its way.
    pub happenings: Bounded<Happening>,
    /// What it points at, in the order in which it was named.
    pub relations: BTreeMap<Relation, Latest<Vec<Target>>>,
    /// A job's steps, by number.
    pub steps: BoundedMap<u32, Step>,
}

impl Facts {
    /// Nothing yet, of the given shape.
    pub fn new(life: Life) -> Self {
        Self {
            life,
            attrs: BTreeMap::new(),
            marks: Marks::default(),
            happenings: Bounded::default(),
            relations: BTreeMap::new(),
            steps: BoundedMap::default(),
        }
    }

    /// Facts about something that is opened and closed.
    pub fn cycle(cycle: Cycle) -> Self {
        Self::new(Life::Cycle(cycle))
    }

    /// Facts about something that runs once.
    pub fn run(run: Run) -> Self {
        Self::new(Life::Run(run))
    }

    /// Describes the item; says nothing if `value` is `None` or an empty text.
    pub fn attr<V: Into<Value>>(&mut self, stamp: super::lattice::Stamp, attr: Attr, value: Option<V>) {
        let value = match value.map(Into::into) {
            None => return,
            Some(Value::Str(text)) if text.is_empty() => return,
            Some(Value::Str(text)) => Value::Str(super::attr::clipped(&text).to_owned()),
            Some(Value::List(list)) if list.is_empty() => return,
            Some(value) => value,
        };
        self.attrs.insert(attr, Latest::new(stamp, value));
    }

    /// Says what the item points at. An empty list is said too: an edited text may have lost its
    /// references.
    pub fn relate(&mut self, stamp: super::lattice::Stamp, relation: Relation, targets: Vec<Target>) {
        self.relations.insert(relation, Latest::new(stamp, targets));
    }
}

impl Join for Facts {
    fn join(&mut self, other: Self) {
        self.life.join(other.life);
        self.attrs.join(other.attrs);
        self.marks.join(other.marks);
        self.happenings.join(other.happenings);
        self.relations.join(other.relations);
        self.steps.join(other.steps);
    }
}

/// What a delivery says about one work item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The item.
    pub key: Key,
    /// What is said.
    pub facts: Facts,
}

/// Everything that a delivery says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// About work items.
    pub events: Vec<Event>,
    /// For the index of references.
    pub refs: Vec<(Ref, Pointer)>,
    /// What had to be mended or passed over on the way, for the data-quality counts.
    pub flaws: Vec<Flaw>,
}

/// Something in a payload that was not as it should be, and did not keep it from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A time that no sender can mean (zero, 1970, the year 9999) where one was optional.
    ImplausibleTime,
    /// A run was called completed without saying how it ended.
    MissingOutcome,
    /// An outcome that is not known here.
    UnknownOutcome,
    /// The payload had no time of its own, so that of receipt was taken.
    TimeOfReceipt,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Flaw; 4] =
        [Flaw::ImplausibleTime, Flaw::MissingOutcome, Flaw::UnknownOutcome, Flaw::TimeOfReceipt];

    /// The label in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Flaw::ImplausibleTime => "implausible_time",
            Flaw::MissingOutcome => "missing_outcome",
            Flaw::UnknownOutcome => "unknown_outcome",
            Flaw::TimeOfReceipt => "time_of_receipt",
        }
    }
}

/// Shorthand for an instant that may be known.
pub fn stated(at: Option<Time>) -> Option<Instant> {
    at.map(Instant::stated)
}

/// Shorthand for an instant of a given trust.
pub fn instant(trust: Trust, at: Option<Time>) -> Option<Instant> {
    at.map(|at| Instant { trust, at })
}
