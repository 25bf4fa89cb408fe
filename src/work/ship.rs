//! What a deploy brings. A change is a merged pull request; a deploy brings those that were merged
//! after the deploy before it began and until it began itself, of the same service and environment,
//! and those that it names itself. Deploys that bring back what was there (the same commit as an
//! earlier success, or said to be a rollback) bring nothing. Of the first deploy of a line nobody
//! knows how far back it goes: it brings what it names. Definitions: "Contained" in the metrics of
//! DORA as `docs/insight.md` has them.

use std::collections::HashSet;

use super::attr::Attr;
use super::event::{Outcome, Pointer, Ref};
use super::item::{Episode, Item};
use super::key::{Key, Kind, Source};
use super::line::{self, Line, text};
use super::link::Lookup;
use super::time::Time;

/// How many deploys before it are looked at.
const MAX_BEFORE: usize = 24;

/// The most changes that a deploy is said to bring.
pub const MAX_SHIPPED: usize = 256;

/// A change that a deploy brings.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The pull request.
    pub item: Item,
    /// When it was merged.
    pub merged: Time,
}

/// What a deploy brings, in the order of the merges. `named` are the pull requests that it names
/// itself, by commit, build or token.
pub fn shipped<L: Lookup>(deploy: &Item, named: &[Item], lookup: &mut L) -> Result<Vec<Shipped>, L::Error> {
    if deploy.key.kind() != Kind::Deploy || is_rollback(deploy) {
        return Ok(Vec::new());
    }
    let last = || deploy.episodes().last().copied();
    let Some(episode) = arrival(deploy).or_else(last) else { return Ok(Vec::new()) };
    // One of which only the end is known brings what was merged before its end.
    let start = episode.start;
    let until = episode.end.map_or(start, |(end, _)| end);
    let Some(after) = before(deploy, until, lookup)? else { return Ok(Vec::new()) };

    let mut found: Vec<Shipped> = Vec::new();
    if let Before::Began(after) = after
        && let Some(repository) = repository(deploy, named, lookup)?
    {
        let merges = lookup.moments(&Line::merges(&repository), after, start, MAX_SHIPPED)?;
        for (at, key) in merges {
            if let Some(item) = lookup.item(&key)?
                && line::moment(&item).is_some_and(|(_, merged)| merged == at)
            {
                found.push(Shipped { item, merged: at });
            }
        }
    }
    for item in named {
        let merged = line::moment(item).filter(|_| item.key.kind() == Kind::PullRequest);
        let Some((_, merged)) = merged else { continue };
        let new = match after {
            Before::Began(after) => merged > after,
            Before::Nothing => true,
        };
        if new && merged <= start && !found.iter().any(|known| known.item.key == item.key) {
            found.push(Shipped { item: item.clone(), merged });
        }
    }
    found.sort_by(|a, b| (a.merged, &a.item.key).cmp(&(b.merged, &b.item.key)));
    found.truncate(MAX_SHIPPED);
    Ok(found)
}

/// The episode with which a deploy brought what it brings: the first that ended well.
pub fn arrival(deploy: &Item) -> Option<Episode> {
    deploy.episodes().into_iter().find(|episode| matches!(episode.end, Some((_, Outcome::Success))))
}

/// What was there before a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// No success of its line is known.
    Nothing,
    /// When the last one that brought something began.
    Began(Time),
}

/// What was there before a deploy; `None` if it only brings that back.
fn before<L: Lookup>(deploy: &Item, until: Time, lookup: &mut L) -> Result<Option<Before>, L::Error> {
    let line = Line::of_deploy(deploy);
    let mut successes: Vec<(Time, Item)> = Vec::new();
    for (at, key) in lookup.moments(&line, Time::MIN, until, MAX_BEFORE)? {
        // Of two that ended in one instant the one with the lesser key was first.
        let earlier = (at, &key) < (until, &deploy.key);
        let Some(item) = lookup.item(&key)?.filter(|_| earlier) else { continue };
        if line::moment(&item).is_some_and(|(there, ended)| there == line && ended == at) {
            successes.push((at, item));
        }
    }
    successes.sort_by(|a, b| (a.0, &a.1.key).cmp(&(b.0, &b.1.key)));
    let mut commits: HashSet<&str> = HashSet::new();
    let mut last: Option<Time> = None;
    for (_, item) in &successes {
        let known = text(item, Attr::RefHeadRevision).is_some_and(|commit| !commits.insert(commit));
        let began = item.episodes().last().map(|episode| episode.start);
        if !known && !is_rollback(item) {
            last = last.max(began);
        }
    }
    let back = text(deploy, Attr::RefHeadRevision).is_some_and(|commit| commits.contains(commit));
    if back {
        return Ok(None);
    }
    Ok(Some(last.map_or(Before::Nothing, Before::Began)))
}

