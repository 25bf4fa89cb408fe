//! What insight keeps of one item: a small value computed from the item, its place and its own
//! tags. It is what the store remembers (so that a start does not read every item), what
//! [`super::population`] is made of, and says nothing about other items but where they are: tags
//! that come from parents and members of the trace are put together there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::work::attr::{Attr, Value};
use crate::work::event::{Life, Outcome, Relation, Target, What};
use crate::work::item::Item;
use crate::work::key::{Key, Kind};
use crate::work::line::{known_repository, repository, text};
use crate::work::link::Place;
use crate::work::ship;
use crate::work::stage;
use crate::work::tags::{Tagger, Tags};
use crate::work::time::Time;

/// Which observations this module makes. Counts up whenever [`observe`] makes another one of the same
/// item, or the stored form changes: what is stored is then made anew.
const REVISION: u32 = 3;

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
    #[serde(rename = "-")]
    None,
    /// A pull request.
    #[serde(rename = "c")]
    Change(Change),
    /// A build or a job.
    #[serde(rename = "r")]
    Run(Ran),
    /// A deploy.
    #[serde(rename = "d")]
    Deploy(Deployed),
    /// An issue.
    #[serde(rename = "i")]
    Issue(Handled),
}

/// The moments of an issue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handled {
    /// The first comment by a human who is not the author, before it was closed for the first time.
    pub responded: Option<Time>,
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
    /// The last approval before the merge by a human who is not the author.
    #[serde(default)]
    pub approved: Option<Time>,
    /// Comments on it, in the conversation and on its lines.
    #[serde(default)]
    pub comments: Option<u32>,
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
    /// What is deployed: the repository as [`repository`] names it, else the deploying job.
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
    /// What of the repository, in the sender's words; empty if not said.
    #[serde(default)]
    pub name: String,
    /// The repository of what it brings, where neither the item nor its key says one.
    #[serde(default)]
    pub repository: Option<String>,
}

/// What of an item's facts insight keeps. `place` is where [`crate::work::link::place`] puts it.
pub fn observe(item: &Item, place: &Place, tagger: &Tagger) -> Observation {
    Observation {
        key: item.key.clone(),
        ancestors: place.ancestors.iter().map(|ancestor| ancestor.key.clone()).collect(),
        links: place.links.iter().filter(|link| counts(link.relation)).map(|link| link.key.clone()).collect(),
        life: lived(item),
        tags: tagger.tags(item, &Tags::new()).into_iter().collect(),
        traits: traits(item, place),
        detail: detail(item, place),
    }
}

/// Whether what an item is linked to in this way belongs to its delivery.
fn counts(relation: Relation) -> bool {
    relation.is_parental() || relation == Relation::Ships
}

/// Whether it can change without a word about the item itself where it belongs: it points at
/// something above it, and neither the parent nor what it is linked to in its place has been seen.
pub fn unresolved(item: &Item, place: &Place) -> bool {
    let relations = item.facts.relations.iter().filter(|(relation, _)| relation.is_parental());
    let above = |target: &Target| match target {
        Target::Key(key) | Target::Hint(key) => key.kind().depth() < item.key.kind().depth(),
        Target::Ref(_) | Target::Token { .. } => true,
    };
    let points = relations.flat_map(|(_, targets)| &targets.value).any(above);
    let known = match place.ancestors.first() {
        Some(parent) => parent.item.is_some(),
        // An item that was exported without a parent gets none any more, but links.
        None => place.links.iter().any(|link| counts(link.relation) && link.item.is_some()),
    };
    item.key.kind() != Kind::Issue && points && !known
}

/// What tells observations made by this module with this tagger from others.
pub fn fingerprint(tagger: &Tagger) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(REVISION.to_be_bytes());
    digest.update(tagger.fingerprint());
    digest.finalize().into()
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

fn number(item: &Item, attr: Attr) -> Option<u32> {
    match item.facts.attrs.get(&attr).map(|latest| &latest.value) {
        Some(Value::Int(n)) => u32::try_from(*n).ok(),
        _ => None,
    }
}

