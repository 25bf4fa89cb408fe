//! The changelog: which fields a delivery says were changed, and what of that becomes a happening.

use std::collections::BTreeSet;

use super::fields::Fields;
use super::payload::Change;
use super::scene::Scene;
use crate::work::event::{Facts, What};
use crate::work::time::Time;

/// How many changes of one delivery, and members of one change, are looked at.
const MAX_CHANGES: usize = 64;

/// The changes that a delivery tells.
#[derive(Clone, Copy)]
pub(super) struct Changes<'m>(&'m [Change<'m>]);

/// A move from one status to another.
#[derive(Clone, Copy)]
pub(super) struct Transition<'m> {
    /// The status before, by name.
    pub(super) from: &'m str,
    /// The status after, by name.
    pub(super) to: &'m str,
    to_id: Option<&'m str>,
}

impl Transition<'_> {
    /// Whether it leads to the status of this id and name. A snapshot can be younger than what is told.
    pub(super) fn leads_to(&self, id: Option<&str>, name: Option<&str>) -> bool {
        match (self.to_id, id) {
            (Some(to), Some(id)) => to == id,
            _ => name == Some(self.to),
        }
    }
}

impl Change<'_> {
    /// Whether it is of a field of the system: by its id, or in older versions, which tell none, by
    /// its name.
    fn is(&self, id: &str, name: &str) -> bool {
        match self.field_id.text() {
            Some(found) => found == id,
            None => {
                !self.is_custom() && self.field.text().is_some_and(|found| found.eq_ignore_ascii_case(name))
            }
        }
    }

    /// Whether it is of the custom field of that name.
    fn is_own(&self, name: &str) -> bool {
        self.is_custom() && self.field.text() == Some(name)
    }

    fn is_custom(&self) -> bool {
        self.fieldtype.text() == Some("custom")
    }

    fn is_of_key(&self) -> bool {
        !self.is_custom() && self.field.text() == Some("Key")
    }
}

