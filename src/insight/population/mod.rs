//! All items that insight knows, as columns. [`Population::apply`] takes observations in: it files
//! the item under its key (`names`), hangs it below its parent (`family`), puts its own tags into
//! the columns of their keys (`dimension`, `codes`), and then spreads tags within every trace that
//! was touched. What reads it (`cohort` and all that follows) goes over rows by number.

mod codes;
mod dimension;
mod dropping;
mod family;
mod lives;
mod names;
mod reading;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use self::dimension::{Dimension, EMPTY, Reach};
use self::family::Family;
pub use self::lives::{age, counts, duration, failed, fails};
use self::names::Names;
use super::environment::Environments;
use super::observation::{Change, Deployed, Detail, Handled, Lived, Observation, Ran};
use super::query::Tier;
use crate::work::ids::TraceId;
use crate::work::key::{Key, Kind};
use crate::work::time::Time;

/// What the configuration says about insight.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys of tags.
    pub tag_keys: Vec<String>,
    /// Which environments are for what.
    pub environments: Environments,
    /// Labels and types that make an issue an incident, compared without case.
    pub incident_labels: Vec<String>,
    /// After how many microseconds an open item of a kind counts as stuck.
    pub stuck_after: BTreeMap<Kind, i64>,
}

/// The keys that items can be sliced by besides tags; see [`super::observation`].
pub const TRAITS: [&str; 11] = [
    "source",
    "repository",
    ISSUE_TYPE,
    "issue.milestone",
    "issue.priority",
    "issue.sprint",
    "base",
    "pipeline",
    "trigger",
    "job",
    "environment",
];

/// The key of what an issue is.
const ISSUE_TYPE: &str = "issue.type";

/// The key of labels, of which an item can have several.
pub const LABEL: &str = "label";

/// How many keys of tags are sliced by besides those that the configuration names: each takes memory for
/// every item.
pub const MAX_FURTHER_KEYS: usize = 64;

/// How many of the others are remembered, to be counted.
const MAX_UNSLICED: usize = 1_024;

/// What questions mean by `outcome` is how an item ended, and never a tag.
const OUTCOME: &str = "outcome";

/// A deploy, with texts as numbers; see [`Population::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The deploy's row.
    pub row: u32,
    /// What is deployed: the repository, else the deploying job.
    pub service: u32,
    /// What of it.
    pub name: u32,
    /// The repository of what it brings, where the service is none.
    pub repository: Option<u32>,
    /// Where to.
    pub environment: u32,
    /// What that environment is for.
    pub tier: Tier,
    /// The commit, as the first 64 bits of a hash.
    pub sha: Option<u64>,
    /// Whether it was said to be a rollback.
    pub rollback: bool,
    /// Whether it was said to be a hotfix.
    pub hotfix: bool,
}

/// What only one kind of item has, by index into the vectors of that kind.
const NO_DETAIL: u32 = u32::MAX;

/// All items that insight knows.
#[derive(Debug)]
pub struct Population {
    settings: Settings,
    names: Names,
    family: Family,
    lived: Vec<Lived>,
    /// Whether something was ever said of the item; else only others named it.
    known: Vec<bool>,
    detail: Vec<u32>,
    changes: Vec<Change>,
    runs: Vec<Ran>,
    deploys: Vec<Deployment>,
    /// When issues were first answered, of those that were.
    responses: Vec<Time>,
    /// The first 64 bits of the trace id that the item would have as a root.
    traces: Vec<u64>,
    dimensions: Vec<Dimension>,
    by_key: HashMap<String, usize>,
    /// How many keys there were at first; what follows came with observations, and is sorted.
    known_keys: usize,
    /// Keys of tags that came when there were too many already, as many of them as are remembered.
    unsliced: HashSet<Box<str>>,
    texts: Vec<Box<str>>,
    text_ids: HashMap<Box<str>, u32>,
    repositories: HashMap<u32, u32>,
    /// Room for one observation's tags: the key's place and the value's id.
    said: Vec<(usize, u32)>,
    version: u64,
    /// How many times it was built anew, and how many items were taken out since.
    generation: u64,
    gone: usize,
}

