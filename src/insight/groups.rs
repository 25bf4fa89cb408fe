//! One distribution for each value of a key. An item with several values is in several groups; one
//! without any is in the group `(none)`.

use super::cohort::{Cohort, dimension, outcomes};
use super::population::{Dimension, EMPTY, Population};
use super::query::{NONE, Query, QueryError};
use super::report::{Basis, Group, Groups, TagKey, TagKeys, TagValue};
use super::stats::quantile::summary;

/// The members of a cohort, by the set of values that they have, each in the cohort's order.
pub struct Split {
    /// Where each set's members begin in `places`, by number; one more at the end.
    starts: Vec<usize>,
    /// Places in the cohort.
    places: Vec<u32>,
}

impl Split {
    /// Splits a cohort by a key. One pass to count and one to place, whatever the number of sets.
    pub fn new(dimension: &Dimension, cohort: &Cohort) -> Self {
        let codes = dimension.codes().gather(&cohort.rows);
        let mut starts = vec![0; dimension.sets().len() + 1];
        for code in &codes {
            starts[*code as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut places = vec![0; codes.len()];
        for (place, code) in (0u32..).zip(codes) {
            places[next[code as usize]] = place;
            next[code as usize] += 1;
        }
        Self { starts, places }
    }

    /// How many members a set has.
    pub fn count(&self, set: usize) -> usize {
        self.starts[set + 1] - self.starts[set]
    }

    fn of_set(&self, set: usize) -> &[u32] {
        &self.places[self.starts[set]..self.starts[set + 1]]
    }

    /// The places of the members of any of these sets, in the cohort's order.
    pub fn places(&self, sets: &[usize]) -> Vec<u32> {
        let mut all: Vec<u32> = sets.iter().flat_map(|set| self.of_set(*set)).copied().collect();
        if sets.len() > 1 {
            all.sort_unstable();
        }
        all
    }
}

/// A value, the sets that have it, and how many items of the cohort do.
pub struct Holders {
    /// The value's name.
    pub value: String,
    /// The sets.
    pub sets: Vec<usize>,
    /// How many items.
    pub n: usize,
}

/// The values that occur in a cohort, the most frequent first, then by name. `count` says how many
/// items have each set of values.
pub fn holders(dimension: &Dimension, count: impl Fn(usize) -> usize) -> Vec<Holders> {
    let mut sets_of: Vec<Vec<usize>> = vec![Vec::new(); dimension.values().len()];
    let mut counts = vec![0; dimension.values().len()];
    for (set, members) in dimension.sets().iter().enumerate() {
        let n = count(set);
        if n > 0 {
            for id in members.iter() {
                sets_of[*id as usize].push(set);
                counts[*id as usize] += n;
            }
        }
    }
    let ids = sets_of.into_iter().zip(counts).zip(dimension.values()).filter(|((_, n), _)| *n > 0);
    let mut all: Vec<Holders> =
        ids.map(|((sets, n), value)| Holders { value: value.to_string(), sets, n }).collect();
    let without = count(EMPTY as usize);
    if without > 0 {
        all.push(Holders { value: NONE.to_owned(), sets: vec![EMPTY as usize], n: without });
    }
    all.sort_unstable_by(|a, b| b.n.cmp(&a.n).then_with(|| a.value.cmp(&b.value)));
    all
}

/// The report on a cohort, by `query.group`.
pub fn groups(
    population: &Population,
    cohort: &Cohort,
    query: &Query,
    basis: Basis,
) -> Result<Groups, QueryError> {
    let key = query.group.as_deref().ok_or_else(|| QueryError::Value {
        name: "group",
        value: String::new(),
        problem: "say which key to group by, such as group=team".to_owned(),
    })?;
    let dimension = dimension(population, "group", key)?;
    let split = Split::new(dimension, cohort);
    let holders = holders(dimension, |set| split.count(set));
    let total_groups = holders.len() as u64;
    let groups = holders.into_iter().take(query.limit).filter_map(|holders| {
        let places = split.places(&holders.sets);
        let seconds: Vec<f64> = places.iter().map(|place| cohort.seconds[*place as usize]).collect();
        Some(Group {
            value: holders.value,
            n: holders.n as u64,
            share: holders.n as f64 / cohort.len() as f64,
            quantiles: summary(&seconds)?,
            outcomes: outcomes(population, places.iter().map(|place| cohort.rows[*place as usize])),
        })
    });
    Ok(Groups { key: key.to_owned(), groups: groups.collect(), total_groups, basis })
}

/// How many values of each key are listed.
const VALUES: usize = 20;

/// What a cohort can be sliced by: the keys that any of its items has.
pub fn tags(population: &Population, cohort: &Cohort, basis: Basis) -> TagKeys {
    TagKeys { basis, keys: keys(population, &cohort.ascending) }
}

/// The keys that any of these rows has, with their most frequent values.
pub fn keys(population: &Population, rows: &[u32]) -> Vec<TagKey> {
    let mut keys: Vec<TagKey> = population
        .dimensions()
        .iter()
        .filter_map(|dimension| {
            let counts = dimension.codes().count(rows, dimension.sets().len());
            let n = rows.len() - counts[EMPTY as usize];
            let mut all = holders(dimension, |set| counts[set]);
            all.retain(|holders| holders.sets != [EMPTY as usize]);
            let values = all.iter().take(VALUES).map(|h| TagValue { value: h.value.clone(), n: h.n as u64 });
            (n > 0).then(|| TagKey {
                key: dimension.key.clone(),
                distinct: all.len() as u64,
                n: n as u64,
                values: values.collect(),
            })
        })
        .collect();
    keys.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    keys
}

#[cfg(test)]
mod tests {
    use super::super::cohort;
    use super::super::correlate::{Options, correlate};
    use super::super::population::testing::{population, seen};
    use super::super::query::Measure;
    use super::super::query::Tier;
    use super::super::sampling;
    use super::*;
    use crate::work::event::Outcome;
    use crate::work::testing::at;

    fn report(population: &Population, group: &str, limit: usize) -> Groups {
        let query = Query { from: at(0), group: Some(group.to_owned()), limit, ..Query::new(at(1_000_000)) };
        let cohort = Cohort::select(population, &query).unwrap();
        groups(population, &cohort, &query, cohort::basis(&query, Tier::Any, at(0), 0)).unwrap()
    }

    #[test]
    fn an_item_with_two_values_is_in_two_groups_and_one_without_in_its_own() {
        let done = |id: &str, seconds| seen(id).lived(0, seconds, Outcome::Completed);
        let population = population(&[
            done("issue/1", 10),
            seen("pull_request/11").below(&["issue/1"]).tag("language", "go"),
            seen("pull_request/12").below(&["issue/1"]).tag("language", "python"),
            done("issue/2", 30).tag("language", "go"),
            done("issue/3", 50),
        ]);
        let groups = report(&population, "language", 10);
        let all: Vec<_> = groups
            .groups
            .iter()
            .map(|g| (g.value.as_str(), g.n, g.quantiles.p50_seconds, g.quantiles.max_seconds))
            .collect();
        assert_eq!(all, [("go", 2, 20.0, 30.0), (NONE, 1, 50.0, 50.0), ("python", 1, 10.0, 10.0)]);
        assert_eq!(groups.groups[0].share, 2.0 / 3.0);
    }

    #[test]
    fn no_more_groups_than_asked_for_are_told_and_how_many_there_are() {
        let items: Vec<_> = (0..100)
            .map(|n| {
                seen(&format!("issue/{n}")).lived(0, 10, Outcome::Completed).tag("team", &format!("t{n:03}"))
            })
            .collect();
        let groups = report(&population(&items), "team", 3);
        assert_eq!(groups.total_groups, 100);
        assert_eq!(
            groups.groups.iter().map(|g| g.value.as_str()).collect::<Vec<_>>(),
            ["t000", "t001", "t002"]
        );
    }

    #[test]
    fn a_key_with_a_hundred_thousand_values_is_answered_and_not_correlated() {
        const MANY: i64 = 100_000;
        let items: Vec<_> = (0..MANY)
            .map(|n| {
                seen(&format!("issue/{n}")).lived(0, 10 + n, Outcome::Completed).tag("team", &format!("t{n}"))
            })
            .collect();
        let population = population(&items);
        let query =
            Query { from: at(0), limit: 5, group: Some("team".to_owned()), ..Query::new(at(1_000_000)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        let basis = || cohort::basis(&query, Tier::Any, at(0), 0);
        let groups = groups(&population, &cohort, &query, basis()).unwrap();
        assert_eq!((groups.groups.len(), groups.total_groups), (5, MANY as u64));
        let keys = tags(&population, &cohort, basis()).keys;
        let team = keys.iter().find(|key| key.key == "team").unwrap();
        assert_eq!((team.distinct, team.values.len()), (MANY as u64, VALUES));
        let sample = sampling::sample(&population, &cohort, Measure::Latency, None);
        let found = correlate(&sample, Measure::Latency, None, &Options::default());
        assert!(found.findings.is_empty() && found.insufficient_data.is_some(), "{found:?}");
    }

    #[test]
    fn without_a_key_or_with_one_that_is_not_there_it_says_so() {
        let population = population(&[]);
        let query = Query::new(at(0));
        let basis = || cohort::basis(&query, Tier::Any, at(0), 0);
        let error = groups(&population, &Cohort::default(), &query, basis()).unwrap_err();
        assert!(error.to_string().contains("group=team"), "{error}");
        let query = Query { group: Some("colour".to_owned()), ..query.clone() };
        assert!(groups(&population, &Cohort::default(), &query, basis()).is_err());
    }

    #[test]
    fn only_keys_that_some_item_has_are_offered() {
        let done = |id: &str| seen(id).lived(0, 10, Outcome::Completed);
        let population = population(&[done("issue/1").tag("team", "a"), done("issue/2")]);
        let query = Query { from: at(0), ..Query::new(at(1_000_000)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        let keys = tags(&population, &cohort, cohort::basis(&query, Tier::Any, at(0), 0)).keys;
        let shown: Vec<_> = keys.iter().map(|key| (key.key.as_str(), key.n, key.distinct)).collect();
        assert_eq!(shown, [("repository", 2, 1), ("team", 1, 1)]);
        assert_eq!(keys[1].values, [TagValue { value: "a".to_owned(), n: 1 }]);
    }
}
