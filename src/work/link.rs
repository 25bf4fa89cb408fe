//! Which items belong together. Given an item and a way to look others up, finds its parent, the
//! root of its trace, and what else it is linked to.
//!
//! The decision is made as late as possible, when the first span of a trace is about to be
//! exported, and from then on it stands: everything on the way to the root is *pinned*. A relation
//! learned later finds the pin and becomes a span link.

use super::event::{Pointer, Ref, Relation, Target};
use super::item::Item;
use super::key::{Key, Kind};
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
}

/// The most links of a span besides its parent.
const MAX_LINKS: usize = 32;

/// An item's place in its trace.
#[derive(Clone, Debug)]
pub struct Place {
    /// The root of its trace.
    pub root: Key,
    /// From its parent up to the root; empty for the root.
    pub ancestors: Vec<Ancestor>,
    /// What else it belongs to, with the root of the other's trace and the other if it was seen.
    pub links: Vec<(Relation, Key, Key, Option<Item>)>,
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
                .map(|(relation, root, key, item)| Related {
                    root: root.clone(),
                    key: key.clone(),
                    episode: episode(item),
                    relation: relation.as_str(),
                })
                .collect(),
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
    let candidates = candidates(item, lookup)?;
    let mut pins = Vec::new();
    let chain = match lookup.pin(&item.key)? {
        Some(pin) => follow_pins(pin, lookup)?,
        None => {
            let chain = climb(&candidates, lookup, &mut pins)?;
            let root = chain.last().map_or(&item.key, |top| &top.key).clone();
            pins.push((item.key.clone(), Pin { root, parent: chain.first().map(|a| a.key.clone()) }));
            chain
        }
    };
    let root = chain.last().map_or_else(|| item.key.clone(), |top| top.key.clone());

    let mut links = Vec::new();
    let others = candidates.into_iter().chain(followed(item));
    for (relation, key) in others.filter(|(_, key)| *key != item.key) {
        let told = chain.iter().any(|a| a.key == key) || links.iter().any(|(_, _, k, _)| *k == key);
        if told || links.len() == MAX_LINKS {
            continue;
        }
        let other_root = root_of(&key, lookup)?;
        let other = lookup.item(&key)?;
        links.push((relation, other_root, key, other));
    }
    Ok(Place { root, ancestors: chain, links, pins })
}

/// The root of the trace that `key` is in, or would be in if it were exported now.
pub fn root_of<L: Lookup>(key: &Key, lookup: &mut L) -> Result<Key, L::Error> {
    if let Some(pin) = lookup.pin(key)? {
        return Ok(pin.root);
    }
    let Some(item) = lookup.item(key)? else { return Ok(key.clone()) };
    let candidates = candidates(&item, lookup)?;
    let chain = climb(&candidates, lookup, &mut Vec::new())?;
    Ok(chain.last().map_or(key, |top| &top.key).clone())
}

/// What an item follows: links, never parents.
fn followed(item: &Item) -> Vec<(Relation, Key)> {
    let follows = item.facts.relations.get(&Relation::Follows);
    let keys = follows.iter().flat_map(|latest| &latest.value).filter_map(|target| match target {
        Target::Key(key) => Some((Relation::Follows, key.clone())),
        _ => None,
    });
    keys.collect()
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
                Some(item) => self::candidates(item, lookup)?,
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

/// The items that could be an item's parent, the best first, each once.
fn candidates<L: Lookup>(item: &Item, lookup: &mut L) -> Result<Vec<(Relation, Key)>, L::Error> {
    let mut found: Vec<(Relation, Key)> = Vec::new();
    for (relation, latest) in &item.facts.relations {
        if !relation.is_parental() {
            continue;
        }
        for target in &latest.value {
            for key in resolve(*relation, target, item, lookup)? {
                let above = key.kind().depth() < item.key.kind().depth();
                if above && !found.iter().any(|(_, known)| *known == key) {
                    found.push((*relation, key));
                }
            }
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
