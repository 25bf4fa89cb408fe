//! Tells one issue's story: draws what happens and how long it takes. The medians and shares of
//! the simulation are here and in [`machines`]; what is planted comes from [`Repository`].

mod machines;
mod trouble;

use super::dice::{DAY, Dice, HOUR, MINUTE, SECOND};
use super::organisation::{Ci, Organisation, PEOPLE, REGIONS, Repository};
use super::story::{
    Act, Beat, Ended, IssueAct, Mention, Of, Pull, PullAct, Reason, Story, Verdict, Why, title, whole_second,
};
use crate::work::time::Time;

/// The spread of what people do, and of what machines do.
const HUMAN: f64 = 0.6;
const MACHINE: f64 = 0.35;

/// How an issue ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    Dropped(Reason),
    Stale,
}

struct Teller<'a> {
    dice: Dice,
    repository: &'a Repository,
    story: Story,
}

/// The story of the issue `index`, opened at `opened`, up to `until`.
pub fn tell(organisation: &Organisation, seed: u64, index: u32, opened: Time, until: Time) -> Story {
    let mut dice = Dice::new(seed, u64::from(index) + 1);
    let repository = &organisation.repositories[dice.index(organisation.repositories.len())];
    let first = dice.index(PEOPLE);
    // One to three places further on, then one more: never back at the first.
    let second = (first + 1 + dice.index(PEOPLE - 2)) % PEOPLE;
    let third = (second + 1) % PEOPLE;
    let kind = ["bug", "enhancement", "chore"][dice.index(3)];
    let region = REGIONS[dice.index(REGIONS.len())];
    let size = if dice.chance(repository.large_share()) { "size:large" } else { "size:small" };
    let story = Story {
        index,
        repository: repository.index,
        title: title(repository, dice.index(16)),
        labels: vec![kind, size, region],
        opened,
        cast: [first, second, third],
        incidents: Vec::new(),
        pulls: Vec::new(),
        commits: Vec::new(),
        runs: Vec::new(),
        deploys: Vec::new(),
        beats: Vec::new(),
    };
    let mut teller = Teller { dice, repository, story };
    teller.issue();
    let mut story = teller.story;
    story.beats.retain(|beat| beat.at <= until);
    // Stable: of one instant, what was told first comes first.
    story.beats.sort_by_key(|beat| beat.at);
    story
}

