//! The items that a question is about: those of its kind that ended in its range and pass its
//! filters, sorted by how long they took. Everything else is computed by walking over these rows.

use super::population::{Dimension, Population, counts, duration, fails};
use super::query::{Filter, OUTCOME, Query, QueryError, Tier};
use super::report::{At, Basis, LeftOut, Outcomes, Selection};
use super::stats::quantile::{quantile, within};
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

/// Rows, sorted by how long the items took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cohort {
    /// The rows.
    pub rows: Vec<u32>,
    /// How long each took, in seconds.
    pub seconds: Vec<f64>,
    /// When each ended.
    pub ends: Vec<Time>,
    /// The rows in their own order, for walks over whole columns.
    pub ascending: Vec<u32>,
    /// What ended in the range and is not among them.
    pub left_out: LeftOut,
}

/// Which rows pass filters: for each key the sets of values that will do.
pub struct Sieve<'p> {
    population: &'p Population,
    wanted: Vec<(&'p Dimension, Vec<bool>)>,
    outcomes: Option<Vec<&'static str>>,
    tier: Option<Tier>,
}

/// The name under which "no such key" is told.
fn unknown(population: &Population, name: &'static str, key: &str) -> QueryError {
    let mut known: Vec<&str> =
        population.dimensions().iter().map(|dimension| dimension.key.as_str()).collect();
    known.sort_unstable();
    QueryError::value(name, key, format!("there is no such key; known are {}", known.join(", ")))
}

/// The column of a key that was given as parameter `name`.
pub fn dimension<'p>(
    population: &'p Population,
    name: &'static str,
    key: &str,
) -> Result<&'p Dimension, QueryError> {
    population.dimension(key).ok_or_else(|| unknown(population, name, key))
}

