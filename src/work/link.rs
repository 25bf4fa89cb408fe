//! Which items belong together. Given an item and a way to look others up, finds its parent, the
//! root of its trace, and what else it is linked to.
//!
//! The decision is made as late as possible, when the first span of a trace is about to be
//! exported, and from then on it stands: everything on the way to the root is *pinned*. A relation
//! learned later finds the pin and becomes a span link.

use super::event::{Pointer, Ref, Relation, Target};
use super::history;
use super::item::Item;
use super::key::{Key, Kind, Source};
use super::line::Line;
use super::ship::{self, Shipped};
use super::span::{Placement, Related};
use super::tags::{Tagger, Tags};
use super::time::Time;

/// What an exported span has settled for good about an item, seen or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The root of its trace.
    pub root: Key,
    /// Its parent; `None` for the root itself.
    pub parent: Option<Key>,
}

/// Where other items are looked up, within one transaction.
pub trait Lookup {
    /// What can go wrong there.
    type Error;
    /// An item, if anything was ever said about it.
    fn item(&mut self, key: &Key) -> Result<Option<Item>, Self::Error>;
    /// What a reference points at.
    fn pointers(&mut self, reference: &Ref) -> Result<Vec<Pointer>, Self::Error>;
    /// What is settled about an item.
    fn pin(&mut self, key: &Key) -> Result<Option<Pin>, Self::Error>;
    /// The items that stood on a line after `after` and until `until`, inclusive: the last `limit` of
    /// them. An item may have moved since; [`super::line::moment`] says where it stands now.
    fn moments(
        &mut self,
        line: &Line,
        after: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<(Time, Key)>, Self::Error>;
}

/// The most links of a span besides its parent and the changes that it ships.
const MAX_LINKS: usize = 32;

/// An item's place in its trace.
#[derive(Clone, Debug)]
pub struct Place {
    /// The root of its trace.
    pub root: Key,
    /// From its parent up to the root; empty for the root.
    pub ancestors: Vec<Ancestor>,
    /// What else it belongs to.
    pub links: Vec<Link>,
    /// The changes that a deploy brings, with the root of each one's trace.
    pub ships: Vec<(Key, Shipped)>,
    /// When the first commit of a pull request was made, where pushes tell.
    pub first_commit: Option<Time>,
    /// What the export of this item settles.
    pub pins: Vec<(Key, Pin)>,
}

/// An item above another.
#[derive(Clone, Debug)]
pub struct Ancestor {
    /// Its key.
    pub key: Key,
    /// What is known of it, if it was ever seen.
    pub item: Option<Item>,
}

/// Another item that one belongs to.
#[derive(Clone, Debug)]
pub struct Link {
    /// How.
    pub relation: Relation,
    /// The root of the other's trace.
    pub root: Key,
    /// The other.
    pub key: Key,
    /// What is known of it, if it was ever seen.
    pub item: Option<Item>,
}

impl Place {
    /// The placement of the span of an episode that began at `start`: its parent is the episode
    /// of the parent item that was going on then.
    pub fn at(&self, start: Time) -> Placement {
        let episode = |item: &Option<Item>| item.as_ref().map_or(0, |item| item.episode_at(start));
        Placement {
            root: self.root.clone(),
            parent: self.ancestors.first().map(|parent| (parent.key.clone(), episode(&parent.item))),
            links: self
                .links
                .iter()
                .map(|link| Related {
                    root: link.root.clone(),
                    key: link.key.clone(),
                    episode: episode(&link.item),
                    relation: link.relation.as_str(),
                })
                .collect(),
            first_commit: self.first_commit,
        }
    }

