//! The numbers that GitHub and Jenkins give out: in the order of time, and per repository or job
//! where they do.

use std::collections::BTreeMap;

use super::story::{Act, IssueAct, JenkinsPhase, Of, PullAct, RunPhase, Story};

/// An id that is unique at the sender, and a number that counts up within a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serial {
    /// GitHub's database id; Jenkins' queue id.
    pub id: u64,
    /// The issue's, pull request's, run's or build's number.
    pub number: u64,
}

/// A series of numbers within a repository.
#[derive(Clone, Copy, Debug)]
enum Series {
    /// Issues and pull requests share one.
    Items,
    Workflow,
    JenkinsPulls,
    JenkinsMain,
    JenkinsDeploys,
    Deployments,
}

/// What has been given out so far in the whole organisation.
#[derive(Clone, Debug)]
pub struct Registry {
    ids: u64,
    series: Vec<[u64; 6]>,
}

impl Registry {
    pub fn new(repositories: usize) -> Self {
        Self { ids: 0, series: vec![[0; 6]; repositories] }
    }

    fn give(&mut self, repository: usize, series: Series) -> Serial {
        self.ids += 1;
        let number = &mut self.series[repository][series as usize];
        *number += 1;
        Serial { id: self.ids, number: *number }
    }
}

/// The numbers of one story, as far as they have been given out.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    issue: Serial,
    incidents: BTreeMap<usize, Serial>,
    pulls: BTreeMap<usize, Serial>,
    runs: BTreeMap<usize, Serial>,
    deploys: BTreeMap<usize, Serial>,
}

impl Numbers {
    /// Gives a number to whatever is spoken of for the first time.
    pub fn give_out(&mut self, registry: &mut Registry, story: &Story, act: Act) {
        let repository = story.repository;
        match act {
            Act::Issue(IssueAct::Opened) => self.issue = registry.give(repository, Series::Items),
            Act::Incident(incident, IssueAct::Opened) => {
                self.incidents.insert(incident, registry.give(repository, Series::Items));
            }
            Act::Pull(pull, PullAct::Opened) => {
                self.pulls.insert(pull, registry.give(repository, Series::Items));
            }
            Act::Run(run, RunPhase::Asked) => {
                let serial = match story.runs[run].first {
                    Some(first) => self.run(first),
                    None => registry.give(repository, Series::Workflow),
                };
                self.runs.insert(run, serial);
            }
            Act::Jenkins(run, JenkinsPhase::Queued) => {
                let series = match story.runs[run].of {
                    Of::Branch => Series::JenkinsPulls,
                    Of::Main => Series::JenkinsMain,
                };
                self.runs.insert(run, registry.give(repository, series));
            }
            Act::Deployment(deploy) => {
                self.deploys.insert(deploy, registry.give(repository, Series::Deployments));
            }
            Act::JenkinsDeploy(deploy, JenkinsPhase::Queued) => {
                self.deploys.insert(deploy, registry.give(repository, Series::JenkinsDeploys));
            }
            _ => {}
        }
    }

    /// The issue's, or that of an incident; its id is like GitHub's.
    pub fn issue(&self, incident: Option<usize>) -> Serial {
        let serial = match incident {
            None => self.issue,
            Some(incident) => self.incidents.get(&incident).copied().unwrap_or_default(),
        };
        Serial { id: 2_800_000_000 + serial.id * 7, ..serial }
    }

    /// A pull request's.
    pub fn pull(&self, pull: usize) -> Serial {
        let serial = self.pulls.get(&pull).copied().unwrap_or_default();
        Serial { id: 2_100_000_000 + serial.id * 7, ..serial }
    }

    /// A run's as it was given out: the same for every attempt.
    pub fn run(&self, run: usize) -> Serial {
        self.runs.get(&run).copied().unwrap_or_default()
    }

    /// A deploy's as it was given out.
    pub fn deploy(&self, deploy: usize) -> Serial {
        self.deploys.get(&deploy).copied().unwrap_or_default()
    }
}
