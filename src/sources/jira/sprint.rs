//! `sprint_created`, `_updated`, `_started`, `_closed` and `_deleted`: a sprint is work in progress
//! from its start to its completion. Before it starts, all its dates are plans.

use super::Event;
use super::custom::SprintState;
use super::payload::Message;
use super::scene::{Scene, unset};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Cycle, Facts, Outcome};
use crate::work::lattice::{Instant, Latest, Stamp, Trust};

/// Says what a sprint's delivery says.
pub(super) fn said(event: Event, message: &Message<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let sprint = message.sprint.as_ref().ok_or_else(|| ParseError::missing("sprint"))?;
    let mut scene = Scene::new(message, context, "sprint.self", &sprint.address)?;
    let key = scene.sprint_key(sprint.id.0)?;
    let stamp = Stamp::stated(scene.now, 0);
    let state = match event {
        Event::SprintStarted => Some(SprintState::Active),
        Event::SprintClosed => Some(SprintState::Closed),
        _ => sprint.state.as_deref().and_then(SprintState::from_name),
    };

    let mut cycle = Cycle::default();
    if matches!(state, Some(SprintState::Active | SprintState::Closed)) {
        // People can set the start to another date later; when it was activated stands.
        let activated = scene.time(sprint.activated.as_ref()).map(Instant::stated);
        let planned = scene.time(sprint.start.as_ref()).map(|at| Instant { trust: Trust::Derived, at });
        cycle.opened = activated.or(planned);
        if event == Event::SprintStarted && cycle.opened.is_none() {
            cycle.opened = Some(Instant { trust: Trust::Near, at: scene.needed_now()? });
        }
    }
    if state == Some(SprintState::Closed) {
        let closed = match scene.time(sprint.complete.as_ref()) {
            Some(at) => Some(Instant::stated(at)),
            None if event == Event::SprintClosed => {
                Some(Instant { trust: Trust::Derived, at: scene.needed_now()? })
            }
            None => None,
        };
        if let Some(Instant { trust, at }) = closed {
            cycle.closed.insert(at, Latest::new(Stamp { trust, ..stamp }, Outcome::Completed));
        }
    }
    let before = message.old.as_ref().and_then(|old| old.state.text()).and_then(SprintState::from_name);
    if (before, state) == (Some(SprintState::Closed), Some(SprintState::Active)) {
        cycle.reopened.insert(scene.needed_now()?);
    }
    if event == Event::SprintDeleted {
        cycle.withdrawn = Some(Instant::stated(scene.needed_now()?));
    }

    let mut facts = Facts::cycle(cycle);
    facts.attr(stamp, Attr::IssueSprint, sprint.name.as_deref());
    match sprint.goal.as_deref() {
        Some("") if event == Event::SprintUpdated => unset(&mut facts, stamp, Attr::SprintGoal),
        goal => facts.attr(stamp, Attr::SprintGoal, goal),
    }
    scene.tell(key, facts);
    scene.told()
}
