//! What comes after some deploys that went well: something turns out to be wrong, and is taken back
//! or put right. Nobody waits then, so the planted slowness has no part in it, and it tells nothing
//! new about who is slow.

use super::{HUMAN, Teller};
use crate::simulate::dice::{HOUR, MINUTE, SECOND};
use crate::simulate::organisation::REGIONS;
use crate::simulate::story::{
    Act, Ended, Incident, IssueAct, Mention, Of, PullAct, Reason, Verdict, Why, incident_title, whole_second,
};
use crate::work::time::Time;

impl Teller<'_> {
    /// What follows a merge, and what follows from that. Says when it was live.
    pub fn ship(&mut self, pull: usize, merged: Time, ships: bool) -> Option<Time> {
        let live = self.deliver(pull, merged, ships)?;
        if self.dice.chance(self.repository.deploy_type.trouble_rate()) {
            match self.dice.below(3) {
                0 => self.incident(live),
                1 => {
                    let from = live.plus(self.urgent(90.0 * MINUTE));
                    self.fix(from, 3.0 * MINUTE, Why::Revert { of: pull });
                }
                _ => {
                    let from = live.plus(self.urgent(HOUR));
                    self.fix(from, 40.0 * MINUTE, Why::Hotfix { incident: None });
                }
            }
        }
        Some(live)
    }

    /// How long people take who let everything else lie, in microseconds.
    fn urgent(&mut self, median: f64) -> i64 {
        self.dice.seconds(median, HUMAN)
    }

    /// Somebody complains; it is looked into and fixed, and closed a day after that if it does not
    /// come back. So incidents live as long as other issues do, and do not stand out among them.
    fn incident(&mut self, live: Time) {
        let opened = live.plus(self.urgent(HOUR));
        let size = if self.dice.chance(self.repository.large_share()) { "size:large" } else { "size:small" };
        let region = REGIONS[self.dice.index(REGIONS.len())];
        let incident = self.story.incidents.len();
        let labels = vec!["incident", size, region];
        let title = incident_title(self.repository, self.dice.index(4));
        self.story.incidents.push(Incident { title, labels, opened });
        self.beat(opened, Act::Incident(incident, IssueAct::Opened));
        let assigned = opened.plus(self.urgent(15.0 * MINUTE));
        self.beat(assigned, Act::Incident(incident, IssueAct::Assigned));
        let from = assigned.plus(self.urgent(2.0 * HOUR));
        let fixed = self.fix(from, HOUR, Why::Hotfix { incident: Some(incident) });
        let closed = fixed.plus(self.urgent(22.0 * HOUR));
        self.beat(closed, Act::Incident(incident, IssueAct::Closed(Reason::Completed)));
    }

    /// A pull request that puts something right, with its builds and its deploy. `work` is how long it
    /// takes to write, at the median, in seconds. Says when it was live, or merged if that fails.
    fn fix(&mut self, from: Time, work: f64, why: Why) -> Time {
        let pushed = from.plus(self.urgent(work));
        let opened = pushed.plus(self.urgent(2.0 * MINUTE));
        let (pull, ready) = self.opened(why, Mention::Token, (pushed, opened, None));
        let run = self.build(Of::Branch, pull, opened.plus(2 * SECOND), Ended::Success, None);
        let mut done = whole_second(self.story.runs[run].ended);
        if self.dice.chance(0.85) {
            let approved = ready.plus(self.urgent(20.0 * MINUTE));
            self.beat(approved, Act::Pull(pull, PullAct::Reviewed(Verdict::Approved)));
            done = done.max(approved);
        }
        let merged = done.plus(self.urgent(5.0 * MINUTE));
        self.merge(pull, merged);
        self.deliver(pull, merged, true).unwrap_or(merged)
    }
}
