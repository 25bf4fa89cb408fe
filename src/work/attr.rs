//! The descriptive attributes of an item: which there are, what they are called on a span, and
//! the values they take. Names are OpenTelemetry's (semantic conventions v1.44: `vcs.*`,
//! `cicd.*`, `deployment.*`) wherever one exists, else `issue.*` and `valuestream.*`.

use serde::{Deserialize, Serialize};

/// What an attribute can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Value {
    /// A text.
    #[serde(rename = "s")]
    Str(String),
    /// A number.
    #[serde(rename = "i")]
    Int(i64),
    /// Yes or no.
    #[serde(rename = "b")]
    Bool(bool),
    /// Several texts.
    #[serde(rename = "l")]
    List(Vec<String>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Str(text)
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Value::Bool(yes)
    }
}

macro_rules! attrs {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal,)*) => {
        /// A descriptive attribute. The number is its name in the store and never changes its
        /// meaning; the text is its name on a span.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u8", try_from = "u8")]
        #[repr(u8)]
        pub enum Attr { $($(#[$doc])* $name = $number,)* }

        impl Attr {
            /// Every attribute.
            pub const ALL: &'static [Attr] = &[$(Attr::$name,)*];

            /// The name on a span.
            pub fn name(self) -> &'static str {
                match self { $(Attr::$name => $text,)* }
            }
        }
    };
}

attrs! {
    /// `issue.number`
    IssueNumber = 1 "issue.number",
    /// The issue's title.
    IssueTitle = 2 "issue.title",
    /// Where people look at the issue.
    IssueUrl = 3 "issue.url",
    /// GitHub's issue type (Bug, Task …).
    IssueType = 4 "issue.type",
    /// The milestone's title.
    IssueMilestone = 5 "issue.milestone",
    /// The key that people write, `PROJ-12` (Jira).
    IssueKey = 6 "issue.key",
    /// Its priority.
    IssuePriority = 7 "issue.priority",
    /// The sprint that it is in, by name; of a sprint, its own name.
    IssueSprint = 8 "issue.sprint",
    /// The status that it has, by name.
    IssueStatus = 9 "issue.status",
    /// The pull request's number.
    ChangeId = 10 "vcs.change.id",
    /// The pull request's title.
    ChangeTitle = 11 "vcs.change.title",
    /// Where people look at the pull request.
    ChangeUrl = 12 "valuestream.change.url",
    /// Whether it is a draft; becomes `vcs.change.state` wip while open.
    ChangeDraft = 13 "valuestream.change.draft",
    /// Lines added.
    ChangeAdditions = 14 "valuestream.change.additions",
    /// Lines deleted.
    ChangeDeletions = 15 "valuestream.change.deletions",
    /// Files changed.
    ChangeFiles = 16 "valuestream.change.changed_files",
    /// Commits in it.
    ChangeCommits = 17 "valuestream.change.commits",
    /// The sha that the merge made.
    ChangeMergeRevision = 18 "valuestream.change.merge_revision",
    /// Comments on it, in the conversation and on its lines.
    ChangeComments = 19 "valuestream.change.comments",
    /// The branch or tag that was worked on or built.
    RefHeadName = 20 "vcs.ref.head.name",
    /// Its commit.
    RefHeadRevision = 21 "vcs.ref.head.revision",
    /// `branch` or `tag`.
    RefHeadType = 22 "vcs.ref.head.type",
    /// The branch that the change goes to.
    RefBaseName = 23 "vcs.ref.base.name",
    /// Its commit.
    RefBaseRevision = 24 "vcs.ref.base.revision",
    /// `branch` or `tag`.
    RefBaseType = 25 "vcs.ref.base.type",
    /// The repository's address, without `.git`.
    RepositoryUrl = 30 "vcs.repository.url.full",
    /// The repository's name, without its owner.
    RepositoryName = 31 "vcs.repository.name",
    /// Its owner.
    OwnerName = 32 "vcs.owner.name",
    /// `github`, `gitlab` …
    ProviderName = 33 "vcs.provider.name",
    /// The pipeline's name: workflow, check or Jenkins job.
    PipelineName = 40 "cicd.pipeline.name",
    /// The run's id.
    PipelineRunId = 41 "cicd.pipeline.run.id",
    /// Where people look at the run.
    PipelineRunUrl = 42 "cicd.pipeline.run.url.full",
    /// `BUILD`, `RUN` or `SYNC`.
    PipelineAction = 43 "cicd.pipeline.action.name",
    /// What started it: GitHub's event (push, schedule …) or Jenkins' cause.
    PipelineTrigger = 44 "valuestream.pipeline.trigger",
    /// The attempt, from 1.
    PipelineAttempt = 45 "valuestream.pipeline.attempt",
    /// The job's name.
    TaskName = 50 "cicd.pipeline.task.name",
    /// The job's id.
    TaskRunId = 51 "cicd.pipeline.task.run.id",
    /// Where people look at the job.
    TaskRunUrl = 52 "cicd.pipeline.task.run.url.full",
    /// `build`, `test` or `deploy`.
    TaskType = 53 "cicd.pipeline.task.type",
    /// The worker's id.
    WorkerId = 54 "cicd.worker.id",
    /// The worker's name.
    WorkerName = 55 "cicd.worker.name",
    /// What the job asked of its worker.
    WorkerLabels = 56 "valuestream.worker.labels",
    /// Tests run.
    TestsTotal = 60 "valuestream.tests.total",
    /// Tests failed.
    TestsFailed = 61 "valuestream.tests.failed",
    /// Tests skipped.
    TestsSkipped = 62 "valuestream.tests.skipped",
    /// The deployment's id.
    DeploymentId = 70 "deployment.id",
    /// What was deployed.
    DeploymentName = 71 "deployment.name",
    /// Where to.
    Environment = 72 "deployment.environment.name",
    /// Whether the sender calls that environment production.
    ProductionEnvironment = 73 "valuestream.deployment.production",
    /// Where people look at the deployment or its log.
    DeploymentUrl = 74 "valuestream.deployment.url",
    /// The version or tag of a release.
    ReleaseName = 75 "valuestream.release.name",
    /// The artifact that was built or deployed, as a purl where its sender has one.
    ArtifactId = 76 "valuestream.artifact.id",
    /// What a custom event calls its type, where that is no kind of item.
    CustomType = 77 "valuestream.type",
    /// The goal of a sprint.
    SprintGoal = 78 "valuestream.sprint.goal",
    /// What went wrong, in the sender's words, cut short.
    ErrorMessage = 79 "valuestream.error.message",
    /// Who did it; kept only if the configuration says `people = true`.
    UserName = 80 "user.name",
}

impl From<Attr> for u8 {
    fn from(attr: Attr) -> u8 {
        attr as u8
    }
}

impl TryFrom<u8> for Attr {
    type Error = String;
    fn try_from(number: u8) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|attr| *attr as u8 == number).ok_or_else(|| {
            format!("no attribute has the number {number}: was the store written by a newer version?")
        })
    }
}

/// The longest text that is kept of a sender's free text, in bytes.
pub const MAX_TEXT: usize = 512;

/// `text` cut at a character's end so that at most [`MAX_TEXT`] bytes remain.
pub fn clipped(text: &str) -> &str {
    cut(text, MAX_TEXT)
}

/// `text` cut at a character's end so that at most `max` bytes remain.
pub fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