impl<'p> Sieve<'p> {
    /// For the filters given as parameter `name`.
    pub fn new(
        population: &'p Population,
        name: &'static str,
        filters: &[Filter],
        tier: Option<Tier>,
    ) -> Result<Self, QueryError> {
        let (of_outcome, of_tags): (Vec<&Filter>, Vec<&Filter>) =
            filters.iter().partition(|filter| filter.key == OUTCOME);
        let mut keys: Vec<&str> = of_tags.iter().map(|filter| filter.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut wanted = Vec::new();
        for key in keys {
            let dimension = dimension(population, name, key)?;
            let of_key: Vec<&Filter> = of_tags.iter().copied().filter(|filter| filter.key == key).collect();
            wanted.push((dimension, accepted(dimension, &of_key)));
        }
        Ok(Self { population, wanted, outcomes: wanted_outcomes(name, &of_outcome)?, tier })
    }

    /// Whether a row has what is wanted, but for its outcome.
    pub fn passes(&self, row: u32) -> bool {
        self.wanted.iter().all(|(dimension, accepted)| accepted[dimension.codes().get(row) as usize])
            && self.in_tier(row)
    }

    fn in_tier(&self, row: u32) -> bool {
        match self.tier {
            None | Some(Tier::Any) => true,
            Some(tier) => self.population.deploy(row).is_none_or(|deploy| deploy.tier == tier),
        }
    }

    /// Whether an outcome is wanted: if none was named, what [`counts`] says.
    fn outcome(&self, kind: Kind, outcome: Outcome) -> bool {
        match &self.outcomes {
            Some(wanted) => wanted.contains(&outcome.as_str()),
            None => counts(kind, outcome),
        }
    }
}

/// Which of a key's sets of values will do: any of the values that are included, if some are, and
/// none of those that are excluded.
fn accepted(dimension: &Dimension, filters: &[&Filter]) -> Vec<bool> {
    let any_included = filters.iter().any(|filter| !filter.exclude);
    let mut accepted = vec![!any_included; dimension.sets().len()];
    for exclude in [false, true] {
        for filter in filters.iter().filter(|filter| filter.exclude == exclude) {
            for (accepted, has) in accepted.iter_mut().zip(dimension.having(&filter.value)) {
                if has {
                    *accepted = !exclude;
                }
            }
        }
    }
    accepted
}

fn wanted_outcomes(name: &'static str, filters: &[&Filter]) -> Result<Option<Vec<&'static str>>, QueryError> {
    let names = Outcome::ALL.map(Outcome::as_str);
    for filter in filters {
        if !names.contains(&filter.value.as_str()) {
            let problem = format!("an outcome is one of {}", names.join(", "));
            return Err(QueryError::value(name, &filter.value, problem));
        }
    }
    if filters.is_empty() {
        return Ok(None);
    }
    let any_included = filters.iter().any(|filter| !filter.exclude);
    let named = |name: &str, exclude: bool| filters.iter().any(|f| f.exclude == exclude && f.value == name);
    let wanted = names.into_iter().filter(|name| (!any_included || named(name, false)) && !named(name, true));
    Ok(Some(wanted.collect()))
}

impl Cohort {
    /// The items that a question is about.
    pub fn select(population: &Population, query: &Query) -> Result<Self, QueryError> {
        let mut found: Vec<(i64, u32, Time)> = Vec::new();
        let left_out = visit(population, query, |row, micros, end| found.push((micros, row, end)))?;
        let ascending = found.iter().map(|(_, row, _)| *row).collect();
        found.sort_unstable_by_key(|(micros, row, _)| (*micros, *row));
        Ok(Self {
            rows: found.iter().map(|(_, row, _)| *row).collect(),
            seconds: found.iter().map(|(micros, ..)| seconds(*micros)).collect(),
            ends: found.iter().map(|(.., end)| *end).collect(),
            ascending,
            left_out,
        })
    }

    /// How many items a question is about, and what is not among them.
    pub fn count(population: &Population, query: &Query) -> Result<(u64, LeftOut), QueryError> {
        let mut n = 0;
        let left_out = visit(population, query, |_, _, _| n += 1)?;
        Ok((n, left_out))
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many of the items failed and succeeded.
    pub fn outcomes(&self, population: &Population) -> Outcomes {
        outcomes(population, self.rows.iter().copied())
    }

    /// The range of latency that a question selects; by default the slowest tenth.
    pub fn selection(&self, query: &Query) -> Option<Selection> {
        let last = *self.seconds.last()?;
        let from_seconds = match (query.slower, query.faster) {
            (Some(slower), _) => slower,
            (None, Some(_)) => 0.0,
            (None, None) => quantile(&self.seconds, 0.9)?,
        };
        let to_seconds = query.faster.unwrap_or(last.max(from_seconds));
        let n = self.within(from_seconds, to_seconds).len() as u64;
        Some(Selection { from_seconds, to_seconds, n })
    }

    /// The places of the items that took that long, both ends included.
    pub fn within(&self, from_seconds: f64, to_seconds: f64) -> std::ops::Range<usize> {
        within(&self.seconds, (from_seconds, to_seconds))
    }
}

/// Visits the items that a question is about, in the order of their rows, with how long each took in
/// microseconds and when it ended; says what is not among them.
fn visit(
    population: &Population,
    query: &Query,
    mut found: impl FnMut(u32, i64, Time),
) -> Result<LeftOut, QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let mut left_out = LeftOut::default();
    for row in population.of_kind(query.kind) {
        let life = population.life(row);
        let Some((end, outcome)) = life.closed.filter(|_| !life.open) else { continue };
        if end < query.from || end >= query.to || !sieve.passes(row) {
            continue;
        }
        if !sieve.outcome(query.kind, outcome) {
            left_out.outcome += 1;
            continue;
        }
        match duration(life) {
            Some(micros) => found(row, micros, end),
            None if life.clamped => left_out.clamped += 1,
            None => left_out.start_unknown += 1,
        }
    }
    Ok(left_out)
}

/// How many of these rows, all of one kind, failed and succeeded.
pub fn outcomes(population: &Population, rows: impl Iterator<Item = u32>) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let mut rows = rows.peekable();
    let Some(kind) = rows.peek().map(|row| population.kind(*row)) else { return outcomes };
    if !fails(kind) {
        return outcomes;
    }
    for row in rows {
        match population.failed(row) {
            Some(true) => outcomes.failed += 1,
            Some(false) => outcomes.succeeded += 1,
            None => {}
        }
    }
    outcomes
}

/// What a report on `query` is about.
pub fn basis(query: &Query, tier: Tier, now: Time, behind: u64) -> Basis {
    Basis {
        kind: query.kind,
        from: At(query.from),
        to: At(query.to),
        filters: query.filter_texts(),
        tier,
        as_of: At(now),
        behind,
    }
}

#[cfg(test)]
mod tests {
    use super::super::population::testing::{Seen, population, seen};
    use super::super::stats::quantile::summary;
    use super::*;
    use crate::work::testing::at;

