//! When an issue was opened, done and opened again, and its way through the statuses of its workflow.
//!
//! Whether it is done is told by the status' category, never by a name. When it became so must be the
//! same whichever delivery says it, or one closing would be two. Jira Cloud says it outright with
//! every issue, in `statuscategorychangedate`. Data Center does not: there the delivery of the
//! transition tells, and `resolutiondate` stands in where that delivery never came. Neither is the whole
//! truth, since an issue can go from one status that is done to another, and can be resolved before
//! or after it is done, or stay resolved while it is worked on again; so they are believed less, and
//! [`crate::work::item`] lets them close only what is open.

use super::Event;
use super::changes::Changes;
use super::fields::Fields;
use super::payload::Status;
use super::scene::{Scene, needed};
use crate::sources::ParseError;
use crate::work::attr::clipped;
use crate::work::event::{Category, Cycle, Move, Outcome};
use crate::work::lattice::{BoundedMap, Instant, Latest, Stamp, Trust};
use crate::work::time::Time;

/// How far apart, in microseconds, the times of one transition can lie that Jira writes in different
/// places: milliseconds as a rule.
const NEAR: i64 = 10_000_000;

/// An issue's life as one delivery tells it.
pub(super) struct Told {
    pub(super) cycle: Cycle,
    pub(super) moves: BoundedMap<Time, Latest<Move>>,
}

/// What an issue's delivery says of its life.
pub(super) fn told(
    event: Event,
    fields: &Fields<'_>,
    changes: Changes<'_>,
    stamp: Stamp,
    scene: &mut Scene<'_, '_>,
) -> Result<Told, ParseError> {
    let created = fields.created.as_ref();
    let opened = match event {
        Event::IssueCreated | Event::IssueUpdated => Some(needed("issue.fields.created", created)?),
        _ => scene.time(created),
    };
    let mut told = Told {
        cycle: Cycle { opened: opened.map(Instant::stated), ..Cycle::default() },
        moves: BoundedMap::default(),
    };
    if event == Event::IssueDeleted {
        told.cycle.withdrawn = Some(Instant::stated(scene.needed_now()?));
    }
    let category = fields.status.as_ref().and_then(category);
    let times = Times {
        changed: scene.time(fields.category_changed.as_ref()),
        resolved: scene.time(fields.resolved.as_ref()),
        said: scene.now.or(stamp.at),
        just_resolved: changes.resolution_set(),
    };
    let transition = changes.transition();
    let arrived = transition.filter(|transition| {
        fields
            .status
            .as_ref()
            .is_some_and(|status| transition.leads_to(status.id.text(), status.name.as_deref()))
    });

    match category {
        Some(Category::Done) => {
            let closed = times.closed(arrived.is_some());
            if let Some(Instant { trust, at }) = closed {
                told.cycle.closed.insert(at, Latest::new(Stamp { trust, ..stamp }, outcome(fields)));
            }
        }
        // While it is open, this says nothing.
        Some(_) => {
            let at = if arrived.is_some() { times.moved(category) } else { times.changed };
            at.into_iter().for_each(|at| told.cycle.reopened.insert(at));
        }
        None => {}
    }
    if let Some(transition) = transition {
        let arrived = arrived.is_some();
        let at = if arrived { times.moved(category) } else { times.said };
        let at = at.map_or_else(|| scene.needed_now(), Ok)?;
        let category = category.filter(|_| arrived);
        told.moves.insert(at, moved(stamp, Some(transition.from), transition.to, category));
    }
    if let (Event::IssueCreated, Some(at)) = (event, opened) {
        let now = fields.status.as_ref().and_then(|status| status.name.as_deref());
        // What it is by the time of the delivery may no longer be what it was created with.
        if let Some(first) = changes.first_status().or(now).filter(|first| !first.is_empty()) {
            let category = category.filter(|_| now == Some(first));
            told.moves.insert(at, moved(stamp, None, first, category));
        }
    }
    Ok(told)
}

fn moved(stamp: Stamp, from: Option<&str>, to: &str, category: Option<Category>) -> Latest<Move> {
    let from = from.map(|from| clipped(from).to_owned());
    Latest::new(stamp, Move { from, to: clipped(to).to_owned(), category })
}

/// The times that a delivery has.
struct Times {
    /// When the status' category last changed.
    changed: Option<Time>,
    /// When the resolution was last set.
    resolved: Option<Time>,
    /// When what is told happened.
    said: Option<Time>,
    /// Whether it is the setting of the resolution that is told.
    just_resolved: bool,
}

impl Times {
    /// When an issue that is done became so, and how far that can be believed.
    fn closed(&self, by_transition: bool) -> Option<Instant> {
        if let Some(at) = self.changed {
            return Some(Instant::stated(at));
        }
        if by_transition {
            return self.transition_to_done().map(|at| Instant { trust: Trust::Derived, at });
        }
        self.resolved.map(|at| Instant { trust: Trust::Receipt, at })
    }

    /// The time of the transition that is told, into a status of `category`.
    fn moved(&self, category: Option<Category>) -> Option<Time> {
        match (self.changed, category) {
            (Some(changed), _) if self.is_now(changed) => Some(changed),
            (None, Some(Category::Done)) => self.transition_to_done(),
            _ => self.said,
        }
    }

    /// The resolution's time if the transition set it; what is older is of another transition.
    fn transition_to_done(&self) -> Option<Time> {
        self.resolved.filter(|at| self.just_resolved || self.is_now(*at)).or(self.said)
    }

    fn is_now(&self, at: Time) -> bool {
        self.said.is_some_and(|said| said.since(at).abs() <= NEAR)
    }
}

fn category(status: &Status<'_>) -> Option<Category> {
    Category::from_key(status.category.as_ref()?.key.as_deref()?)
}

/// How an issue that is done ended.
fn outcome(fields: &Fields<'_>) -> Outcome {
    let name = fields.resolution.as_ref().and_then(|resolution| resolution.name.as_deref());
    let plain: String = name
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    match plain.as_str() {
        "wontdo" | "wontfix" | "declined" | "cannotreproduce" | "abandoned" => Outcome::NotPlanned,
        "duplicate" => Outcome::Duplicate,
        _ => Outcome::Completed,
    }
}
