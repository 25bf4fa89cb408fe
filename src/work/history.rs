//! What pushes tell of a pull request: when its first commit was made, and which issues its commits
//! name. A push is found by the commit that it ended with, which is a head of the pull request; from
//! there the pushes before it on the same branch are followed back, until the branch began, or until
//! a commit is reached that another pull request ended with.

use std::collections::HashSet;

use super::attr::Attr;
use super::event::{Pointer, Ref, What};
use super::item::Item;
use super::key::{Key, Kind};
use super::line::text;
use super::link::Lookup;
use super::time::Time;

/// How many pushes are followed.
const MAX_PUSHES: usize = 64;

/// What is known from pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// When the first commit was made.
    pub first_commit: Option<Time>,
    /// The issues that commits name, and that were seen.
    pub issues: Vec<Key>,
}

/// What pushes tell of a pull request.
pub fn of<L: Lookup>(change: &Item, lookup: &mut L) -> Result<History, L::Error> {
    let mut history = History::default();
    let mut issues: Vec<Ref> = Vec::new();
    let mut seen: HashSet<Ref> = HashSet::new();
    // Its own heads, and what lies before them.
    let mut next: Vec<(Ref, bool)> = heads(change).filter_map(Ref::push).map(|push| (push, true)).collect();
    while let Some((push, own)) = next.pop() {
        if seen.len() == MAX_PUSHES || seen.contains(&push) {
            continue;
        }
        if !own && is_anothers(&push, change, lookup)? {
            continue;
        }
        seen.insert(push.clone());
        for pointer in lookup.pointers(&push)? {
            match pointer {
                Pointer::Moment(at) => {
                    history.first_commit = Some(history.first_commit.map_or(at, |first| first.min(at)));
                }
                Pointer::Ref(other) if other.commit_of_push().is_some() => next.push((other, false)),
                Pointer::Ref(issue) => issues.push(issue),
                Pointer::Item(key) if key.kind() == Kind::Issue => history.issues.push(key),
                Pointer::Item(_) | Pointer::Project(..) => {}
            }
        }
    }
    issues.sort_unstable();
    issues.dedup();
    for issue in issues {
        let there = lookup.pointers(&issue)?.into_iter().filter_map(|pointer| match pointer {
            Pointer::Item(key) => Some(key),
            _ => None,
        });
        history.issues.extend(there);
    }
    history.issues.sort_unstable();
    history.issues.dedup();
    Ok(history)
}

/// The commits that a pull request has had as its head.
fn heads(change: &Item) -> impl Iterator<Item = &str> {
    let synchronized = change.facts.happenings.iter().filter(|h| h.what == What::Synchronize);
    let synchronized = synchronized.filter_map(|h| h.detail.as_deref());
    synchronized.chain(text(change, Attr::RefHeadRevision))
}

/// Whether a push ended with what another pull request ended with: what lies before is that one's.
fn is_anothers<L: Lookup>(push: &Ref, change: &Item, lookup: &mut L) -> Result<bool, L::Error> {
    let Some(commit) = push.commit_of_push() else { return Ok(false) };
    let mut others = false;
    for pointer in lookup.pointers(&commit)? {
        if let Pointer::Item(key) = pointer
            && key.kind() == Kind::PullRequest
        {
            if key == change.key {
                return Ok(false);
            }
            others = true;
        }
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use super::super::event::{Event, Happening};
    use super::super::testing::{World, acme, at, cycle, key, stamp};
    use super::*;

    fn sha(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn push(digit: char) -> Ref {
        Ref::push(&sha(digit)).unwrap()
    }

    /// A pull request whose heads were the commits of these digits, the last one first known.
    fn change(heads: &[char]) -> Event {
        let mut event = cycle(acme("pull_request/1"), 100, &[], &[]);
        let (last, before) = heads.split_last().unwrap();
        event.facts.attr(stamp(0), Attr::RefHeadRevision, Some(sha(*last)));
        for (n, head) in (0..).zip(before) {
            let (what, detail) = (What::Synchronize, Some(sha(*head)));
            event.facts.happenings.insert(Happening { at: at(n), what, detail, role: None, person: None });
        }
        event
    }

    fn told(world: &mut World, event: Event) -> History {
        let item = world.see(event);
        let Ok(history) = of(&item, world);
        history
    }

    #[test]
    fn pushes_are_followed_back_to_the_first_commit() {
        let mut world = World::default();
        world.point(push('c'), Pointer::Moment(at(90)));
        world.point(push('c'), Pointer::Ref(push('b')));
        world.point(push('b'), Pointer::Moment(at(20)));
        world.point(push('b'), Pointer::Ref(push('a')));
        world.point(push('a'), Pointer::Moment(at(50)));
        assert_eq!(told(&mut world, change(&['c'])).first_commit, Some(at(20)));
        assert_eq!(told(&mut world, change(&['a', 'c'])).first_commit, Some(at(20)));
        assert_eq!(told(&mut world, change(&['9'])).first_commit, None);
    }

    #[test]
    fn what_another_pull_request_ended_with_is_where_it_begins() {
        let mut world = World::default();
        world.point(push('c'), Pointer::Moment(at(90)));
        world.point(push('c'), Pointer::Ref(push('b')));
        world.point(push('b'), Pointer::Moment(at(20)));
        world.point(Ref::commit(&sha('b')).unwrap(), Pointer::Item(acme("pull_request/7")));
        assert_eq!(told(&mut world, change(&['c'])).first_commit, Some(at(90)));
        world.point(Ref::commit(&sha('b')).unwrap(), Pointer::Item(acme("pull_request/1")));
        assert_eq!(told(&mut world, change(&['c'])).first_commit, Some(at(20)), "its own head too");
    }

    #[test]
    fn commits_name_issues_that_were_seen() {
        let mut world = World::default();
        let jira = key("jira:acme.atlassian.net/PROJ/issue/PROJ-12");
        world.point(push('a'), Pointer::Ref(Ref::issue_key("PROJ-12")));
        world.point(push('a'), Pointer::Ref(Ref::issue_key("UTF-8")));
        assert!(told(&mut world, change(&['a'])).issues.is_empty());
        world.point(Ref::issue_key("proj-12"), Pointer::Item(jira.clone()));
        assert_eq!(told(&mut world, change(&['a'])).issues, [jira]);
    }

    #[test]
    fn a_circle_of_pushes_ends() {
        let mut world = World::default();
        world.point(push('a'), Pointer::Ref(push('b')));
        world.point(push('b'), Pointer::Ref(push('a')));
        world.point(push('b'), Pointer::Moment(at(5)));
        assert_eq!(told(&mut world, change(&['a'])).first_commit, Some(at(5)));
    }
}