impl<'m> Changes<'m> {
    pub(super) fn new(items: &'m [Change<'m>]) -> Self {
        Self(&items[..items.len().min(MAX_CHANGES)])
    }

    fn of(self, id: &'static str, name: &'static str) -> impl Iterator<Item = &'m Change<'m>> {
        self.0.iter().filter(move |change| change.is(id, name))
    }

    fn of_own(self, name: &'static str) -> impl Iterator<Item = &'m Change<'m>> {
        self.0.iter().filter(move |change| change.is_own(name))
    }

    /// The move to another status.
    pub(super) fn transition(self) -> Option<Transition<'m>> {
        let moves = self.of("status", "status").filter_map(|change| {
            let (from, to) = (change.from_text.text()?, change.to_text.text()?);
            (from != to).then_some(Transition { from, to, to_id: change.to.text() })
        });
        moves.last()
    }

    /// The status that it was created with.
    pub(super) fn first_status(self) -> Option<&'m str> {
        let first = |change: &'m Change<'m>| match change.from_text.text() {
            None => change.to_text.text(),
            Some(from) => Some(from),
        };
        self.of("status", "status").find_map(first)
    }

    /// Whether a resolution was given.
    pub(super) fn resolution_set(self) -> bool {
        self.of("resolution", "resolution").any(|change| change.to_text.text().is_some())
    }

    /// The keys before and after, if it was moved to another project.
    pub(super) fn rekeyed(self) -> Option<(&'m str, &'m str)> {
        let moved = |change: &'m Change<'m>| Some((change.from_text.text()?, change.to_text.text()?));
        self.0.iter().filter(|change| change.is_of_key()).find_map(moved)
    }

    /// Whether the sprint was changed.
    pub(super) fn sprint(self) -> bool {
        self.of_own("Sprint").next().is_some()
    }

    /// Whether the versions that it is fixed in were changed.
    pub(super) fn fix_versions(self) -> bool {
        self.of("fixVersions", "Fix Version").next().is_some()
    }

    /// Whether what it belongs to was changed.
    pub(super) fn parent(self) -> bool {
        let system = ["Parent", "IssueParentAssociation"]
            .iter()
            .any(|name| self.0.iter().any(|change| !change.is_custom() && change.field.text() == Some(name)));
        system || self.of_own("Epic Link").next().is_some()
    }

    /// The key of the epic that it was put into by the field of the old way, if that field holds it.
    pub(super) fn epic_link(self, fields: &Fields<'_>) -> Option<&'m str> {
        let to = self.of_own("Epic Link").find_map(|change| change.to_text.text())?;
        fields.custom.iter().any(|(_, value)| value.text() == Some(to)).then_some(to)
    }

    /// Tells what happened at `at`.
    pub(super) fn happened(
        self,
        facts: &mut Facts,
        at: Option<Time>,
        fields: &Fields<'_>,
        scene: &Scene<'_, '_>,
    ) {
        let user = || scene.person(scene.message.user.as_ref());
        for change in self.of("assignee", "assignee") {
            for (what, id, name) in [
                (What::Unassigned, &change.from, &change.from_text),
                (What::Assigned, &change.to, &change.to_text),
            ] {
                if id.text().or(name.text()).is_some() {
                    facts.happened(at, what, None, None, scene.name(name.text()));
                }
            }
        }
        for change in self.of("labels", "labels") {
            let words = |text: Option<&'m str>| -> BTreeSet<&str> {
                text.unwrap_or_default().split_whitespace().take(MAX_CHANGES).collect()
            };
            let (before, after) = (words(change.from_text.text()), words(change.to_text.text()));
            for label in before.difference(&after) {
                facts.happened(at, What::Unlabeled, Some(label), None, user());
            }
            for label in after.difference(&before) {
                facts.happened(at, What::Labeled, Some(label), None, user());
            }
        }
        for change in self.of("fixVersions", "Fix Version") {
            for (what, name) in [(What::Demilestoned, &change.from_text), (What::Milestoned, &change.to_text)]
            {
                if name.text().is_some() {
                    facts.happened(at, what, name.text(), None, user());
                }
            }
        }
        for change in self.of_own("Sprint") {
            let before = sprints(change.from.text(), change.from_text.text(), fields);
            let after = sprints(change.to.text(), change.to_text.text(), fields);
            for (what, there, gone) in
                [(What::SprintLeft, &before, &after), (What::SprintEntered, &after, &before)]
            {
                for (_, name) in there.iter().filter(|(id, _)| !gone.iter().any(|(other, _)| other == id)) {
                    facts.happened(at, what, *name, None, user());
                }
            }
        }
        let text = [("summary", "summary"), ("description", "description")];
        if text.iter().any(|(id, name)| self.0.iter().any(|change| change.is(id, name))) {
            facts.happened(at, What::Edited, None, None, user());
        }
    }
}

/// The sprints of a change, by id, with their names: as the issue's own field has them, else as the
/// change tells them. There they are separated by commas, which names can hold too.
fn sprints<'v>(
    ids: Option<&'v str>,
    names: Option<&'v str>,
    fields: &'v Fields<'_>,
) -> Vec<(&'v str, Option<&'v str>)> {
    let ids: Vec<&str> = split(ids.unwrap_or_default());
    let told: Vec<&str> = match names {
        Some(name) if ids.len() == 1 => vec![name.trim()],
        names => split(names.unwrap_or_default()),
    };
    let name = |(place, id): (usize, &&'v str)| {
        let known = fields.sprints().find(|sprint| id.parse() == Ok(sprint.id)).map(|sprint| sprint.name);
        (*id, known.or_else(|| told.get(place).copied().filter(|_| told.len() == ids.len())))
    };
    ids.iter().enumerate().map(name).collect()
}

fn split(list: &str) -> Vec<&str> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).take(MAX_CHANGES).collect()
}