impl Population {
    /// Nobody yet.
    pub fn new(settings: Settings) -> Self {
        let tags = settings.tag_keys.iter().map(|key| Dimension::new(key, Reach::Trace));
        let mut dimensions: Vec<Dimension> = tags.collect();
        for key in TRAITS.into_iter().chain([LABEL]) {
            // A tag of the same name says more.
            if !dimensions.iter().any(|dimension| dimension.key == key) {
                dimensions.push(Dimension::new(key, Reach::Item));
            }
        }
        let by_key = dimensions.iter().enumerate().map(|(at, d)| (d.key.clone(), at)).collect();
        Self {
            settings,
            known_keys: dimensions.len(),
            unsliced: HashSet::new(),
            names: Names::default(),
            family: Family::default(),
            lived: Vec::new(),
            known: Vec::new(),
            detail: Vec::new(),
            changes: Vec::new(),
            runs: Vec::new(),
            deploys: Vec::new(),
            responses: Vec::new(),
            traces: Vec::new(),
            dimensions,
            by_key,
            texts: Vec::new(),
            text_ids: HashMap::new(),
            repositories: HashMap::new(),
            said: Vec::new(),
            version: 0,
            generation: 0,
            gone: 0,
        }
    }

    /// Takes observations in. Later ones replace earlier ones of the same item; which items came
    /// first, or in how many calls, does not show.
    pub fn apply(&mut self, observations: &[Observation]) {
        let mut touched = Vec::new();
        for observation in observations {
            self.file(observation, &mut touched);
        }
        self.spread(touched);
        self.version += 1;
    }

    /// Spreads the tags anew in the traces of these rows.
    fn spread(&mut self, touched: Vec<u32>) {
        let mut roots: Vec<u32> = touched.into_iter().map(|row| self.family.root(row)).collect();
        roots.sort_unstable();
        roots.dedup();
        for root in roots {
            self.family.spread(root, &mut self.dimensions);
        }
    }

    fn row(&mut self, key: &Key) -> u32 {
        let (row, new) = self.names.intern(key);
        if new {
            let TraceId(id) = TraceId::of(key);
            self.traces.push(first_bits(&id));
            self.lived.push(Lived::default());
            self.known.push(false);
            self.detail.push(NO_DETAIL);
            self.family.grow();
        }
        row
    }

    fn file(&mut self, observation: &Observation, touched: &mut Vec<u32>) {
        let row = self.row(&observation.key);
        touched.push(row);
        self.lived[row as usize] = observation.life;
        self.known[row as usize] = true;
        self.describe(row, &observation.detail);
        self.tag(row, observation);

        let mut below = row;
        let mut known = false;
        for key in &observation.ancestors {
            let above = self.row(key);
            // An ancestor that was seen speaks for itself.
            if !known {
                self.hang(below, Some(above), touched);
            }
            known = self.known[above as usize];
            below = above;
        }
        if observation.ancestors.is_empty() {
            self.hang(row, None, touched);
        }
        let links = observation.links.iter().map(|key| self.row(key)).collect::<Vec<_>>();
        touched.extend(self.family.linked(row));
        touched.extend(&links);
        self.family.link(row, links);
    }

    fn hang(&mut self, row: u32, parent: Option<u32>, touched: &mut Vec<u32>) {
        let deeper = |parent: &u32| self.names.kind(*parent).depth() < self.names.kind(row).depth();
        let parent = parent.filter(deeper);
        if self.family.parent(row) == parent {
            return;
        }
        touched.extend(self.family.parent(row));
        touched.extend(parent);
        self.family.hang(row, parent);
    }

