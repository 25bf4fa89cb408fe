//! The organisation that is simulated: three teams times three languages times three deploy
//! types, one repository each, and what is planted in it.
//!
//! *Planted:* work in python repositories with mutable deploys is slow, and mutable deploys fail
//! more often; what they ship has to be put right more often, too. *A confounder:* the label
//! `size:large` goes with python and does nothing by itself. *Noise:* each issue has a label
//! `region:…` that is drawn for it alone, so it explains nothing, and neither do the teams.

use super::dice::{Dice, SECOND};
use crate::work::time::Time;

/// The teams.
pub const TEAMS: [&str; 3] = ["payments", "search", "platform"];
/// The languages, as GitHub writes them.
pub const LANGUAGES: [&str; 3] = ["Python", "Go", "JavaScript"];
/// The deploy types.
pub const DEPLOY_TYPES: [DeployType; 3] = [DeployType::Container, DeployType::Mutable, DeployType::BakedAmi];
/// The labels for regions: pure noise.
pub const REGIONS: [&str; 3] = ["region:eu-west", "region:us-east", "region:ap-south"];
/// How many people each team has.
pub const PEOPLE: usize = 5;

/// How much longer people's work takes where the slowness is planted.
const SLOW: f64 = 4.0;

const SERVICES: [[&str; 9]; 3] = [
    ["ledger", "checkout", "invoices", "refunds", "fraud", "wallet", "payouts", "tax", "billing"],
    ["indexer", "query", "ranking", "suggest", "crawler", "synonyms", "facets", "embeddings", "relevance"],
    ["gateway", "identity", "sessions", "notifications", "audit", "scheduler", "mailer", "uploads", "flags"],
];

/// How a service reaches production.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeployType {
    /// A new container image, announced by GitHub deployments.
    Container,
    /// Machines changed in place, by a Jenkins job.
    Mutable,
    /// A new machine image, by a Jenkins job.
    BakedAmi,
}

impl DeployType {
    /// The value of the tag `deploy.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            DeployType::Container => "container",
            DeployType::Mutable => "mutable",
            DeployType::BakedAmi => "baked_ami",
        }
    }

    /// The probability that a deploy fails: the second planted effect.
    pub fn failure_rate(self) -> f64 {
        if self == DeployType::Mutable { 0.26 } else { 0.07 }
    }

    /// The probability that a deploy to production that went well has to be put right afterwards.
    pub fn trouble_rate(self) -> f64 {
        if self == DeployType::Mutable { 0.12 } else { 0.04 }
    }

    /// How long a deploy takes at the median, in seconds.
    pub fn median_seconds(self) -> f64 {
        match self {
            DeployType::Container => 180.0,
            DeployType::Mutable => 720.0,
            DeployType::BakedAmi => 1_200.0,
        }
    }
}

/// What builds a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ci {
    /// GitHub Actions.
    Actions,
    /// Jenkins jobs started by the pull request builder plugin, which says so in parameters.
    JenkinsGhprb,
    /// Jenkins freestyle jobs that know a branch and a commit only.
    JenkinsBranch,
}

/// A repository: one service of one team.
#[derive(Clone, Debug)]
pub struct Repository {
    /// Its place in [`Organisation::repositories`].
    pub index: usize,
    /// Its name, without the organisation's.
    pub name: &'static str,
    /// The team that owns it.
    pub team: &'static str,
    /// Its main language, as GitHub writes it.
    pub language: &'static str,
    /// How it is deployed.
    pub deploy_type: DeployType,
    /// What builds it.
    pub ci: Ci,
    /// Whether the team is told by a custom property instead of a topic.
    pub team_as_property: bool,
    /// Whether its Jenkins deploy job checks the commit out, and so can tell it.
    pub deploy_knows_commit: bool,
}

impl Repository {
    /// Whether the slowness is planted here.
    pub fn is_slow(&self) -> bool {
        self.language == "Python" && self.deploy_type == DeployType::Mutable
    }

    /// The factor on the time that people take: the first planted effect.
    pub fn pace(&self) -> f64 {
        if self.is_slow() { SLOW } else { 1.0 }
    }