fn traits(item: &Item, place: &Place) -> Vec<(String, String)> {
    let mut traits = vec![
        ("source".to_owned(), item.key.source().as_str().to_owned()),
        ("repository".to_owned(), brought(item, place).unwrap_or_else(|| repository(item))),
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
            add("issue.priority", Attr::IssuePriority);
            add("issue.sprint", Attr::IssueSprint);
        }
        Kind::PullRequest => add("base", Attr::RefBaseName),
        Kind::Sprint => {}
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

fn detail(item: &Item, place: &Place) -> Detail {
    match item.key.kind() {
        Kind::Sprint => Detail::None,
        Kind::Issue => Detail::Issue(Handled { responded: responded(item) }),
        Kind::PullRequest => Detail::Change(change(item, place)),
        Kind::Build | Kind::Job => Detail::Run(Ran {
            queued: match &item.facts.life {
                Life::Run(run) => run.queued.map(|queued| queued.at),
                Life::Cycle(_) => None,
            },
        }),
        Kind::Deploy => Detail::Deploy(deployed(item, place)),
    }
}

fn responded(item: &Item) -> Option<Time> {
    let end = item.episodes().first().and_then(|first| first.end);
    stage::response(item).filter(|at| end.is_none_or(|(end, _)| *at <= end))
}

fn change(item: &Item, place: &Place) -> Change {
    let merged = item.episodes().last().and_then(|episode| episode.end);
    let merged = merged.filter(|(_, outcome)| *outcome == Outcome::Merged).map(|(at, _)| at);
    let lines = match (number(item, Attr::ChangeAdditions), number(item, Attr::ChangeDeletions)) {
        (Some(added), Some(deleted)) => Some(added.saturating_add(deleted)),
        _ => None,
    };
    Change {
        first_commit: place.first_commit,
        ready: stage::ready(item),
        reviewed: stage::reviewed(item),
        merged,
        fix: fixes(text(item, Attr::ChangeTitle), text(item, Attr::RefHeadName)) || labelled(item, "hotfix"),
        lines,
        files: number(item, Attr::ChangeFiles),
        commits: number(item, Attr::ChangeCommits),
        comments: comments(item),
        approved: merged.and_then(|merged| stage::approved(item, merged)),
    }
}

/// How many comments its sender counted, or if those are more, how many were seen. A sender that counts
/// none, and of which none was seen, does not say that there are none.
fn comments(item: &Item) -> Option<u32> {
    let seen = item.facts.happenings.iter().filter(|happening| happening.what == What::Commented).count();
    let seen = u32::try_from(seen).ok().filter(|seen| *seen > 0);
    number(item, Attr::ChangeComments).max(seen)
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

/// The repository of the pull requests that a deploy brings or hangs below, if it is one, and if the
/// deploy itself does not say.
fn brought(item: &Item, place: &Place) -> Option<String> {
    if item.key.kind() != Kind::Deploy || known_repository(item).is_some() {
        return None;
    }
    let above = place.ancestors.iter().filter_map(|above| above.item.as_ref());
    let above = above.filter(|above| above.key.kind() == Kind::PullRequest);
    let mut changes = above.chain(place.ships.iter().map(|(_, shipped)| &shipped.item)).map(repository);
    let first = changes.next()?;
    changes.all(|other| other == first).then_some(first)
}

fn deployed(item: &Item, place: &Place) -> Deployed {
    let environment = text(item, Attr::Environment).unwrap_or_default();
    let production = item.facts.attrs.get(&Attr::ProductionEnvironment).map(|latest| &latest.value);
    Deployed {
        service: repository(item),
        environment: environment.to_owned(),
        production: matches!(production, Some(Value::Bool(true))),
        sha: text(item, Attr::RefHeadRevision).map(str::to_owned),
        rollback: ship::is_rollback(item),
        hotfix: ship::flagged(item, "hotfix") || fixes(None, text(item, Attr::RefHeadName)),
        name: text(item, Attr::DeploymentName).unwrap_or_default().to_owned(),
        repository: brought(item, place),
    }
}

#[cfg(test)]
mod tests;
