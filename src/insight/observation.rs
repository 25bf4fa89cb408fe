//! What insight keeps of one item: a small value computed from the item, its place and its own
//! tags. It is what the store remembers (so that a start does not read every item), what
//! [`super::population`] is made of, and says nothing about other items but where they are: tags
//! that come from parents and members of the trace are put together there.

use serde::{Deserialize, Serialize};

use crate::work::attr::{Attr, Value};
use crate::work::event::{Life, Outcome, Relation, Role, What};
use crate::work::item::Item;
use crate::work::key::{Key, Kind};
use crate::work::link::Place;
use crate::work::tags::{Tagger, Tags};
use crate::work::time::Time;

/// What insight keeps of one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The item.
    pub key: Key,
    /// From its parent up to the root, as far as is known now.
    pub ancestors: Vec<Key>,
    /// What else it belongs to, such as further changes that a deploy ships.
    pub links: Vec<Key>,
    /// When it lived.
    pub life: Lived,
    /// Its own tags, without those of its parents.
    pub tags: Vec<(String, String)>,
    /// What else it can be sliced by: `repository`, `pipeline`, `environment` … Not passed on.
    pub traits: Vec<(String, String)>,
    /// What only its kind has.
    pub detail: Detail,
}

/// When an item lived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lived {
    /// When it was opened first.
    pub opened: Option<Time>,
    /// When and how it was closed for the last time; `None` while it is open.
    pub closed: Option<(Time, Outcome)>,
    /// Whether its first opening was said.
    pub start_known: bool,
    /// Whether its interval had to be clamped.
    pub clamped: bool,
    /// How often it was reopened.
    pub reopened: u32,
    /// Whether it is open now.
    pub open: bool,
}

/// What only one kind of item has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Detail {
    /// Nothing more.
    None,
    /// A pull request.
    Change(Change),
    /// A build or a job.
    Run(Ran),
    /// A deploy.
    Deploy(Deployed),
}

/// The moments of a pull request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Its first commit, where push events tell.
    pub first_commit: Option<Time>,
    /// When it was first ready for review.
    pub ready: Option<Time>,
    /// The first review by a human who is not the author.
    pub reviewed: Option<Time>,
    /// When it was merged.
    pub merged: Option<Time>,
    /// Whether it puts something right: a revert, or a hotfix.
    pub fix: bool,
    /// Lines added and deleted.
    pub lines: Option<u32>,
    /// Files changed.
    pub files: Option<u32>,
    /// Commits.
    pub commits: Option<u32>,
}

/// A build or a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// When it was asked for.
    pub queued: Option<Time>,
}

/// A deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// What is deployed: the repository as `host/path`, else the deploying job.
    pub service: String,
    /// Where to; empty if not said.
    pub environment: String,
    /// Whether the sender calls that environment production.
    pub production: bool,
    /// The commit.
    pub sha: Option<String>,
    /// Whether it was said to be a rollback.
    pub rollback: bool,
    /// Whether it was said to be a hotfix.
    pub hotfix: bool,
}

/// What of an item's facts insight keeps. `place` is where [`crate::work::link::place`] puts it.
pub fn observe(item: &Item, place: &Place, tagger: &Tagger) -> Observation {
    Observation {
        key: item.key.clone(),
        ancestors: place.ancestors.iter().map(|ancestor| ancestor.key.clone()).collect(),
        links: place
            .links
            .iter()
            .filter(|(relation, ..)| *relation != Relation::Follows)
            .map(|(_, _, key, _)| key.clone())
            .collect(),
        life: lived(item),
        tags: tagger.tags(item, &Tags::new()).into_iter().collect(),
        traits: traits(item),
        detail: detail(item),
    }
}

fn lived(item: &Item) -> Lived {
    let episodes = item.episodes();
    let (Some(first), Some(last)) = (episodes.first(), episodes.last()) else { return Lived::default() };
    Lived {
        opened: Some(first.start),
        closed: last.end,
        start_known: first.start_known,
        clamped: episodes.iter().any(|episode| episode.clamped),
        reopened: episodes.len() as u32 - 1,
        open: last.end.is_none(),
    }
}

fn text(item: &Item, attr: Attr) -> Option<&str> {
    match item.facts.attrs.get(&attr).map(|latest| &latest.value) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    }
}

fn number(item: &Item, attr: Attr) -> Option<u32> {
    match item.facts.attrs.get(&attr).map(|latest| &latest.value) {
        Some(Value::Int(n)) => u32::try_from(*n).ok(),
        _ => None,
    }
}

/// The repository as `host/path`, from its address, else from the key.
pub fn repository(item: &Item) -> String {
    let of_url = text(item, Attr::RepositoryUrl).and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
    match of_url {
        Some(rest) => rest.trim_end_matches('/').to_owned(),
        None => format!("{}/{}", item.key.host(), item.key.project()),
    }
}

