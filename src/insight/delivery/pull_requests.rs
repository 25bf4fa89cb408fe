//! How pull requests fared, by repository and interval: the report that the original ValueStream's
//! `vsperformancereport` makes, with its columns. What counts is defined anew, see `docs/insight.md`:
//! pull requests count in the interval in which they ended, so that a row stays what it is once its
//! interval is over; means are of those that were merged, and of each only those of which it is known.

use std::collections::BTreeMap;

use crate::insight::cohort::Sieve;
use crate::insight::population::{Population, duration};
use crate::insight::query::{Query, QueryError};
use crate::insight::report::{At, Basis, Mean, PullRequestRow, PullRequests};
use crate::insight::stats::quantile::{mean, summary};
use crate::insight::trend::start;
use crate::work::event::Outcome;
use crate::work::key::Kind;
use crate::work::time::{Time, seconds};

/// The most rows.
const MAX_ROWS: usize = 50_000;

/// Where a row belongs: its interval, and the host and project of its repository.
type Place = (Time, String, String);

/// What ended in one place.
#[derive(Debug, Default)]
struct Ended {
    total: u64,
    merged: u64,
    lines: Vec<f64>,
    seconds: Vec<f64>,
    per_line: Vec<f64>,
    per_comment: Vec<f64>,
    comments: Vec<f64>,
}

/// The report. Filters on outcomes play no part: both sides of a ratio are outcomes.
pub fn pull_requests(
    population: &Population,
    query: &Query,
    basis: Basis,
) -> Result<PullRequests, QueryError> {
    let sieve = Sieve::new(population, "filter", &query.filters, query.tier)?;
    let interval = query.interval();
    let mut places: BTreeMap<Place, Ended> = BTreeMap::new();
    for row in population.of_kind(Kind::PullRequest) {
        let life = population.life(row);
        let Some((end, outcome)) = life.closed.filter(|_| !life.open) else { continue };
        if end < query.from || end >= query.to || !sieve.passes(row) {
            continue;
        }
        let (Some(from), Some(key)) = (start(end, interval), population.key(row)) else { continue };
        let place = (from, key.host().to_owned(), key.project().to_owned());
        if places.len() == MAX_ROWS && !places.contains_key(&place) {
            let problem =
                format!("more than {MAX_ROWS} rows: ask for month, a shorter range, or fewer repositories");
            return Err(QueryError::value("interval", &format!("{interval:?}").to_lowercase(), problem));
        }
        let ended = places.entry(place).or_default();
        ended.total += 1;
        if outcome == Outcome::Merged {
            ended.merge(population, row);
        }
    }
    Ok(PullRequests { basis, interval, rows: rows(places) })
}

impl Ended {
    fn merge(&mut self, population: &Population, row: u32) {
        self.merged += 1;
        let took = duration(population.life(row)).map(seconds);
        let change = population.change(row).copied().unwrap_or_default();
        let (lines, comments) = (change.lines.map(f64::from), change.comments.map(f64::from));
        let per = |n: Option<f64>| Some(took? / n.filter(|n| *n > 0.0)?);
        self.lines.extend(lines);
        self.seconds.extend(took);
        self.per_line.extend(per(lines));
        self.per_comment.extend(per(comments));
        self.comments.extend(comments);
    }
}