impl Teller<'_> {
    fn beat(&mut self, at: Time, act: Act) {
        self.story.beats.push(Beat { at, act });
    }

    /// How long people take, in microseconds: the planted slowness acts here and nowhere else.
    fn human(&mut self, median: f64) -> i64 {
        self.dice.seconds(median * self.repository.pace(), HUMAN)
    }

    fn commit(&mut self, at: Time) -> u16 {
        self.story.commits.push(at);
        (self.story.commits.len() - 1) as u16
    }

    fn issue(&mut self) {
        let opened = self.story.opened;
        self.beat(opened, Act::Issue(IssueAct::Opened));
        let mut at = opened;
        for label in 0..self.story.labels.len() {
            at = at.plus(if label == 0 { self.human(20.0 * MINUTE) } else { SECOND });
            self.beat(at, Act::Issue(IssueAct::Labeled(label)));
        }
        let fate = match self.dice.unit() {
            u if u < 0.06 => Fate::Dropped(Reason::NotPlanned),
            u if u < 0.08 => Fate::Dropped(Reason::Duplicate),
            u if u < 0.10 => Fate::Stale,
            _ => Fate::Done,
        };
        match fate {
            Fate::Stale => {}
            Fate::Dropped(reason) => {
                at = at.plus(self.human(2.0 * DAY));
                if reason == Reason::NotPlanned && self.dice.chance(0.4) {
                    at = self.abandoned(at).plus(self.human(HOUR));
                }
                self.beat(at, Act::Issue(IssueAct::Closed(reason)));
            }
            Fate::Done => self.done(at),
        }
    }

    fn done(&mut self, triaged: Time) {
        let mut at = triaged.plus(self.human(8.0 * HOUR));
        self.beat(at, Act::Issue(IssueAct::Assigned));
        if self.dice.chance(0.06) {
            at = self.abandoned(at).plus(self.human(2.0 * HOUR));
        }
        let parts = match self.dice.unit() {
            u if u < 0.58 => 1,
            u if u < 0.90 => 2,
            _ => 3,
        };
        for _ in 1..parts {
            let mention = if self.dice.chance(0.7) { Mention::Token } else { Mention::Branch };
            let (pull, merged) = self.merged(at, mention);
            let ships = self.dice.chance(0.12);
            self.ship(pull, merged, ships);
            at = merged.plus(self.human(2.0 * HOUR));
        }
        let closed = self.closing(at);
        if self.dice.chance(0.06) {
            let reopened = closed.plus(self.human(20.0 * HOUR));
            self.beat(reopened, Act::Issue(IssueAct::Reopened));
            let at = reopened.plus(self.human(HOUR));
            self.closing(at);
        }
    }

    /// The pull request that closes the issue, its deploy, and the close itself.
    fn closing(&mut self, at: Time) -> Time {
        let by_merge = self.dice.chance(0.8);
        let mention = match self.dice.below(6) {
            // GitHub closes an issue by itself when what names it so is merged.
            _ if !by_merge => Mention::Token,
            0 => Mention::Closes,
            1 => Mention::Resolves,
            _ => Mention::Fixes,
        };
        let (pull, merged) = self.merged(at, mention);
        let live = self.ship(pull, merged, true);
        let closed = match live {
            Some(live) if !by_merge => live.max(merged).plus(self.human(20.0 * MINUTE)),
            _ => merged.plus(2 * SECOND),
        };
        self.beat(closed, Act::Issue(IssueAct::Closed(Reason::Completed)));
        closed
    }

    /// Opens a branch and a pull request. Says which it is, and from when it can be reviewed.
    fn open(&mut self, from: Time, mention: Mention) -> (usize, Time) {
        let pushed = from.plus(self.human(3.0 * HOUR));
        let opened = pushed.plus(self.human(10.0 * MINUTE));
        let ready = self.dice.chance(0.2).then(|| opened.plus(self.human(2.0 * HOUR)));
        self.opened(Why::Issue, mention, (pushed, opened, ready))
    }

    /// A pull request is opened, in a hurry or not.
    fn opened(
        &mut self,
        why: Why,
        mention: Mention,
        (pushed, opened, ready): (Time, Time, Option<Time>),
    ) -> (usize, Time) {
        let heads = vec![(pushed, self.commit(pushed))];
        let pull = self.story.pulls.len();
        self.story.pulls.push(Pull { why, mention, opened, ready, heads, merge: None });
        self.beat(pushed, Act::Push(pull, 0));
        self.beat(opened, Act::Pull(pull, PullAct::Opened));
        if let Some(ready) = ready {
            self.beat(ready, Act::Pull(pull, PullAct::ReadyForReview));
        }
        let ready = ready.unwrap_or(opened);
        self.beat(ready.plus(SECOND), Act::Pull(pull, PullAct::ReviewRequested));
        (pull, ready.plus(SECOND))
    }

    /// A pull request is merged.
    fn merge(&mut self, pull: usize, at: Time) {
        let commit = self.commit(at);
        self.story.pulls[pull].merge = Some(commit);
        self.beat(at, Act::Pull(pull, PullAct::Merged));
        self.beat(at.plus(SECOND), Act::MergePush(pull));
    }

    /// Pushes to an open pull request.
    fn push(&mut self, pull: usize, at: Time) {
        let commit = self.commit(at);
        let heads = &mut self.story.pulls[pull].heads;
        heads.push((at, commit));
        let head = heads.len() - 1;
        self.beat(at, Act::Push(pull, head));
        self.beat(at.plus(SECOND), Act::Pull(pull, PullAct::Synchronize(head)));
    }

    /// Builds the newest push until it is green, with further pushes if need be.
    fn green(&mut self, pull: usize, mut at: Time) -> Time {
        for _ in 0..3 {
            let result = match self.dice.unit() {
                u if u < 0.18 => Ended::Failure,
                u if u < 0.22 => Ended::Stopped,
                _ => Ended::Success,
            };
            let run = self.build(Of::Branch, pull, at.plus(2 * SECOND), result, None);
            let ended = whole_second(self.story.runs[run].ended);
            match result {
                Ended::Success => return ended,
                Ended::Failure if self.repository.ci == Ci::Actions && self.dice.chance(0.4) => {
                    // Flaky: the same run once more.
                    let again = ended.plus(self.human(10.0 * MINUTE));
                    let run = self.build(Of::Branch, pull, again, Ended::Success, Some(run));
                    return whole_second(self.story.runs[run].ended);
                }
                _ => {
                    at = ended.plus(self.human(30.0 * MINUTE));
                    self.push(pull, at);
                }
            }
        }
        let run = self.build(Of::Branch, pull, at.plus(2 * SECOND), Ended::Success, None);
        whole_second(self.story.runs[run].ended)
    }

    /// A pull request from its first commit to its merge.
    fn merged(&mut self, from: Time, mention: Mention) -> (usize, Time) {
        let (pull, ready) = self.open(from, mention);
        let opened = self.story.pulls[pull].opened;
        let mut green = self.green(pull, opened);
        if self.dice.chance(0.3) {
            // A second thought.
            let pushed = green.plus(self.human(40.0 * MINUTE));
            self.push(pull, pushed);
            green = self.green(pull, pushed);
        }
        let mut done = ready;
        if !self.dice.chance(0.06) {
            done = ready.plus(self.human(4.0 * HOUR));
            if self.dice.chance(0.2) {
                self.beat(done, Act::Pull(pull, PullAct::Reviewed(Verdict::Commented)));
                done = done.plus(self.human(30.0 * MINUTE));
            }
            if self.dice.chance(0.3) {
                self.beat(done, Act::Pull(pull, PullAct::Reviewed(Verdict::ChangesRequested)));
                let pushed = done.max(green).plus(self.human(2.0 * HOUR));
                self.push(pull, pushed);
                green = self.green(pull, pushed);
                done = pushed.plus(self.human(90.0 * MINUTE));
            }
            self.beat(done, Act::Pull(pull, PullAct::Reviewed(Verdict::Approved)));
        }
        let merged = done.max(green).plus(self.human(40.0 * MINUTE));
        self.merge(pull, merged);
        (pull, merged)
    }

    /// A pull request that is given up.
    fn abandoned(&mut self, from: Time) -> Time {
        let (pull, ready) = self.open(from, Mention::Fixes);
        let opened = self.story.pulls[pull].opened;
        let green = self.green(pull, opened);
        let mut at = ready.plus(self.human(5.0 * HOUR));
        if self.dice.chance(0.5) {
            self.beat(at, Act::Pull(pull, PullAct::Reviewed(Verdict::ChangesRequested)));
            at = at.plus(self.human(8.0 * HOUR));
        }
        let closed = at.max(green).plus(SECOND);
        self.beat(closed, Act::Pull(pull, PullAct::Closed));
        closed
    }
}