/// The repository whose merges a deploy brings: its own; else that of the pull requests it names,
/// if they agree; else the only one that is called like the service.
fn repository<L: Lookup>(deploy: &Item, named: &[Item], lookup: &mut L) -> Result<Option<String>, L::Error> {
    if let Some(repository) = line::known_repository(deploy) {
        return Ok(Some(repository));
    }
    let mut repositories: Vec<String> = named.iter().map(line::repository).collect();
    repositories.sort_unstable();
    repositories.dedup();
    if let [only] = repositories.as_slice() {
        return Ok(Some(only.clone()));
    }
    let Some(service) = text(deploy, Attr::DeploymentName) else { return Ok(None) };
    let mut called: Vec<String> = Vec::new();
    for source in [Source::Github, Source::Gitlab] {
        let projects = lookup.pointers(&Ref::project(source, service))?;
        called.extend(projects.into_iter().filter_map(|pointer| match pointer {
            Pointer::Project(host, path) => Some(format!("{host}/{path}").to_lowercase()),
            _ => None,
        }));
    }
    Ok(if called.len() == 1 { called.pop() } else { None })
}

/// Whether a deploy was said to be a rollback.
pub fn is_rollback(deploy: &Item) -> bool {
    flagged(deploy, "rollback")
}

/// Whether one of an item's parameters says yes.
pub fn flagged(item: &Item, name: &str) -> bool {
    let parameters = item.facts.marks.parameters.iter().flat_map(|parameters| &parameters.value);
    let mut said = parameters.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    said.any(|(_, value)| ["true", "yes", "1"].iter().any(|yes| value.trim().eq_ignore_ascii_case(yes)))
}