/// The rows, oldest first; those of a repository know what came before them.
fn rows(places: BTreeMap<Place, Ended>) -> Vec<PullRequestRow> {
    let told = |values: &[f64]| Mean { n: values.len() as u64, mean: mean(values) };
    let mut so_far: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    let row = |((from, host, project), ended): (Place, Ended)| {
        let (owner, repo) = project.rsplit_once('/').unwrap_or(("", &project));
        let (owner, repo) = (owner.to_owned(), repo.to_owned());
        let all = so_far.entry((host.clone(), project)).or_default();
        all.extend(&ended.seconds);
        // The stable sort: it finds what is sorted already.
        all.sort_by(f64::total_cmp);
        PullRequestRow {
            from: At(from),
            host,
            owner,
            repo,
            total: ended.total,
            merged: ended.merged,
            merge_ratio: ended.merged as f64 / ended.total as f64,
            lines: told(&ended.lines),
            duration_seconds: told(&ended.seconds),
            seconds_per_line: told(&ended.per_line),
            seconds_per_comment: told(&ended.per_comment),
            comments: told(&ended.comments),
            running: summary(all),
        }
    };
    places.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::cohort;
    use crate::insight::population::testing::{Seen, of, population, seen};
    use crate::insight::query::{Filter, Interval, Tier};
    use crate::work::testing::{at, key};

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;

    fn query(interval: Interval, filters: &[Filter]) -> Query {
        let (kind, from) = (Kind::PullRequest, at(0));
        Query { kind, from, interval: Some(interval), filters: filters.to_vec(), ..Query::new(at(100 * DAY)) }
    }

    fn report(items: &[Seen], query: &Query) -> Vec<PullRequestRow> {
        let basis = cohort::basis(query, Tier::Any, query.to, 0);
        pull_requests(&population(items), query, basis).unwrap().rows
    }

    fn sized(pull: Seen, lines: Option<u32>, comments: Option<u32>) -> Seen {
        pull.change(|change| (change.lines, change.comments) = (lines, comments))
    }

    fn merged(id: u32, opened: i64, hours: i64, lines: Option<u32>, comments: Option<u32>) -> Seen {
        sized(seen(&format!("pull_request/{id}")).merged(opened, opened + hours * HOUR), lines, comments)
    }

    fn known(n: u64, value: f64) -> Mean {
        Mean { n, mean: Some(value) }
    }

    /// 2026-01-01, where the seconds begin, is a Thursday: its week begins on 2025-12-29.
    fn example() -> Vec<Seen> {
        vec![
            // The first week: 2 h and 4 h, and one that was given up after 90 h.
            merged(1, 0, 2, Some(100), Some(4)),
            merged(2, DAY, 4, Some(300), Some(0)),
            sized(seen("pull_request/3").lived(0, 90 * HOUR, Outcome::Closed), Some(9_000), Some(70)),
            // The second week, 2026-01-05: opened in the first one, 100 h, nothing known of its size.
            merged(4, DAY, 100, None, None),
            // And one that changes nothing but the mode of a file.
            merged(5, 5 * DAY, 10, Some(0), Some(2)),
            // Open.
            seen("pull_request/6").opened(DAY),
            // Another kind.
            seen("issue/7").lived(0, DAY, Outcome::Completed),
        ]
    }

    #[test]
    fn the_figures_are_those_computed_by_hand() {
        let rows = report(&example(), &query(Interval::Week, &[]));
        let [first, second] = rows.as_slice() else { panic!("{rows:?}") };
        let name = |row: &PullRequestRow| (row.host.clone(), row.owner.clone(), row.repo.clone());
        assert_eq!(name(first), ("github.com".to_owned(), "acme".to_owned(), "api".to_owned()));
        assert_eq!(
            (first.from.0.to_string(), second.from.0.to_string()),
            ("2025-12-29T00:00:00Z".to_owned(), "2026-01-05T00:00:00Z".to_owned())
        );
        assert_eq!((first.total, first.merged, first.merge_ratio), (3, 2, 2.0 / 3.0));
        // (100 + 300) / 2, (2 h + 4 h) / 2.
        assert_eq!((first.lines, first.duration_seconds), (known(2, 200.0), known(2, 10_800.0)));
        // 7200 s / 100 lines = 72, 14400 / 300 = 48; 7200 / 4 comments, the other has none.
        assert_eq!((first.seconds_per_line, first.seconds_per_comment), (known(2, 60.0), known(1, 1_800.0)));
        assert_eq!(first.comments, known(2, 2.0));
        let running = first.running.unwrap();
        assert_eq!((running.n, running.p50_seconds), (2, 10_800.0));

        assert_eq!((second.total, second.merged, second.merge_ratio), (2, 2, 1.0));
        assert_eq!((second.lines, second.duration_seconds), (known(1, 0.0), known(2, 55.0 * 3_600.0)));
        // No line: no time per line, and not infinitely much of it.
        assert_eq!(
            (second.seconds_per_line, second.seconds_per_comment),
            (Mean::default(), known(1, 18_000.0))
        );
        // 2, 4, 10 and 100 h: the median is 7 h; p95 lies at 2.85, 10 + 0.85 * 90; p99 at 2.97.
        let hours = |seconds: f64| (seconds / 36.0).round() / 100.0;
        let running = second.running.unwrap();
        assert_eq!(running.n, 4);
        assert_eq!(
            (hours(running.p50_seconds), hours(running.p95_seconds), hours(running.p99_seconds)),
            (7.0, 86.5, 97.3)
        );
    }

    #[test]
    fn what_comes_later_changes_no_row_before() {
        let before = report(&example(), &query(Interval::Day, &[]));
        let mut items = example();
        items.push(merged(8, 0, 30 * 24, Some(1), Some(1)));
        let after = report(&items, &query(Interval::Day, &[]));
        assert_eq!((before.len(), after.len()), (4, 5));
        assert_eq!(after[..4], before);
    }

    #[test]
    fn each_repository_has_its_own_rows_and_its_own_past() {
        let other = |id: u32, source: &str, opened, hours: i64| {
            of(key(&format!("{source}/pull_request/{id}"))).merged(opened, opened + hours * HOUR)
        };
        let items = [
            merged(1, 0, 2, None, None),
            other(1, "github:ghe.example.org/acme/api", 0, 8),
            other(1, "gitlab:gitlab.com/acme/web/shop", 40 * DAY, 16),
            merged(2, 40 * DAY, 4, None, None),
        ];
        let rows = report(&items, &query(Interval::Month, &[]));
        let told = rows.iter().map(|row| {
            let from = row.from.0.to_string()[..7].to_owned();
            let name = format!("{}: {} / {}", row.host, row.owner, row.repo);
            (from, name, row.running.map(|running| (running.n, running.max_seconds / 3_600.0)))
        });
        let wanted = [
            ("2026-01", "ghe.example.org: acme / api", (1, 8.0)),
            ("2026-01", "github.com: acme / api", (1, 2.0)),
            ("2026-02", "github.com: acme / api", (2, 4.0)),
            ("2026-02", "gitlab.com: acme/web / shop", (1, 16.0)),
        ];
        let wanted = wanted.map(|(from, name, running)| (from.to_owned(), name.to_owned(), Some(running)));
        assert_eq!(told.collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn filters_and_the_range_choose_and_outcomes_do_not() {
        let items = [
            merged(1, 0, 2, None, None).tag("team", "pay"),
            seen("pull_request/2").lived(0, HOUR, Outcome::Closed).tag("team", "pay"),
            merged(3, 0, 2, None, None).tag("team", "web"),
            // It ends with the range, which does not belong to it.
            seen("pull_request/4").merged(0, 100 * DAY).tag("team", "pay"),
        ];
        let filters = [Filter::include("team", "pay"), Filter::include("outcome", "merged")];
        let rows = report(&items, &query(Interval::Day, &filters));
        assert_eq!(rows.iter().map(|row| (row.total, row.merged)).collect::<Vec<_>>(), [(2, 1)]);
    }

    #[test]
    fn an_interval_that_is_not_known_or_not_to_be_believed_is_in_no_mean() {
        let mut unknown = merged(1, 0, 2, Some(10), Some(1));
        unknown.0.life.start_known = false;
        let mut clamped = merged(2, 0, 2, Some(20), Some(1));
        clamped.0.life.clamped = true;
        let rows = report(&[unknown, clamped], &query(Interval::Day, &[]));
        assert_eq!((rows[0].merged, rows[0].lines), (2, known(2, 15.0)));
        assert_eq!((rows[0].duration_seconds, rows[0].seconds_per_comment), Default::default());
        assert_eq!(rows[0].running, None);
    }
}
