//! What a delivery says, in neutral terms. A source turns a payload into [`Said`]: facts about
//! work items ([`Event`]) and what the index of references should know ([`Pointer`]). Facts are
//! elements of a semilattice, so an item is simply the join of all facts ever said about it.

mod happening;
mod life;
mod relation;
mod status;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::happening::{Happening, Role, What};
pub use self::life::{Cycle, Life, Outcome, Run};
pub use self::relation::{Pointer, Ref, Relation, Target};
pub use self::status::{Category, Move};
use super::attr::{Attr, Value, clipped};
use super::key::Key;
use super::lattice::{Bounded, BoundedMap, Instant, Join, Latest, Stamp, Trust};
use super::time::Time;

/// A step of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The step's name; two steps of a job can have the same.
    pub name: Option<Latest<String>>,
    /// When it ran and how it ended.
    pub run: Run,
}

impl Join for Step {
    fn join(&mut self, other: Self) {
        self.name.join(other.name);
        self.run.join(other.run);
    }
}

/// What is said about tags. Which of it becomes a tag is for [`super::tags`] to say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// The repository's main language, as the sender writes it.
    pub language: Option<Latest<String>>,
    /// The repository's topics.
    pub topics: Option<Latest<BTreeSet<String>>>,
    /// The repository's custom properties.
    pub properties: Option<Latest<BTreeMap<String, String>>>,
    /// The item's labels.
    pub labels: Option<Latest<BTreeSet<String>>>,
    /// The run's parameters that can become tags, and a deploy's flags ([`super::tags::DEPLOY_FLAGS`]).
    pub parameters: Option<Latest<BTreeMap<String, String>>>,
    /// What the sender itself calls tags (custom events): all of it, whatever the keys. Each is said by
    /// itself, so that the tags of an end do not take those of the start back.
    #[serde(default)]
    pub given: BTreeMap<String, Latest<String>>,
}

impl Join for Marks {
    fn join(&mut self, other: Self) {
        self.language.join(other.language);
        self.topics.join(other.topics);
        self.properties.join(other.properties);
        self.labels.join(other.labels);
        self.parameters.join(other.parameters);
        self.given.join(other.given);
    }
}

/// All that one delivery says about one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// When it lived.
    pub life: Life,
    /// What describes it.
    pub attrs: BTreeMap<Attr, Latest<Value>>,
    /// What can become its tags.
    pub marks: Marks,
    /// What happened on its way.
    pub happenings: Bounded<Happening>,
    /// What it points at, in the order in which it was named.
    pub relations: BTreeMap<Relation, Latest<Vec<Target>>>,
    /// A job's steps, by number.
    pub steps: BoundedMap<u32, Step>,
    /// An issue's way through the statuses of its workflow (Jira), by the time of each move.
    #[serde(default)]
    pub moves: BoundedMap<Time, Latest<Move>>,
}

impl Facts {
    /// Nothing yet, of the given shape.
    pub fn new(life: Life) -> Self {
        Self {
            life,
            attrs: BTreeMap::new(),
            marks: Marks::default(),
            happenings: Bounded::default(),
            relations: BTreeMap::new(),
            steps: BoundedMap::default(),
            moves: BoundedMap::default(),
        }
    }

    /// Facts about something that is opened and closed.
    pub fn cycle(cycle: Cycle) -> Self {
        Self::new(Life::Cycle(cycle))
    }

    /// Facts about something that runs once.
    pub fn run(run: Run) -> Self {
        Self::new(Life::Run(run))
    }

    /// Describes the item; says nothing if `value` is `None` or an empty text.
    pub fn attr<V: Into<Value>>(&mut self, stamp: Stamp, attr: Attr, value: Option<V>) {
        let value = match value.map(Into::into) {
            None => return,
            Some(Value::Str(text)) if text.is_empty() => return,
            Some(Value::Str(text)) => Value::Str(clipped(&text).to_owned()),
            Some(Value::List(list)) if list.is_empty() => return,
            Some(value) => value,
        };
        self.attrs.insert(attr, Latest::new(stamp, value));
    }

    /// Tells that something happened, if it is known when.
    pub fn happened(
        &mut self,
        at: Option<Time>,
        what: What,
        detail: Option<&str>,
        role: Option<Role>,
        person: Option<String>,
    ) {
        if let Some(at) = at {
            let detail = detail.filter(|detail| !detail.is_empty()).map(|detail| clipped(detail).to_owned());
            self.happenings.insert(Happening { at, what, detail, role, person });
        }
    }

    /// Says what the item points at. An empty list is said too: an edited text may have lost its
    /// references.
    pub fn relate(&mut self, stamp: Stamp, relation: Relation, targets: Vec<Target>) {
        self.relations.insert(relation, Latest::new(stamp, targets));
    }
}

impl Join for Facts {
    fn join(&mut self, other: Self) {
        self.life.join(other.life);
        self.attrs.join(other.attrs);
        self.marks.join(other.marks);
        self.happenings.join(other.happenings);
        self.relations.join(other.relations);
        self.steps.join(other.steps);
        self.moves.join(other.moves);
    }
}

/// What a delivery says about one work item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The item.
    pub key: Key,
    /// What is said.
    pub facts: Facts,
}

/// Everything that a delivery says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// About work items.
    pub events: Vec<Event>,
    /// For the index of references.
    pub refs: Vec<(Ref, Pointer)>,
    /// What had to be mended or passed over on the way, for the data-quality counts.
    pub flaws: Vec<Flaw>,
}

/// Something in a payload that was not as it should be, and did not keep it from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flaw {
    /// A time that no sender can mean (zero, 1970, the year 9999) where one was optional.
    ImplausibleTime,
    /// A run was called completed without saying how it ended.
    MissingOutcome,
    /// An outcome that is not known here.
    UnknownOutcome,
    /// The payload had no time of its own, so that of receipt was taken.
    TimeOfReceipt,
}

impl Flaw {
    /// Every flaw.
    pub const ALL: [Flaw; 4] =
        [Flaw::ImplausibleTime, Flaw::MissingOutcome, Flaw::UnknownOutcome, Flaw::TimeOfReceipt];

    /// The label in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Flaw::ImplausibleTime => "implausible_time",
            Flaw::MissingOutcome => "missing_outcome",
            Flaw::UnknownOutcome => "unknown_outcome",
            Flaw::TimeOfReceipt => "time_of_receipt",
        }
    }
}

impl Said {
    /// Counts what had to be mended.
    pub fn flaw(&mut self, flaw: Flaw) {
        if !self.flaws.contains(&flaw) {
            self.flaws.push(flaw);
        }
    }

    /// Tells the index of references where something is found.
    pub fn point(&mut self, reference: Option<Ref>, pointer: &Pointer) {
        if let Some(reference) = reference
            && !self.refs.iter().any(|(known, at)| *known == reference && at == pointer)
        {
            self.refs.push((reference, pointer.clone()));
        }
    }
}

/// Shorthand for an instant that may be known.
pub fn stated(at: Option<Time>) -> Option<Instant> {
    at.map(Instant::stated)
}

/// Shorthand for an instant of a given trust.
pub fn instant(trust: Trust, at: Option<Time>) -> Option<Instant> {
    at.map(|at| Instant { trust, at })
}
