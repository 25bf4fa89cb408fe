//! The statistics on published data, against the figures of scipy 1.17 and statsmodels 0.15.

use super::mann_whitney::mann_whitney;
use super::{Table, fisher, intervals, mantel_haenszel};

/// A table per stratum, each a, b, c, d.
fn tables(rows: &[[u64; 4]]) -> Vec<Table> {
    rows.iter().map(|[a, b, c, d]| Table { a: *a, b: *b, c: *c, d: *d }).collect()
}

fn crude(strata: &[Table]) -> f64 {
    let sum = |part: fn(&Table) -> u64| strata.iter().map(part).sum();
    Table { a: sum(|t| t.a), b: sum(|t| t.b), c: sum(|t| t.c), d: sum(|t| t.d) }.difference()
}

/// R's data set `airquality`: ozone in New York, 1973 (parts per billion, missing days left out).
#[test]
fn the_ozone_of_may_and_august_differs() {
    let may = [
        41.0, 36.0, 12.0, 18.0, 28.0, 23.0, 19.0, 8.0, 7.0, 16.0, 11.0, 14.0, 18.0, 14.0, 34.0, 6.0, 30.0,
        11.0, 1.0, 11.0, 4.0, 32.0, 23.0, 45.0, 115.0, 37.0,
    ];
    let august = [
        39.0, 9.0, 16.0, 78.0, 35.0, 66.0, 122.0, 89.0, 110.0, 44.0, 28.0, 65.0, 22.0, 59.0, 23.0, 31.0,
        44.0, 21.0, 9.0, 45.0, 168.0, 73.0, 76.0, 118.0, 84.0, 85.0,
    ];
    let test = mann_whitney(&may, &august);
    assert_eq!((test.u, test.exact), (127.5, false));
    assert!((test.p - 0.000120808).abs() < 5e-10, "{}", test.p);
    assert!((test.effect + 0.622781).abs() < 5e-7, "{}", test.effect);
}

/// R's `UCBAdmissions`: rejected and admitted women, rejected and admitted men, of the six largest
/// departments in 1973.
#[test]
fn berkeley_rejects_more_women_only_until_departments_are_told_apart() {
    let departments = tables(&[
        [19, 89, 313, 512],
        [8, 17, 207, 353],
        [391, 202, 205, 120],
        [244, 131, 279, 138],
        [299, 94, 138, 53],
        [317, 24, 351, 22],
    ]);
    assert!((crude(&departments) - 0.141645).abs() < 5e-7);
    assert!((mantel_haenszel::risk_difference(departments).unwrap() + 0.018425).abs() < 5e-7);
}

/// Charig and others, 1986: failed and successful treatments of kidney stones, A and B, for small
/// and for large stones.
#[test]
fn the_better_treatment_of_kidney_stones_looks_worse_over_all() {
    let stones = tables(&[[6, 81, 36, 234], [71, 192, 25, 55]]);
    assert!((crude(&stones) - 0.045714).abs() < 5e-7);
    assert!((mantel_haenszel::risk_difference(stones).unwrap() + 0.053836).abs() < 5e-7);
}

/// R's `Titanic`: men who died and survived, women who did.
#[test]
fn men_on_the_titanic_died_more_often() {
    let table = Table { a: 1_364, b: 367, c: 126, d: 344 };
    let (low, high) = intervals::newcombe(&table).unwrap();
    assert!((table.lift() - 1.163995).abs() < 5e-7);
    assert!((table.difference() - 0.519899).abs() < 5e-7);
    assert!((low - 0.473604).abs() < 5e-7 && (high - 0.562253).abs() < 5e-7);
    assert!(fisher::two_sided(&table) < 1e-80);
}
