//! Single items of a cohort, the slowest first, a page at a time. A cursor names the last item of a page,
//! so that the next page goes on there even if items have come or gone meanwhile.

use super::cohort::Cohort;
use super::population::Population;
use super::query::{Query, QueryError};
use crate::work::key::Key;

/// Where the rows of a list begin: after the item named by a cursor, `seconds:key`.
fn cursor_place(population: &Population, cohort: &Cohort, cursor: &str) -> Result<usize, QueryError> {
    let bad = || QueryError::value("cursor", cursor, "give the next_cursor of the answer before");
    let (seconds, key) = cursor.split_once(':').ok_or_else(bad)?;
    let seconds: f64 = seconds.parse().map_err(|_| bad())?;
    let key: Key = key.parse().map_err(|_| bad())?;
    // The rows of one latency are in the order of their numbers, which do not change while the
    // program runs; if the item has gone from there, its latency is where to go on.
    let after = cohort.seconds.partition_point(|s| *s <= seconds);
    let before = cohort.seconds.partition_point(|s| *s < seconds);
    let row = population.find(&key);
    let place = (before..after).find(|place| Some(cohort.rows[*place]) == row);
    Ok(place.unwrap_or(before))
}

/// The slowest items of the selection that a question names, or of all; where the list begins, how
/// many there are, and what comes after.
pub fn slowest(
    population: &Population,
    cohort: &Cohort,
    query: &Query,
) -> Result<(Vec<u32>, u64, Option<String>), QueryError> {
    let range = match cohort.selection(query) {
        Some(selected) if query.slower.is_some() || query.faster.is_some() => {
            cohort.within(selected.from_seconds, selected.to_seconds)
        }
        _ => 0..cohort.len(),
    };
    let end = match &query.cursor {
        Some(cursor) => cursor_place(population, cohort, cursor)?.clamp(range.start, range.end),
        None => range.end,
    };
    let begin = end.saturating_sub(query.limit).max(range.start);
    let rows: Vec<u32> = cohort.rows[begin..end].iter().rev().copied().collect();
    let next = (begin > range.start).then(|| population.key(cohort.rows[begin])).flatten();
    let next = next.map(|key| format!("{}:{key}", cohort.seconds[begin]));
    Ok((rows, range.len() as u64, next))
}

#[cfg(test)]
mod tests {
    use super::super::population::testing::{population, seen};
    use super::*;
    use crate::work::event::Outcome;
    use crate::work::testing::at;

    /// Twenty items, of which always four took equally long.
    fn items() -> Population {
        let item = |n: i64| seen(&format!("issue/{n}")).lived(0, 10 + n / 4, Outcome::Completed);
        population(&(0..20).map(item).collect::<Vec<_>>())
    }

    fn pages(population: &Population, query: &Query) -> Vec<Vec<u32>> {
        let cohort = Cohort::select(population, query).unwrap();
        let mut query = query.clone();
        let mut pages = Vec::new();
        loop {
            let (rows, _, next) = slowest(population, &cohort, &query).unwrap();
            pages.push(rows);
            match next {
                Some(next) => query.cursor = Some(next),
                None => return pages,
            }
        }
    }

    #[test]
    fn every_item_is_on_one_page_and_the_slowest_come_first() {
        let population = items();
        for limit in [1, 3, 4, 7, 20, 50] {
            let query = Query { from: at(0), limit, ..Query::new(at(1_000)) };
            let pages = pages(&population, &query);
            assert!(pages.iter().all(|page| page.len() <= limit));
            let all: Vec<u32> = pages.concat();
            assert_eq!(all, (0..20).rev().collect::<Vec<_>>(), "limit {limit}");
        }
    }

    #[test]
    fn a_selected_range_is_listed_alone() {
        let population = items();
        let query =
            Query { from: at(0), limit: 3, slower: Some(12.0), faster: Some(13.0), ..Query::new(at(1_000)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        assert_eq!(slowest(&population, &cohort, &query).unwrap().1, 8);
        assert_eq!(pages(&population, &query).concat(), (8..16).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_cursor_whose_item_has_gone_goes_on_at_its_latency() {
        let population = items();
        let gone = "12.5:github:github.com/acme/api/issue/99";
        let query = Query { from: at(0), limit: 2, cursor: Some(gone.to_owned()), ..Query::new(at(1_000)) };
        let cohort = Cohort::select(&population, &query).unwrap();
        assert_eq!(slowest(&population, &cohort, &query).unwrap().0, [11, 10]);
    }

    #[test]
    fn what_is_no_cursor_is_told() {
        let population = items();
        for bad in ["nonsense", "x:github:github.com/acme/api/issue/1", "12:nonsense"] {
            let query = Query { from: at(0), cursor: Some(bad.to_owned()), ..Query::new(at(1_000)) };
            let cohort = Cohort::select(&population, &query).unwrap();
            let error = slowest(&population, &cohort, &query).unwrap_err();
            assert!(error.to_string().contains("next_cursor"), "{error}");
        }
    }
}
