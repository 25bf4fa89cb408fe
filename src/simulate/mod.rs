//! A seeded organisation and everything its senders would post, as a lazy stream of deliveries.
//!
//! The seed and the number of an issue decide its [`story`] (told by `tell`); [`Deliveries`]
//! merges the stories by the sender's time, gives out the numbers that GitHub and Jenkins would
//! have given out in that order, and renders each beat into a signed [`delivery::Delivery`] when
//! it is asked for. Only stories that are under way are held, so a hundred thousand issues need no
//! more memory than are open at one time. [`arrival`] then spoils the order as networks do.
//!
//! Pure: no I/O, no clock. The same [`Settings`] give the same bytes.

pub mod arrival;
pub mod delivery;
pub mod dice;
mod fixed;
mod github;
mod jenkins;
mod numbers;
pub mod organisation;
mod scene;
pub mod story;
mod tell;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use secrecy::SecretString;

use self::delivery::{Delivery, Signer};
use self::dice::SECOND;
use self::fixed::Fixed;
use self::numbers::{Numbers, Registry};
use self::organisation::Organisation;
use self::scene::Scene;
use self::story::{Act, IssueAct, JenkinsPhase, PullAct, RunPhase, Story};
use crate::work::time::Time;

/// How much the senders say. What happens is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Talk {
    /// All that can be of use: on GitHub all events that the documentation recommends, in Jenkins
    /// all phases of a build.
    #[default]
    All,
    /// What is enough: Jenkins says that a build has completed, from which its start follows, and
    /// GitHub tells of the push with which a branch begins, from which the coding time follows, but
    /// not of others, as pull requests and runs say what is built. Nobody knows how long a Jenkins
    /// build waited in the queue, then.
    Terse,
}

impl Talk {
    /// Whether a sender speaks of that.
    fn has(self, act: Act) -> bool {
        match act {
            Act::Push(_, head) => self == Talk::All || head == 0,
            Act::MergePush(_) => self == Talk::All,
            Act::Jenkins(_, phase) | Act::JenkinsDeploy(_, phase) => {
                self == Talk::All || phase == JenkinsPhase::Completed
            }
            _ => true,
        }
    }
}

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Decides everything that happens.
    pub seed: u64,
    /// How many issues are opened, not counting incidents. Each brings about 1.5 pull requests, 4.5
    /// builds, 1.3 deploys and 47 deliveries.
    pub issues: u32,
    /// When the simulation ends; what is not done by then stays open. Taken in whole seconds.
    pub until: Time,
    /// For how many days before that issues are opened.
    pub days: u32,
    /// The owner of the repositories on GitHub, and the folder on Jenkins.
    pub organisation: String,
    /// How much is said of it.
    pub talk: Talk,
    /// What GitHub's deliveries are signed with; unsigned without.
    pub github_secret: Option<SecretString>,
    /// The token that Jenkins sends; none without.
    pub jenkins_token: Option<SecretString>,
}

/// How much of each there is in a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Issues opened, without incidents.
    pub issues: u64,
    /// Incidents opened: further issues.
    pub incidents: u64,
    /// Pull requests opened.
    pub pulls: u64,
    /// Builds begun; every attempt counts.
    pub builds: u64,
    /// Deploys begun.
    pub deploys: u64,
    /// Deliveries, without duplicates.
    pub deliveries: u64,
}

/// A simulation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Simulation(Arc<Plan>);

#[derive(Debug)]
struct Plan {
    settings: Settings,
    organisation: Organisation,
    openings: Vec<Time>,
    fixed: Fixed,
    signer: Signer,
}

impl Plan {
    fn story(&self, index: u32, opened: Time) -> Story {
        tell::tell(&self.organisation, self.settings.seed, index, opened, self.settings.until)
    }
}