    /// The share of its issues that are labelled `size:large`: the confounder.
    pub fn large_share(&self) -> f64 {
        if self.language == "Python" { 0.65 } else { 0.2 }
    }

    /// How long a build takes at the median, in seconds.
    pub fn build_seconds(&self) -> f64 {
        match self.language {
            "Go" => 240.0,
            "JavaScript" => 360.0,
            _ => 480.0,
        }
    }
}

/// The organisation.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// The owner of the repositories on GitHub.
    pub name: String,
    /// All repositories: every team, language and deploy type once.
    pub repositories: Vec<Repository>,
}

impl Organisation {
    /// The organisation of that name. It is the same for every seed: the seed decides what
    /// happens in it.
    pub fn new(name: &str) -> Self {
        let mut repositories = Vec::with_capacity(27);
        for (t, team) in TEAMS.into_iter().enumerate() {
            for (l, language) in LANGUAGES.into_iter().enumerate() {
                for (d, deploy_type) in DEPLOY_TYPES.into_iter().enumerate() {
                    repositories.push(Repository {
                        index: repositories.len(),
                        name: SERVICES[t][l * 3 + d],
                        team,
                        language,
                        deploy_type,
                        // A Latin square: each pair of language and deploy type meets every engine
                        // once, so that it can explain nothing.
                        ci: [Ci::Actions, Ci::JenkinsGhprb, Ci::JenkinsBranch][(t + 2 * l + 2 * d) % 3],
                        team_as_property: (t + l) % 3 == 0,
                        deploy_knows_commit: (l + d) % 2 == 0,
                    });
                }
            }
        }
        Self { name: name.to_owned(), repositories }
    }

    /// When the issues are opened, in order: mostly in the working hours of the `days` days
    /// before `until`. Whole seconds.
    pub fn openings(seed: u64, issues: u32, until: Time, days: u32) -> Vec<Time> {
        let mut dice = Dice::new(seed, 0);
        let span = u64::from(days.max(1)) * 86_400;
        let mut openings: Vec<Time> = (0..issues)
            .map(|_| {
                let mut at = until;
                // Ten throws at most: if the whole span is one weekend, so be it.
                for _ in 0..10 {
                    at = until.plus(-(dice.below(span) as i64 + 1) * SECOND);
                    if dice.chance(business(at)) {
                        break;
                    }
                }
                at
            })
            .collect();
        openings.sort_unstable();
        openings
    }
}

/// How likely work is at that time: 1 in office hours (UTC), less at night and on weekends.
fn business(at: Time) -> f64 {
    let seconds = at.micros() / SECOND;
    // 1970-01-01 was a Thursday; 0 is Monday here.
    let weekday = (seconds / 86_400 + 3) % 7;
    let hour = seconds / 3_600 % 24;
    if weekday < 5 && (8..18).contains(&hour) { 1.0 } else { 0.12 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn engines_are_spread_evenly() {
        let organisation = Organisation::new("acme");
        assert_eq!(organisation.repositories.len(), 27);
        let names: BTreeSet<_> = organisation.repositories.iter().map(|r| r.name).collect();
        assert_eq!(names.len(), 27);
        for language in LANGUAGES {
            for deploy_type in DEPLOY_TYPES {
                let those = || {
                    organisation
                        .repositories
                        .iter()
                        .filter(|r| r.language == language && r.deploy_type == deploy_type)
                };
                assert_eq!(those().map(|r| format!("{:?}", r.ci)).collect::<BTreeSet<_>>().len(), 3);
            }
        }
    }

    #[test]
    fn issues_are_opened_in_order_within_the_span_and_mostly_at_work() {
        let until = Time::parse("2026-03-01T00:00:00Z").unwrap();
        let openings = Organisation::openings(3, 1_000, until, 30);
        assert!(openings.is_sorted());
        assert!(openings[0] >= until.plus(-30 * 86_400 * SECOND) && openings[999] < until);
        let at_work = openings.iter().filter(|at| business(**at) == 1.0).count();
        assert!(at_work > 650, "{at_work}");
    }
}
