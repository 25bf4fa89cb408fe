//! Lines: what follows each other in time and belongs together, the deploys of a service to an
//! environment, and the merges of a repository. An item says where on which line it stands
//! ([`moment`]); who wants to know what a deploy brings asks for the deploys before it and for the
//! merges between ([`super::ship`]).

use sha2::{Digest, Sha256};

use super::attr::{Attr, Value};
use super::event::Outcome;
use super::item::Item;
use super::key::{Kind, Source};
use super::time::Time;

/// What follows each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Line(String);

impl Line {
    /// The successful deploys of what this one deploys, to where this one goes.
    pub fn of_deploy(item: &Item) -> Self {
        let name = text(item, Attr::DeploymentName).unwrap_or_default();
        let environment = text(item, Attr::Environment).unwrap_or_default();
        Self(format!("deploys\0{}\0{name}\0{environment}", repository(item)))
    }

    /// The merges of a repository, `host/path` in lower case.
    pub fn merges(repository: &str) -> Self {
        Self(format!("merges\0{repository}"))
    }

    /// The form in which a line is stored: 64 bits of a SHA-256.
    pub fn hashed(&self) -> i64 {
        let digest = Sha256::digest(&self.0);
        let mut short = [0; 8];
        short.copy_from_slice(&digest[..8]);
        i64::from_be_bytes(short)
    }
}

/// Where an item stands on a line, if it stands on one: a deploy that succeeded when it ended, a
/// pull request when it was merged.
pub fn moment(item: &Item) -> Option<(Line, Time)> {
    let (kind, outcome) = match item.key.kind() {
        Kind::Deploy => (Kind::Deploy, Outcome::Success),
        Kind::PullRequest => (Kind::PullRequest, Outcome::Merged),
        Kind::Issue | Kind::Build | Kind::Job | Kind::Sprint => return None,
    };
    let (at, _) = item.episodes().last()?.end.filter(|(_, ended)| *ended == outcome)?;
    let line = match kind {
        Kind::Deploy => Line::of_deploy(item),
        _ => Line::merges(&repository(item)),
    };
    Some((line, at))
}

/// The repository as `host/path`, from its address, else from the key: the deploying job for Jenkins,
/// whose messages need not say what they check out. In lower case, as forges compare them: Jenkins'
/// clone addresses need not be written like GitHub's names.
pub fn repository(item: &Item) -> String {
    if let Some(repository) = stated_repository(item) {
        return repository;
    }
    let named = format!("{}/{}", item.key.host(), item.key.project());
    match item.key.source() {
        Source::Github | Source::Gitlab => named.to_lowercase(),
        Source::Jenkins | Source::Jira | Source::Cdevents | Source::Custom => named,
    }
}

/// The repository, if the item or its key says it.
pub fn known_repository(item: &Item) -> Option<String> {
    let forge = matches!(item.key.source(), Source::Github | Source::Gitlab);
    stated_repository(item).or_else(|| forge.then(|| repository(item)))
}

fn stated_repository(item: &Item) -> Option<String> {
    let (_, rest) = text(item, Attr::RepositoryUrl)?.split_once("://")?;
    Some(rest.trim_end_matches('/').to_lowercase())
}

/// A descriptive text of an item. One that was taken back is empty, and none.
pub fn text(item: &Item, attr: Attr) -> Option<&str> {
    match item.facts.attrs.get(&attr).map(|latest| &latest.value) {
        Some(Value::Str(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acme, at, cycle, item, key, run, stamp};
    use super::*;

    #[test]
    fn a_merge_stands_on_its_repositorys_line_and_a_success_on_its_services() {
        let merged = item(cycle(acme("pull_request/1"), 0, &[(10, Outcome::Merged)], &[]));
        assert_eq!(moment(&merged), Some((Line::merges("github.com/acme/api"), at(10))));
        let mut deploy = run(key("jenkins:ci/ship/deploy/1"), 0, Some((20, Outcome::Success)));
        deploy.facts.attr(stamp(0), Attr::RepositoryUrl, Some("https://GitHub.com/Acme/API"));
        deploy.facts.attr(stamp(0), Attr::Environment, Some("production"));
        let deploy = item(deploy);
        let (line, when) = moment(&deploy).unwrap();
        assert_eq!((&line, when), (&Line::of_deploy(&deploy), at(20)));
        assert_eq!(line.0, "deploys\0github.com/acme/api\0\0production");
    }

    #[test]
    fn what_was_not_merged_or_did_not_succeed_stands_nowhere() {
        for event in [
            cycle(acme("pull_request/1"), 0, &[(10, Outcome::Closed)], &[]),
            cycle(acme("pull_request/1"), 0, &[], &[]),
            cycle(acme("issue/1"), 0, &[(10, Outcome::Completed)], &[]),
            run(acme("deploy/1"), 0, Some((10, Outcome::Failure))),
            run(acme("build/1.1"), 0, Some((10, Outcome::Success))),
        ] {
            assert_eq!(moment(&item(event)), None);
        }
    }
}