/// The pull requests among some items.
pub fn changes(items: impl Iterator<Item = (Key, Option<Item>)>) -> Vec<Item> {
    let mut found: Vec<Item> = Vec::new();
    for item in items.filter_map(|(_, item)| item) {
        if item.key.kind() == Kind::PullRequest && !found.iter().any(|known| known.key == item.key) {
            found.push(item);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::event::{Event, Outcome::*, Relation, Target};
    use super::super::lattice::Latest;
    use super::super::testing::{World, acme, at, cycle, key, related, run, stamp};
    use super::*;

    fn merged(world: &mut World, number: u32, seconds: i64) -> Key {
        world.see(cycle(acme(&format!("pull_request/{number}")), 0, &[(seconds, Merged)], &[])).key
    }

    fn deploy(id: u32, from: i64, outcome: Option<(i64, super::super::event::Outcome)>, sha: &str) -> Event {
        let mut event = run(acme(&format!("deploy/{id}")), from, outcome);
        event.facts.attr(stamp(0), Attr::Environment, Some("production"));
        event.facts.attr(stamp(0), Attr::RefHeadRevision, Some(sha));
        event
    }

    fn brings(world: &mut World, event: Event) -> Vec<String> {
        let item = world.see(event);
        let place = world.export(&item);
        place.ships.iter().map(|(_, change)| change.item.key.id().to_owned()).collect()
    }

    #[test]
    fn a_deploy_brings_what_was_merged_since_the_success_before_it_began() {
        let mut world = World::default();
        for (number, seconds) in [(1, 50), (2, 100), (3, 150), (4, 200), (5, 250)] {
            merged(&mut world, number, seconds);
        }
        world.see(deploy(1, 100, Some((120, Success)), "a"));
        world.see(deploy(2, 180, Some((190, Failure)), "b"));
        assert_eq!(brings(&mut world, deploy(3, 200, Some((220, Success)), "c")), ["3", "4"]);
        assert_eq!(brings(&mut world, deploy(4, 260, Some((270, Failure)), "d")), ["5"], "it tried to");
    }

    #[test]
    fn of_two_deploys_that_end_in_one_instant_one_was_first() {
        let mut world = World::default();
        world.see(deploy(1, 10, Some((20, Success)), "a"));
        merged(&mut world, 1, 50);
        let (one, other) =
            (deploy(2, 100, Some((120, Success)), "b"), deploy(3, 100, Some((120, Success)), "c"));
        world.see(other.clone());
        assert_eq!(brings(&mut world, one), ["1"]);
        assert!(brings(&mut world, other).is_empty(), "it came with the other");
    }

    #[test]
    fn the_first_deploy_brings_only_what_it_names() {
        let mut world = World::default();
        let named = merged(&mut world, 1, 50);
        merged(&mut world, 2, 60);
        let event = deploy(1, 100, Some((120, Success)), "a");
        assert!(brings(&mut world, event.clone()).is_empty());
        let event = related(event, Relation::PullRequest, vec![Target::Key(named)]);
        assert_eq!(brings(&mut world, event), ["1"]);
    }

    #[test]
    fn what_only_brings_back_what_was_there_brings_nothing() {
        let mut world = World::default();
        world.see(deploy(1, 100, Some((120, Success)), "a"));
        world.see(deploy(2, 200, Some((220, Success)), "b"));
        merged(&mut world, 1, 250);
        assert!(brings(&mut world, deploy(3, 300, Some((320, Success)), "b")).is_empty(), "again");
        assert!(brings(&mut world, deploy(4, 400, Some((420, Success)), "a")).is_empty(), "back");
        let mut flagged = deploy(5, 500, Some((520, Success)), "c");
        let parameters = [("ROLLBACK".to_owned(), "true".to_owned())].into_iter().collect();
        flagged.facts.marks.parameters = Some(Latest::new(stamp(0), parameters));
        assert!(brings(&mut world, flagged).is_empty(), "said to be a rollback");
        assert_eq!(brings(&mut world, deploy(6, 600, Some((620, Success)), "d")), ["1"], "still on its way");
    }

    #[test]
    fn another_environment_and_another_service_are_other_lines() {
        let mut world = World::default();
        let mut staging = deploy(1, 100, Some((120, Success)), "a");
        staging.facts.attr(stamp(1), Attr::Environment, Some("staging"));
        world.see(staging);
        let mut other = deploy(2, 100, Some((120, Success)), "a");
        other.facts.attr(stamp(1), Attr::DeploymentName, Some("worker"));
        world.see(other);
        merged(&mut world, 1, 150);
        assert!(brings(&mut world, deploy(3, 200, Some((220, Success)), "b")).is_empty());
    }

    #[test]
    fn a_deploy_without_a_repository_has_that_of_what_it_is_called_after() {
        let mut world = World::default();
        let job = |id: u32, from: i64| {
            let mut event =
                run(key(&format!("jenkins:ci/ship/deploy/{id}")), from, Some((from + 20, Success)));
            event.facts.attr(stamp(0), Attr::DeploymentName, Some("Api"));
            event
        };
        merged(&mut world, 1, 150);
        world.see(job(1, 100));
        assert!(brings(&mut world, job(2, 200)).is_empty(), "nobody knows a project of this name");
        let project = |path: &str| Pointer::Project("github.com".to_owned(), path.to_owned());
        world.point(Ref::project(Source::Github, "api"), project("acme/api"));
        world.pins.clear();
        assert_eq!(brings(&mut world, job(2, 200)), ["1"]);
        // Whichever of two is looked at first.
        world.refs.clear();
        for path in ["other/api", "acme/api"] {
            world.point(Ref::project(Source::Github, "api"), project(path));
        }
        assert!(brings(&mut world, job(2, 200)).is_empty(), "two of this name");
    }

    #[test]
    fn a_deploy_that_names_nothing_hangs_below_the_last_change_that_it_brings() {
        let mut world = World::default();
        world.see(deploy(1, 100, Some((120, Success)), "a"));
        let issue = acme("issue/9");
        world.see(related(
            cycle(acme("pull_request/1"), 0, &[(150, Merged)], &[]),
            Relation::Closes,
            vec![Target::Key(issue.clone())],
        ));
        merged(&mut world, 2, 140);
        let shipped = world.see(deploy(2, 200, Some((220, Success)), "b"));
        let place = world.export(&shipped);
        assert_eq!(place.root, issue);
        assert_eq!(
            place.ancestors.iter().map(|a| a.key.clone()).collect::<Vec<_>>(),
            [acme("pull_request/1"), issue]
        );
        let links: Vec<(Relation, Key)> = place.links.iter().map(|l| (l.relation, l.key.clone())).collect();
        assert_eq!(links, [(Relation::Ships, acme("pull_request/2"))]);
        assert_eq!(place.at(at(200)).links[0].relation, "ships");
    }
}