    fn describe(&mut self, row: u32, detail: &Detail) {
        let at = self.detail[row as usize];
        fn put<T>(all: &mut Vec<T>, at: u32, value: T) -> u32 {
            match all.get_mut(at as usize) {
                Some(old) => {
                    *old = value;
                    at
                }
                None => {
                    all.push(value);
                    all.len() as u32 - 1
                }
            }
        }
        self.detail[row as usize] = match detail {
            Detail::None | Detail::Issue(Handled { responded: None }) => NO_DETAIL,
            Detail::Issue(Handled { responded: Some(at_last) }) => put(&mut self.responses, at, *at_last),
            Detail::Change(change) => put(&mut self.changes, at, *change),
            Detail::Run(run) => put(&mut self.runs, at, *run),
            Detail::Deploy(deployed) => {
                let deployment = self.deployment(row, deployed);
                put(&mut self.deploys, at, deployment)
            }
        };
    }

    fn deployment(&mut self, row: u32, deployed: &Deployed) -> Deployment {
        Deployment {
            row,
            service: self.text_id(&deployed.service.to_lowercase()),
            name: self.text_id(&deployed.name),
            repository: deployed.repository.as_deref().map(|name| self.text_id(&name.to_lowercase())),
            environment: self.text_id(&deployed.environment),
            tier: self.settings.environments.tier(&deployed.environment, deployed.production),
            sha: deployed.sha.as_deref().map(hashed),
            rollback: deployed.rollback,
            hotfix: deployed.hotfix,
        }
    }

    /// Makes room for the keys of tags that senders give of themselves, up to [`MAX_FURTHER_KEYS`].
    fn know_keys(&mut self, observation: &Observation) {
        for (key, _) in &observation.tags {
            if self.by_key.contains_key(key.as_str()) || key.is_empty() || key == OUTCOME {
                continue;
            }
            if self.dimensions.len() - self.known_keys == MAX_FURTHER_KEYS {
                if self.unsliced.len() < MAX_UNSLICED {
                    self.unsliced.insert(key.as_str().into());
                }
                continue;
            }
            let further = &self.dimensions[self.known_keys..];
            let at = self.known_keys + further.partition_point(|dimension| dimension.key < *key);
            self.dimensions.insert(at, Dimension::new(key, Reach::Trace));
            self.by_key = self.dimensions.iter().enumerate().map(|(at, d)| (d.key.clone(), at)).collect();
        }
    }

    fn tag(&mut self, row: u32, observation: &Observation) {
        self.know_keys(observation);
        let mut said = std::mem::take(&mut self.said);
        for (key, value) in observation.tags.iter().chain(&observation.traits) {
            if let Some(at) = self.by_key.get(key.as_str()) {
                said.push((*at, self.dimensions[*at].value_id(value)));
            }
        }
        said.sort_unstable();
        said.dedup();
        let mut rest = said.as_slice();
        let mut members = Vec::new();
        for (at, dimension) in self.dimensions.iter_mut().enumerate() {
            let (own, after) = rest.split_at(rest.partition_point(|(of, _)| *of <= at));
            rest = after;
            members.clear();
            members.extend(own.iter().map(|(_, id)| *id));
            let set = dimension.set_id(&members);
            dimension.set_own(row, set);
        }
        said.clear();
        self.said = said;
        let repository = observation.traits.iter().find(|(key, _)| key == "repository");
        if let Some((_, repository)) = repository {
            let text = self.text_id(&repository.to_lowercase());
            self.repositories.insert(self.names.project(row), text);
        }
    }

    fn text_id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.text_ids.get(text) {
            return *id;
        }
        let id = self.texts.len() as u32;
        self.texts.push(text.into());
        self.text_ids.insert(text.into(), id);
        id
    }
}

/// The first 64 bits of an id or a hash.
fn first_bits(bytes: &[u8]) -> u64 {
    let mut bits = [0; 8];
    bits.copy_from_slice(&bytes[..8]);
    u64::from_be_bytes(bits)
}

/// 64 bits that stand for a commit.
fn hashed(sha: &str) -> u64 {
    use sha2::{Digest, Sha256};
    first_bits(&Sha256::digest(sha.to_ascii_lowercase()))
}

#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