fn traits(item: &Item) -> Vec<(String, String)> {
    let mut traits = vec![
        ("source".to_owned(), item.key.source().as_str().to_owned()),
        ("repository".to_owned(), repository(item)),
    ];
    let mut add = |key: &str, attr| {
        if let Some(value) = text(item, attr) {
            traits.push((key.to_owned(), value.to_owned()));
        }
    };
    match item.key.kind() {
        Kind::Issue => {
            add("issue.type", Attr::IssueType);
            add("issue.milestone", Attr::IssueMilestone);
        }
        Kind::PullRequest => add("base", Attr::RefBaseName),
        Kind::Build => {
            add("pipeline", Attr::PipelineName);
            add("trigger", Attr::PipelineTrigger);
        }
        Kind::Job => {
            add("pipeline", Attr::PipelineName);
            add("job", Attr::TaskName);
        }
        Kind::Deploy => {
            add("pipeline", Attr::PipelineName);
            add("environment", Attr::Environment);
        }
    }
    let labels = item.facts.marks.labels.iter().flat_map(|labels| &labels.value);
    traits.extend(labels.map(|label| ("label".to_owned(), label.clone())));
    traits
}

fn detail(item: &Item) -> Detail {
    match item.key.kind() {
        Kind::Issue => Detail::None,
        Kind::PullRequest => Detail::Change(change(item)),
        Kind::Build | Kind::Job => Detail::Run(Ran {
            queued: match &item.facts.life {
                Life::Run(run) => run.queued.map(|queued| queued.at),
                Life::Cycle(_) => None,
            },
        }),
        Kind::Deploy => Detail::Deploy(deployed(item)),
    }
}

fn change(item: &Item) -> Change {
    let opened = item.opened();
    let first = |what: What| item.facts.happenings.iter().find(|h| h.what == what).map(|h| h.at);
    let drafted = first(What::ConvertedToDraft);
    let ready = first(What::ReadyForReview);
    // It was ready from the beginning, unless the first thing said of it is that it became so.
    let ready = match (ready, drafted) {
        (Some(ready), Some(drafted)) if drafted < ready => opened,
        (Some(ready), _) => Some(ready),
        (None, _) if is_draft(item) && drafted.is_none() => None,
        (None, _) => opened,
    };
    let reviewed = item
        .facts
        .happenings
        .iter()
        .find(|h| h.what == What::Reviewed && h.role == Some(Role::Other))
        .map(|h| h.at);
    let merged = item.episodes().last().and_then(|episode| episode.end);
    let merged = merged.filter(|(_, outcome)| *outcome == Outcome::Merged).map(|(at, _)| at);
    let lines = match (number(item, Attr::ChangeAdditions), number(item, Attr::ChangeDeletions)) {
        (Some(added), Some(deleted)) => Some(added.saturating_add(deleted)),
        _ => None,
    };
    Change {
        first_commit: None,
        ready,
        reviewed,
        merged,
        fix: fixes(text(item, Attr::ChangeTitle), text(item, Attr::RefHeadName)) || labelled(item, "hotfix"),
        lines,
        files: number(item, Attr::ChangeFiles),
        commits: number(item, Attr::ChangeCommits),
    }
}

fn is_draft(item: &Item) -> bool {
    let draft = item.facts.attrs.get(&Attr::ChangeDraft).map(|latest| &latest.value);
    matches!(draft, Some(Value::Bool(true)))
}

fn labelled(item: &Item, word: &str) -> bool {
    let mut labels = item.facts.marks.labels.iter().flat_map(|labels| &labels.value);
    labels.any(|label| label.eq_ignore_ascii_case(word))
}

/// GitHub titles a revert `Revert "…"`; a hotfix says so in its branch or at the head of its title.
fn fixes(title: Option<&str>, branch: Option<&str>) -> bool {
    let begins = |text: &str, word: &str| {
        text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            && text[word.len()..].chars().next().is_none_or(|c| !c.is_alphanumeric())
    };
    let title = title.is_some_and(|title| begins(title, "revert") || begins(title, "hotfix"));
    title || branch.is_some_and(|branch| begins(branch, "hotfix") || begins(branch, "revert"))
}

fn deployed(item: &Item) -> Deployed {
    let environment = text(item, Attr::Environment).unwrap_or_default();
    let production = item.facts.attrs.get(&Attr::ProductionEnvironment).map(|latest| &latest.value);
    let flagged = |name: &str| {
        let parameters = item.facts.marks.parameters.iter().flat_map(|parameters| &parameters.value);
        let mut said = parameters.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        said.any(|(_, value)| value.eq_ignore_ascii_case("true"))
    };
    Deployed {
        service: repository(item),
        environment: environment.to_owned(),
        production: matches!(production, Some(Value::Bool(true))),
        sha: text(item, Attr::RefHeadRevision).map(str::to_owned),
        rollback: flagged("rollback"),
        hotfix: flagged("hotfix") || fixes(None, text(item, Attr::RefHeadName)),
    }
}