    fn query(filters: &[&str]) -> Query {
        let mut query = Query::new(at(1_000_000));
        query.from = at(0);
        query.filters = filters.iter().map(|text| Filter::parse(text).unwrap()).collect();
        query
    }

    fn some() -> Vec<Seen> {
        use Outcome::*;
        vec![
            seen("issue/1").lived(0, 500, Completed).tag("team", "a").tag("language", "go"),
            seen("issue/2").lived(0, 100, Completed).tag("team", "b"),
            seen("issue/3").lived(0, 300, NotPlanned).tag("team", "a"),
            seen("issue/4").opened(0).tag("team", "a"),
            seen("issue/5").lived(50, 200, Completed),
            seen("pull_request/6").lived(0, 10, Merged).tag("team", "a"),
        ]
    }

    fn numbers(filters: &[&str]) -> Vec<String> {
        let population = population(&some());
        let cohort = Cohort::select(&population, &query(filters)).unwrap();
        cohort.rows.iter().map(|row| population.key(*row).unwrap().id().to_owned()).collect()
    }

    #[test]
    fn items_come_the_fastest_first_and_open_ones_not_at_all() {
        assert_eq!(numbers(&[]), ["2", "5", "1"]);
    }

    #[test]
    fn values_of_one_key_are_alternatives_and_keys_add_up() {
        assert_eq!(numbers(&["team=a", "team=b"]), ["2", "1"]);
        assert_eq!(numbers(&["team=a", "language=go"]), ["1"]);
        assert_eq!(numbers(&["team!=a"]), ["2", "5"]);
        assert_eq!(numbers(&["team=a", "team=b", "team!=b"]), ["1"]);
        assert_eq!(numbers(&["team=(none)"]), ["5"]);
        assert_eq!(numbers(&["team!=(none)"]), ["2", "1"]);
        assert_eq!(numbers(&["team=nobody"]), [""; 0]);
    }

    #[test]
    fn what_was_not_planned_is_counted_and_left_out_unless_asked_for() {
        let population = population(&some());
        assert_eq!(Cohort::select(&population, &query(&[])).unwrap().left_out.outcome, 1);
        assert_eq!(numbers(&["outcome=not_planned"]), ["3"]);
        assert_eq!(numbers(&["outcome!=not_planned"]), ["2", "5", "1"]);
    }

    #[test]
    fn the_range_is_that_of_the_end_and_half_open() {
        let population = population(&some());
        let ended = |from, to| {
            let query = Query { from: at(from), to: at(to), ..query(&[]) };
            Cohort::select(&population, &query).unwrap().len()
        };
        assert_eq!((ended(100, 200), ended(100, 201), ended(101, 200)), (1, 2, 0));
    }

    #[test]
    fn a_beginning_that_is_not_known_makes_no_latency() {
        let mut unknown = seen("issue/1").lived(0, 60, Outcome::Completed);
        unknown.0.life.start_known = false;
        let mut clamped = seen("issue/2").lived(0, 60, Outcome::Completed);
        clamped.0.life.clamped = true;
        let cohort = Cohort::select(&population(&[unknown, clamped]), &query(&[])).unwrap();
        assert_eq!((cohort.len(), cohort.left_out.start_unknown, cohort.left_out.clamped), (0, 1, 1));
        assert_eq!(summary(&cohort.seconds), None);
    }

    #[test]
    fn unknown_keys_and_outcomes_are_told_with_the_known_ones() {
        let population = population(&some());
        let error = Cohort::select(&population, &query(&["colour=red"])).unwrap_err().to_string();
        assert!(error.contains("colour") && error.contains("language"), "{error}");
        let error = Cohort::select(&population, &query(&["outcome=red"])).unwrap_err().to_string();
        assert!(error.contains("not_planned"), "{error}");
    }

    #[test]
    fn the_selection_is_the_slowest_tenth_unless_said() {
        let all: Vec<_> =
            (1..=20).map(|n| seen(&format!("issue/{n}")).lived(0, n * 10, Outcome::Completed)).collect();
        let population = population(&all);
        let cohort = Cohort::select(&population, &query(&[])).unwrap();
        let selected = |slower, faster| cohort.selection(&Query { slower, faster, ..query(&[]) }).unwrap();
        assert_eq!(selected(None, None).n, 2);
        assert_eq!(selected(Some(100.0), Some(150.0)).n, 6);
        assert_eq!(selected(None, Some(50.0)).n, 5);
        assert_eq!(selected(Some(1e9), None).n, 0);
    }
}
