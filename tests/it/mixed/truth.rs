//! What is known of a generated history, independently of the program: when each item lived, what it
//! hangs below, and what each deploy brings.

use std::collections::{BTreeMap, BTreeSet};

use valuestream::work::key::Key;

/// An open…closed interval, in minutes.
pub type Lived = (i64, Option<i64>);

/// A deploy.
#[derive(Clone, Debug)]
pub struct Deploy {
    pub key: Key,
    /// What is deployed, to where, as told by whom: deploys follow each other on it.
    pub line: String,
    /// Whose merges it brings.
    pub repository: String,
    pub production: bool,
    /// When its last episode began and ended.
    pub start: i64,
    pub end: i64,
    pub succeeded: bool,
    pub commit: Option<String>,
    pub rollback: bool,
    /// The change that it names, directly or through a build.
    pub names: Option<Key>,
    /// The item that it says it belongs to.
    pub parent: Option<Key>,
}

/// What is known of a history.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// The episodes of every item that was told of.
    pub lives: BTreeMap<Key, Vec<Lived>>,
    /// What each hangs below; deploys are apart.
    pub parents: BTreeMap<Key, Option<Key>>,
    /// What else an item is related to.
    pub links: BTreeSet<(Key, Key)>,
    /// The merges, by repository.
    pub merges: Vec<(String, i64, Key)>,
    pub deploys: Vec<Deploy>,
}

impl Truth {
    /// Episodes that ended, as (item, episode, start, end).
    pub fn ended(&self) -> impl Iterator<Item = (&Key, u32, i64, i64)> {
        self.lives.iter().flat_map(|(key, lives)| {
            (0..).zip(lives).filter_map(move |(n, (start, end))| Some((key, n, *start, (*end)?)))
        })
    }

    /// The episode that was going on in a minute.
    pub fn episode_at(&self, key: &Key, minute: i64) -> u32 {
        let begun =
            self.lives.get(key).map_or(0, |lives| lives.iter().filter(|(at, _)| *at <= minute).count());
        begun.saturating_sub(1) as u32
    }

    /// The deploys that put something new in place, of those of `deploy`'s line that were over by its
    /// end: successes, not said to be rollbacks, of a commit that had not been there. And whether this
    /// one itself only brings back what was there.
    fn before(&self, deploy: &Deploy) -> (Vec<&Deploy>, bool) {
        let mut line: Vec<&Deploy> = self
            .deploys
            .iter()
            .filter(|other| other.line == deploy.line && other.key != deploy.key)
            .filter(|other| other.succeeded && other.end <= deploy.end)
            .collect();
        line.sort_by_key(|other| other.end);
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut fresh = Vec::new();
        for other in line {
            let known = other.commit.as_ref().is_some_and(|commit| !seen.insert(commit));
            if !known && !other.rollback {
                fresh.push(other);
            }
        }
        let back = deploy.rollback || deploy.commit.as_ref().is_some_and(|commit| seen.contains(&**commit));
        (fresh, back)
    }

    /// The changes that a deploy brings, in the order of their merges.
    pub fn brings(&self, deploy: &Deploy) -> Vec<(i64, &Key)> {
        let (fresh, back) = self.before(deploy);
        let after = fresh.iter().map(|other| other.start).max();
        let named = |key: &Key| deploy.names.as_ref() == Some(key);
        let mut brought: Vec<(i64, &Key)> = self
            .merges
            .iter()
            .filter(|(repository, at, key)| match after {
                _ if back || *at > deploy.start => false,
                None => named(key),
                Some(after) => *at > after && (*repository == deploy.repository || named(key)),
            })
            .map(|(_, at, key)| (*at, key))
            .collect();
        brought.sort();
        brought
    }

    /// What a deploy hangs below: what it names, else the last change that it brings.
    pub fn parent_of_deploy(&self, deploy: &Deploy) -> Option<Key> {
        let last = || self.brings(deploy).last().map(|(_, key)| (*key).clone());
        deploy.parent.clone().or_else(last)
    }

    /// What every item hangs below, deploys too.
    pub fn all_parents(&self) -> BTreeMap<Key, Option<Key>> {
        let mut parents = self.parents.clone();
        parents.extend(self.deploys.iter().map(|d| (d.key.clone(), self.parent_of_deploy(d))));
        parents
    }

    /// Every change that reached users, with the deploy that brought it, and when.
    pub fn arrivals(&self) -> Vec<(&Key, i64, &Deploy)> {
        let production = self.deploys.iter().filter(|deploy| deploy.production && deploy.succeeded);
        production
            .flat_map(|deploy| self.brings(deploy).into_iter().map(move |(at, key)| (key, at, deploy)))
            .collect()
    }
}
