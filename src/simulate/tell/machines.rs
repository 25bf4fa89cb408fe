//! What machines do in a story: builds and deploys. Their pace is nobody's.

use super::{HUMAN, MACHINE, Teller};
use crate::simulate::dice::{HOUR, MINUTE, SECOND};
use crate::simulate::organisation::{Ci, DeployType};
use crate::simulate::story::{
    Act, Deploy, Ended, JenkinsPhase, Job, JobKind, Of, Run, RunPhase, whole_second,
};
use crate::work::time::Time;

impl Teller<'_> {
    /// What follows a merge: the default branch is built and, if it `ships`, deployed. Says when
    /// it was live.
    pub fn deliver(&mut self, pull: usize, merged: Time, ships: bool) -> Option<Time> {
        let commit = self.story.pulls[pull].merge?;
        let from = merged.plus(3 * SECOND);
        let by_actions = self.repository.ci == Ci::Actions;
        if ships && by_actions && self.repository.deploy_type == DeployType::Container {
            return self.deploy_by_run(pull, commit, from);
        }
        let mut built = from;
        if self.dice.chance(0.04) {
            let run = self.build(Of::Main, pull, built, Ended::Failure, None);
            built = whole_second(self.story.runs[run].ended).plus(self.human(20.0 * MINUTE));
            let first = by_actions.then_some(run);
            let run = self.build(Of::Main, pull, built, Ended::Success, first);
            built = whole_second(self.story.runs[run].ended);
        } else {
            let run = self.build(Of::Main, pull, built, Ended::Success, None);
            built = whole_second(self.story.runs[run].ended);
        }
        if !ships {
            return None;
        }
        let mut at = built.plus(self.dice.seconds(15.0 * MINUTE, HUMAN));
        if self.dice.chance(0.06) {
            let deploy = self.deploy(pull, commit, at, "staging");
            at = whole_second(self.story.deploys[deploy].ended).plus(self.dice.seconds(30.0 * MINUTE, HUMAN));
        }
        for _ in 0..3 {
            let deploy = self.deploy(pull, commit, at, "production");
            let ended = whole_second(self.story.deploys[deploy].ended);
            if self.story.deploys[deploy].result == Ended::Success {
                return Some(ended);
            }
            at = ended.plus(self.dice.seconds(HOUR, HUMAN));
        }
        None
    }

    /// A build by whatever builds the repository.
    pub fn build(&mut self, of: Of, pull: usize, at: Time, result: Ended, first: Option<usize>) -> usize {
        let took = self.repository.build_seconds() * if result == Ended::Success { 1.0 } else { 0.6 };
        let commit = match of {
            Of::Branch => self.story.pulls[pull].heads.last().map(|(_, commit)| *commit),
            Of::Main => self.story.pulls[pull].merge,
        };
        let commit = commit.unwrap_or_default();
        if self.repository.ci != Ci::Actions {
            let started = at.plus(self.dice.millis(8.0, 0.8));
            let ended = started.plus(self.dice.millis(took, MACHINE));
            return self.jenkins_run(of, pull, commit, (at, started, ended), result);
        }
        let started = at.plus(self.dice.seconds(12.0, 0.8));
        let ended = started.plus(self.dice.seconds(took, MACHINE));
        let mut jobs = vec![Job { kind: JobKind::Test, created: at, started, ended, result }];
        if first.is_none() && self.repository.index.is_multiple_of(2) {
            let started = at.plus(self.dice.seconds(12.0, 0.8));
            let ended = started.plus(self.dice.seconds(50.0, MACHINE));
            jobs.push(Job { kind: JobKind::Lint, created: at, started, ended, result: Ended::Success });
        }
        self.actions_run(of, pull, commit, jobs, first)
    }

    fn jenkins_run(
        &mut self,
        of: Of,
        pull: usize,
        commit: u16,
        (created, started, ended): (Time, Time, Time),
        result: Ended,
    ) -> usize {
        // Not all runs are told in the order of time.
        let earlier = self.story.runs.iter().filter(|run| run.of == of && run.started <= created);
        let before = earlier.max_by_key(|run| run.started).map(|run| run.commit);
        let run = self.story.runs.len();
        self.story.runs.push(Run {
            of,
            pull,
            commit,
            stale_commit: before,
            first: None,
            attempt: 1,
            created,
            started,
            ended,
            result,
            jobs: Vec::new(),
        });
        self.beat(started, Act::Jenkins(run, JenkinsPhase::Queued));
        self.beat(started, Act::Jenkins(run, JenkinsPhase::Started));
        self.beat(ended, Act::Jenkins(run, JenkinsPhase::Completed));
        let cleaned = ended.plus(self.dice.millis(0.4, 0.5));
        self.beat(cleaned, Act::Jenkins(run, JenkinsPhase::Finalized));
        run
    }

    /// A run of GitHub Actions that consists of `jobs`; the first one's queueing is the run's.
    fn actions_run(
        &mut self,
        of: Of,
        pull: usize,
        commit: u16,
        jobs: Vec<Job>,
        first: Option<usize>,
    ) -> usize {
        let run = self.story.runs.len();
        let created = jobs.iter().map(|job| job.created).min().unwrap_or(self.story.opened);
        let started = jobs.iter().map(|job| job.started).min().unwrap_or(created);
        let ended = jobs.iter().map(|job| job.ended).max().unwrap_or(started).plus(2 * SECOND);
        let result = jobs.iter().map(|job| job.result).max().unwrap_or(Ended::Success);
        let attempt = first.map_or(1, |first| {
            2 + self.story.runs.iter().filter(|run| run.first == Some(first)).count() as u32
        });
        self.beat(created, Act::Run(run, RunPhase::Asked));
        self.beat(started, Act::Run(run, RunPhase::Running));
        for (number, job) in jobs.iter().enumerate() {
            self.beat(job.created.plus(SECOND).min(job.started), Act::Job(run, number, RunPhase::Asked));
            self.beat(job.started, Act::Job(run, number, RunPhase::Running));
            self.beat(job.ended, Act::Job(run, number, RunPhase::Done));
        }
        self.beat(ended, Act::Run(run, RunPhase::Done));
        let stale_commit = None;
        self.story.runs.push(Run {
            of,
            pull,
            commit,
            stale_commit,
            first,
            attempt,
            created,
            started,
            ended,
            result,
            jobs,
        });
        run
    }

    /// How a deploy ends: the second planted effect.
    fn deploy_result(&mut self) -> Ended {
        if self.dice.chance(self.repository.deploy_type.failure_rate()) {
            Ended::Failure
        } else {
            Ended::Success
        }
    }

    /// Test and deploy as jobs of one run; if the deploy fails, it alone runs again.
    fn deploy_by_run(&mut self, pull: usize, commit: u16, from: Time) -> Option<Time> {
        let mut at = from;
        let mut first = None;
        for _ in 0..3 {
            let mut jobs = Vec::new();
            if first.is_none() {
                let started = at.plus(self.dice.seconds(12.0, 0.8));
                let took = self.repository.build_seconds();
                let ended = started.plus(self.dice.seconds(took, MACHINE));
                jobs.push(Job { kind: JobKind::Test, created: at, started, ended, result: Ended::Success });
                at = ended.plus(SECOND);
            }
            let result = self.deploy_result();
            let started = at.plus(self.dice.seconds(10.0, 0.5));
            // Long enough for the deployment's own beats.
            let ended = started.plus(self.dice.seconds(180.0, MACHINE).max(30 * SECOND));
            jobs.push(Job { kind: JobKind::Deploy, created: at, started, ended, result });
            let run = self.actions_run(Of::Main, pull, commit, jobs, first);
            let times = (started.plus(2 * SECOND), started.plus(5 * SECOND), ended.plus(-2 * SECOND));
            self.github_deploy(pull, commit, times, result, ("production", Some(run)));
            if result == Ended::Success {
                return Some(ended);
            }
            first = first.or(Some(run));
            at = self.story.runs[run].ended.plus(self.dice.seconds(HOUR, HUMAN));
        }
        None
    }

    /// One deploy by what deploys the repository.
    fn deploy(&mut self, pull: usize, commit: u16, at: Time, environment: &'static str) -> usize {
        let deploy_type = self.repository.deploy_type;
        let mut result = self.deploy_result();
        if deploy_type == DeployType::Container {
            let started = at.plus(self.dice.seconds(6.0, 0.5));
            let ended = started.plus(self.dice.seconds(deploy_type.median_seconds(), MACHINE));
            return self.github_deploy(pull, commit, (at, started, ended), result, (environment, None));
        }
        if result == Ended::Success && self.dice.chance(0.02) {
            result = Ended::Stopped;
        }
        let started = at.plus(self.dice.millis(15.0, 0.9));
        let ended = started.plus(self.dice.millis(deploy_type.median_seconds(), MACHINE));
        let deploy = self.story.deploys.len();
        let run = None;
        self.story.deploys.push(Deploy {
            pull,
            commit,
            environment,
            run,
            created: at,
            started,
            ended,
            result,
        });
        self.beat(started, Act::JenkinsDeploy(deploy, JenkinsPhase::Queued));
        self.beat(started, Act::JenkinsDeploy(deploy, JenkinsPhase::Started));
        self.beat(ended, Act::JenkinsDeploy(deploy, JenkinsPhase::Completed));
        let cleaned = ended.plus(self.dice.millis(0.4, 0.5));
        self.beat(cleaned, Act::JenkinsDeploy(deploy, JenkinsPhase::Finalized));
        deploy
    }

    fn github_deploy(
        &mut self,
        pull: usize,
        commit: u16,
        (created, started, ended): (Time, Time, Time),
        result: Ended,
        (environment, run): (&'static str, Option<usize>),
    ) -> usize {
        let deploy = self.story.deploys.len();
        self.story.deploys.push(Deploy { pull, commit, environment, run, created, started, ended, result });
        self.beat(created, Act::Deployment(deploy));
        self.beat(started, Act::DeploymentStatus(deploy, false));
        self.beat(ended, Act::DeploymentStatus(deploy, true));
        deploy
    }
}