    /// The tags that the item inherits: the root's, overlaid by each item on the way down.
    pub fn inherited(&self, tagger: &Tagger) -> Tags {
        self.ancestors
            .iter()
            .rev()
            .filter_map(|ancestor| ancestor.item.as_ref())
            .fold(Tags::new(), |inherited, item| tagger.tags(item, &inherited))
    }
}

/// Finds an item's place.
pub fn place<L: Lookup>(item: &Item, lookup: &mut L) -> Result<Place, L::Error> {
    let mut pins = Vec::new();
    let Stand { candidates, chain, ships } = stand(item, lookup, &mut pins)?;
    let root = chain.last().map_or_else(|| item.key.clone(), |top| top.key.clone());

    let mut links: Vec<Link> = Vec::new();
    let mut ships_with_roots = Vec::with_capacity(ships.len());
    for shipped in ships {
        // Its last stage is exported with the deploy, in its trace: so that is settled too.
        let change = climb(&[(Relation::Ships, shipped.item.key.clone())], lookup, &mut pins)?;
        let root = change.last().map_or(&shipped.item.key, |top| &top.key).clone();
        if !chain.iter().any(|above| above.key == shipped.item.key) {
            links.push(Link {
                relation: Relation::Ships,
                root: root.clone(),
                key: shipped.item.key.clone(),
                item: Some(shipped.item.clone()),
            });
        }
        ships_with_roots.push((root, shipped));
    }
    let room = links.len() + MAX_LINKS;
    for (relation, key) in candidates.above.into_iter().chain(candidates.beside) {
        let told = chain.iter().any(|a| a.key == key) || links.iter().any(|link| link.key == key);
        if told || links.len() == room {
            continue;
        }
        let root = root_of(&key, lookup)?;
        let item = lookup.item(&key)?;
        links.push(Link { relation, root, key, item });
    }
    let first_commit = candidates.first_commit;
    Ok(Place { root, ancestors: chain, links, ships: ships_with_roots, first_commit, pins })
}

/// The root of the trace that `key` is in, or would be in if it were exported now.
pub fn root_of<L: Lookup>(key: &Key, lookup: &mut L) -> Result<Key, L::Error> {
    if let Some(pin) = lookup.pin(key)? {
        return Ok(pin.root);
    }
    let Some(item) = lookup.item(key)? else { return Ok(key.clone()) };
    let stand = stand(&item, lookup, &mut Vec::new())?;
    Ok(stand.chain.last().map_or(key, |top| &top.key).clone())
}

/// What an item hangs below, and what could have been.
struct Stand {
    candidates: Candidates,
    chain: Vec<Ancestor>,
    ships: Vec<Shipped>,
}

/// Finds what an item hangs below, and pins it if that is not settled yet. A deploy that names nothing
/// hangs below the last change that it brings.
fn stand<L: Lookup>(item: &Item, lookup: &mut L, pins: &mut Vec<(Key, Pin)>) -> Result<Stand, L::Error> {
    let mut candidates = candidates(item, lookup)?;
    let mut named = Vec::new();
    if item.key.kind() == Kind::Deploy {
        // The pull requests that it names, and those above what it names.
        for (_, key) in &candidates.above {
            let mut next = Some(key.clone());
            while let Some(key) = next.filter(|key| key.kind() != Kind::Issue) {
                let found = lookup.item(&key)?;
                next = match (&found, key.kind()) {
                    (Some(build), Kind::Build) => {
                        self::candidates(build, lookup)?.above.into_iter().next().map(|(_, key)| key)
                    }
                    _ => None,
                };
                named.push((key, found));
            }
        }
    }
    let ships = ship::shipped(item, &ship::changes(named.into_iter()), lookup)?;
    let pinned = lookup.pin(&item.key)?;
    if candidates.above.is_empty()
        && let Some(last) = ships.last()
    {
        candidates.above.push((Relation::Ships, last.item.key.clone()));
    }
    let chain = match pinned {
        Some(pin) => follow_pins(pin, lookup)?,
        None => {
            let chain = climb(&candidates.above, lookup, pins)?;
            let root = chain.last().map_or(&item.key, |top| &top.key).clone();
            pins.push((item.key.clone(), Pin { root, parent: chain.first().map(|a| a.key.clone()) }));
            chain
        }
    };
    Ok(Stand { candidates, chain, ships })
}

/// From the first candidate up to the root, pinning what is not pinned yet. The candidates after
/// the first stand in for what an unseen parent would say of itself: a job knows the commit of a
/// run whose own delivery never came.
fn climb<L: Lookup>(
    candidates: &[(Relation, Key)],
    lookup: &mut L,
    pins: &mut Vec<(Key, Pin)>,
) -> Result<Vec<Ancestor>, L::Error> {
    let Some(((_, key), rest)) = candidates.split_first() else { return Ok(Vec::new()) };
    let item = lookup.item(key)?;
    let above = match lookup.pin(key)? {
        Some(pin) => follow_pins(pin, lookup)?,
        None => {
            let own = match &item {
                Some(item) => self::candidates(item, lookup)?.above,
                None => rest.iter().filter(|(_, k)| k.kind().depth() < key.kind().depth()).cloned().collect(),
            };
            let above = climb(&own, lookup, pins)?;
            let root = above.last().map_or(key, |top| &top.key).clone();
            pins.push((key.clone(), Pin { root, parent: above.first().map(|a| a.key.clone()) }));
            above
        }
    };
    let mut chain = vec![Ancestor { key: key.clone(), item }];
    chain.extend(above);
    Ok(chain)
}

fn follow_pins<L: Lookup>(pin: Pin, lookup: &mut L) -> Result<Vec<Ancestor>, L::Error> {
    let mut chain = Vec::new();
    let mut next = pin.parent;
    while let Some(key) = next {
        let item = lookup.item(&key)?;
        next = lookup.pin(&key)?.and_then(|pin| pin.parent);
        chain.push(Ancestor { key, item });
    }
    // An ancestor without a pin of its own would be a gap; the pin's own word on the root counts.
    if chain.last().is_some_and(|top| top.key != pin.root) {
        let item = lookup.item(&pin.root)?;
        chain.push(Ancestor { key: pin.root, item });
    }
    Ok(chain)
}

/// What an item points at.
#[derive(Default)]
struct Candidates {
    /// What could be its parent, the best first, each once.
    above: Vec<(Relation, Key)>,
    /// What it belongs to in another way.
    beside: Vec<(Relation, Key)>,
    /// When the first commit of a pull request was made.
    first_commit: Option<Time>,
}

impl Candidates {
    fn add(&mut self, of: &Item, relation: Relation, key: Key) {
        let above = relation.is_parental() && key.kind().depth() < of.key.kind().depth();
        let known = self.above.iter().chain(&self.beside).any(|(_, known)| *known == key);
        if !known && key != of.key {
            if above { &mut self.above } else { &mut self.beside }.push((relation, key));
        }
    }
}

fn candidates<L: Lookup>(item: &Item, lookup: &mut L) -> Result<Candidates, L::Error> {
    let mut found = Candidates::default();
    for (relation, latest) in &item.facts.relations {
        for target in &latest.value {
            for key in resolve(*relation, target, item, lookup)? {
                found.add(item, *relation, key);
            }
        }
    }
    if item.key.kind() == Kind::PullRequest {
        let history = history::of(item, lookup)?;
        found.first_commit = history.first_commit;
        for key in history.issues {
            found.add(item, Relation::IssueKey, key);
        }
    }
    Ok(found)
}

fn resolve<L: Lookup>(
    relation: Relation,
    target: &Target,
    item: &Item,
    lookup: &mut L,
) -> Result<Vec<Key>, L::Error> {
    Ok(match target {
        Target::Key(key) if is_really_a_pull_request(key, lookup)? => Vec::new(),
        Target::Key(key) => vec![key.clone()],
        Target::Hint(key) => match lookup.item(key)? {
            Some(_) => vec![key.clone()],
            None => Vec::new(),
        },
        Target::Token { project, kind, id } => {
            let Some(source) = project.project_source() else { return Ok(Vec::new()) };
            let projects = lookup.pointers(project)?;
            // A name that two projects share says nothing.
            let [Pointer::Project(host, path)] = projects.as_slice() else { return Ok(Vec::new()) };
            // Jira's ids have the project in them: `PROJ-12`.
            let whole = format!("{path}-{id}");
            let id = if source == Source::Jira { &whole } else { id };
            let mut keys: Vec<Key> = Key::new(source, host, path, *kind, id).into_iter().collect();
            // The original called a Jenkins job that deploys a build too.
            if *kind == Kind::Build
                && let Ok(deploy) = Key::new(source, host, path, Kind::Deploy, id)
                && lookup.item(&deploy)?.is_some()
            {
                keys = vec![deploy];
            }
            keys
        }
        Target::Ref(reference) => {
            let mut keys = Vec::new();
            for pointer in lookup.pointers(reference)? {
                match pointer {
                    Pointer::Item(key) => keys.push(key),
                    Pointer::Ref(branch) => {
                        let there = lookup.pointers(&branch)?.into_iter().filter_map(|p| match p {
                            Pointer::Item(key) => Some(key),
                            _ => None,
                        });
                        keys.extend(best_first(there.collect(), item, true, lookup)?.into_iter().take(1));
                    }
                    Pointer::Project(..) | Pointer::Moment(_) => {}
                }
            }
            // A branch's name is used again and again; a commit's sha is not.
            let by_name = relation == Relation::Branch;
            let mut keys = best_first(keys, item, by_name, lookup)?;
            if by_name {
                keys.truncate(1);
            }
            keys
        }
    })
}

/// `fixes #12` can name a pull request, since GitHub counts both with one number; it closes none.
fn is_really_a_pull_request<L: Lookup>(key: &Key, lookup: &mut L) -> Result<bool, L::Error> {
    if key.kind() != Kind::Issue || lookup.item(key)?.is_some() {
        return Ok(false);
    }
    match key.sibling(Kind::PullRequest, key.id()) {
        Ok(change) => Ok(lookup.item(&change)?.is_some()),
        Err(_) => Ok(false),
    }
}

/// How long after a pull request's end a build of its branch can still be its own, in
/// microseconds: the two clocks may differ.
const BRANCH_GRACE: i64 = 60_000_000;

/// Orders the items that a commit or a branch points at: the nearest kind first; what was open
/// when the item began before what was not; of those the youngest; the rest by key. Found
/// `by_name` of a branch, what had ended before the item began is left out: the name has been
/// taken up again since.
fn best_first<L: Lookup>(
    keys: Vec<Key>,
    item: &Item,
    by_name: bool,
    lookup: &mut L,
) -> Result<Vec<Key>, L::Error> {
    let at = item.opened();
    let mut ranked = Vec::with_capacity(keys.len());
    for key in keys {
        let other = lookup.item(&key)?;
        let episodes = other.as_ref().map(Item::episodes).unwrap_or_default();
        let was_open = at.is_some_and(|at| {
            episodes.iter().any(|e| e.start <= at && e.end.is_none_or(|(end, _)| at <= end))
        });
        let ended = episodes.last().and_then(|episode| episode.end);
        if by_name && at.zip(ended).is_some_and(|(at, (end, _))| at.since(end) > BRANCH_GRACE) {
            continue;
        }
        let opened = episodes.first().map(|episode| episode.start);
        let begun = opened.filter(|opened| at.is_none_or(|at| *opened <= at));
        let rank = (
            std::cmp::Reverse(key.kind().depth()),
            !was_open,
            std::cmp::Reverse(begun),
            key.as_str().len(),
            key,
        );
        ranked.push(rank);
    }
    ranked.sort_unstable();
    ranked.dedup();
    Ok(ranked.into_iter().map(|(.., key)| key).collect())
}

#[cfg(test)]
mod tests;
