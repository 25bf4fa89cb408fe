//! Short ways to make observations, for tests.

use super::super::environment::Environments;
use super::super::observation::{Change, Deployed, Detail, Handled, Lived, Observation, Ran};
use super::super::query::Tier;
use super::{Population, Settings};
use crate::work::event::Outcome;
use crate::work::key::{Key, Kind};
use crate::work::testing::{acme, at};

/// Settings with the built-in keys and the given further ones.
pub fn settings(keys: &[&str]) -> Settings {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let (production, staging) = (texts(&["prod*"]), texts(&["stag*"]));
    Settings {
        tag_keys: [&["team", "language", "deploy.type"], keys]
            .concat()
            .iter()
            .map(|k| (*k).to_owned())
            .collect(),
        environments: Environments::new(&[(Tier::Production, &production), (Tier::Staging, &staging)])
            .unwrap(),
        incident_labels: texts(&["incident"]),
        stuck_after: [
            (Kind::Issue, 180),
            (Kind::PullRequest, 30),
            (Kind::Build, 1),
            (Kind::Job, 1),
            (Kind::Deploy, 1),
        ]
        .map(|(kind, days)| (kind, days * 86_400_000_000))
        .into(),
    }
}

/// An observation that can be added to.
#[derive(Clone, Debug)]
pub struct Seen(pub Observation);

/// An item of acme/api, such as `issue/12`, open since the beginning.
pub fn seen(kind_and_id: &str) -> Seen {
    of(acme(kind_and_id))
}

/// An item with this key, open since the beginning.
pub fn of(key: Key) -> Seen {
    let detail = match key.kind() {
        Kind::Sprint => Detail::None,
        Kind::Issue => Detail::Issue(Handled::default()),
        Kind::PullRequest => Detail::Change(Change::default()),
        Kind::Build | Kind::Job => Detail::Run(Ran::default()),
        Kind::Deploy => Detail::Deploy(Deployed {
            service: "github.com/acme/api".to_owned(),
            environment: "production".to_owned(),
            production: true,
            sha: None,
            rollback: false,
            hotfix: false,
            name: "api".to_owned(),
            repository: None,
        }),
    };
    Seen(Observation {
        key,
        ancestors: Vec::new(),
        links: Vec::new(),
        life: Lived { opened: Some(at(0)), start_known: true, open: true, ..Lived::default() },
        tags: Vec::new(),
        traits: vec![("repository".to_owned(), "github.com/acme/api".to_owned())],
        detail,
    })
}

impl Seen {
    /// Opened and closed at these seconds.
    pub fn lived(mut self, opened: i64, closed: i64, outcome: Outcome) -> Self {
        self.0.life = Lived {
            opened: Some(at(opened)),
            closed: Some((at(closed), outcome)),
            start_known: true,
            ..Lived::default()
        };
        self
    }

    /// Opened at this second, and open.
    pub fn opened(mut self, opened: i64) -> Self {
        self.0.life.opened = Some(at(opened));
        self
    }

    /// With an own tag.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.0.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// With a trait.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.0.traits.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Below these, the parent first.
    pub fn below(mut self, ancestors: &[&str]) -> Self {
        self.0.ancestors = ancestors.iter().map(|a| acme(a)).collect();
        self
    }

    /// Linked to these.
    pub fn linked(mut self, to: &[&str]) -> Self {
        self.0.links = to.iter().map(|a| acme(a)).collect();
        self
    }

    /// A pull request's moments.
    pub fn change(mut self, change: impl FnOnce(&mut Change)) -> Self {
        if let Detail::Change(it) = &mut self.0.detail {
            change(it);
        }
        self
    }

    /// A pull request that was opened, ready for review, and merged at these seconds.
    pub fn merged(self, opened: i64, merged: i64) -> Self {
        self.lived(opened, merged, Outcome::Merged).change(|change| {
            change.ready = Some(at(opened));
            change.merged = Some(at(merged));
        })
    }

    /// A build or job that was asked for at this second.
    pub fn queued(mut self, queued: i64) -> Self {
        if let Detail::Run(it) = &mut self.0.detail {
            it.queued = Some(at(queued));
        }
        self
    }

    /// Of another repository than acme/api.
    pub fn of_repository(mut self, name: &str) -> Self {
        self.0.traits.retain(|(key, _)| key != "repository");
        self.with("repository", name)
    }

    /// A deploy of this to there; what tier that is follows from the name.
    pub fn to(self, service: &str, environment: &str) -> Self {
        self.with("environment", environment).deploy(|it| {
            (it.service, it.environment, it.production) = (service.to_owned(), environment.to_owned(), false);
        })
    }

    /// A deploy of this commit.
    pub fn sha(self, sha: &str) -> Self {
        self.deploy(|it| it.sha = Some(sha.to_owned()))
    }

    /// A deploy's particulars.
    pub fn deploy(mut self, change: impl FnOnce(&mut Deployed)) -> Self {
        if let Detail::Deploy(it) = &mut self.0.detail {
            change(it);
        }
        self
    }
}

/// A population of these.
pub fn population(seen: &[Seen]) -> Population {
    let mut population = Population::new(settings(&[]));
    population.apply(&seen.iter().map(|seen| seen.0.clone()).collect::<Vec<_>>());
    population
}