impl Simulation {
    /// Plans it. Nothing is rendered yet.
    pub fn new(mut settings: Settings) -> Self {
        let until = settings.until;
        settings.until = until.plus(-(until.micros() % SECOND));
        let organisation = Organisation::new(&settings.organisation);
        let openings = Organisation::openings(settings.seed, settings.issues, settings.until, settings.days);
        let signer = Signer::new(settings.github_secret.as_ref(), settings.jenkins_token.as_ref());
        let fixed = Fixed::new(&organisation);
        Self(Arc::new(Plan { settings, organisation, openings, fixed, signer }))
    }

    /// The organisation, with what is planted in it.
    pub fn organisation(&self) -> &Organisation {
        &self.0.organisation
    }

    /// The stories, in the order of their issues' opening.
    pub fn stories(&self) -> impl Iterator<Item = Story> + '_ {
        self.0.openings.iter().zip(0u32..).map(|(opened, index)| self.0.story(index, *opened))
    }

    /// Counts what is in it. Tells every story once, without rendering any.
    pub fn census(&self) -> Census {
        let mut census = Census::default();
        for story in self.stories() {
            for beat in &story.beats {
                census.deliveries += u64::from(self.0.settings.talk.has(beat.act));
                match beat.act {
                    Act::Issue(IssueAct::Opened) => census.issues += 1,
                    Act::Incident(_, IssueAct::Opened) => census.incidents += 1,
                    Act::Pull(_, PullAct::Opened) => census.pulls += 1,
                    Act::Run(_, RunPhase::Asked) | Act::Jenkins(_, JenkinsPhase::Queued) => {
                        census.builds += 1;
                    }
                    Act::Deployment(_) | Act::JenkinsDeploy(_, JenkinsPhase::Queued) => census.deploys += 1,
                    _ => {}
                }
            }
        }
        census
    }

    /// All deliveries, in the order of the senders' time.
    pub fn deliveries(&self) -> Deliveries {
        Deliveries {
            plan: Arc::clone(&self.0),
            opened: 0,
            registry: Registry::new(self.0.organisation.repositories.len()),
            under_way: HashMap::new(),
            next: BinaryHeap::new(),
        }
    }
}

/// The deliveries of a simulation; see [`Simulation::deliveries`].
#[derive(Debug)]
pub struct Deliveries {
    plan: Arc<Plan>,
    /// How many stories have begun.
    opened: u32,
    registry: Registry,
    under_way: HashMap<u32, (Story, Numbers)>,
    /// The next beat of each story under way: time, story, beat.
    next: BinaryHeap<Reverse<(Time, u32, usize)>>,
}

impl Deliveries {
    /// Lets the stories begin whose issues are opened before anything else happens: a story's first
    /// beat is its issue's opening, so it need not exist before that.
    fn open(&mut self) {
        while let Some(opening) = self.plan.openings.get(self.opened as usize).copied() {
            if self.next.peek().is_some_and(|Reverse((at, _, _))| *at < opening) {
                break;
            }
            let story = self.plan.story(self.opened, opening);
            if let Some(first) = story.beats.first() {
                self.next.push(Reverse((first.at, self.opened, 0)));
                self.under_way.insert(self.opened, (story, Numbers::default()));
            }
            self.opened += 1;
        }
    }
}

impl Iterator for Deliveries {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        loop {
            self.open();
            let Reverse((_, index, beat)) = self.next.pop()?;
            let (story, numbers) = self.under_way.get_mut(&index)?;
            let act = story.beats[beat].act;
            // Numbers are given out whether or not anybody hears of it.
            numbers.give_out(&mut self.registry, story, act);
            let plan = &self.plan;
            let delivery = plan.settings.talk.has(act).then(|| {
                let scene = Scene::new(&plan.settings, &plan.organisation, story, numbers);
                scene.delivery(beat, &plan.fixed, &plan.signer)
            });
            match story.beats.get(beat + 1) {
                Some(following) => self.next.push(Reverse((following.at, index, beat + 1))),
                None => {
                    self.under_way.remove(&index);
                }
            }
            if delivery.is_some() {
                return delivery;
            }
        }
    }
}

#[cfg(test)]
mod tests;
