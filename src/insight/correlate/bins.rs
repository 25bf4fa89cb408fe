//! Numbers, put into quartiles: a column of sizes says nothing value by value.

use crate::insight::query::NONE;

/// Up to so many distinct numbers are values like any other.
const FEW: usize = 10;

/// A column's values and sets after binning; its codes stay as they are.
pub(super) type Binned = (Vec<String>, Vec<Vec<u32>>);

/// A distinct number: the value's id, and how many items have it or one before it in order.
struct Number {
    number: f64,
    id: u32,
    up_to: u64,
}

/// The values and sets with numbers replaced by the quartile they are in, named by its least and
/// greatest number as they are written (`1 to 4`). `None` if the column does not consist of more
/// than ten distinct finite numbers (and `(none)`). `counts` are the items of each set.
pub(super) fn binned(values: &[String], sets: &[Vec<u32>], counts: &[u64]) -> Option<Binned> {
    let mut items_of = vec![0_u64; values.len()];
    for (set, count) in sets.iter().zip(counts) {
        for id in set {
            items_of[*id as usize] += count;
        }
    }
    let numbers = in_order(values, &items_of)?;
    let total = numbers.last()?.up_to;
    let edges = [0.25, 0.5, 0.75].map(|p| quartile(&numbers, total, p));
    let bin_of = |number: f64| edges.iter().filter(|edge| number > **edge).count();

    let mut names = Vec::new();
    let mut new_ids = vec![u32::MAX; values.len()];
    for run in numbers.chunk_by(|a, b| bin_of(a.number) == bin_of(b.number)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let (low, high) = (&values[first.id as usize], &values[last.id as usize]);
        run.iter().for_each(|number| new_ids[number.id as usize] = names.len() as u32);
        names.push(if first.number == last.number { low.clone() } else { format!("{low} to {high}") });
    }
    if let Some(none) = values.iter().position(|value| value == NONE) {
        new_ids[none] = names.len() as u32;
        names.push(NONE.to_owned());
    }
    let renamed = |set: &Vec<u32>| {
        let ids = set.iter().map(|id| new_ids[*id as usize]).filter(|id| *id != u32::MAX);
        let mut ids: Vec<u32> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    Some((names, sets.iter().map(renamed).collect()))
}

/// The distinct numbers that items have, ascending. `None` if something else is among them.
fn in_order(values: &[String], items_of: &[u64]) -> Option<Vec<Number>> {
    let present = values.iter().zip(items_of).enumerate();
    let present = present.filter(|(_, (value, items))| **items > 0 && *value != NONE);
    let mut numbers = Vec::new();
    for (id, (value, items)) in present {
        let number: f64 = value.parse().ok()?;
        if !number.is_finite() {
            return None;
        }
        numbers.push(Number { number, id: id as u32, up_to: *items });
    }
    if numbers.len() <= FEW {
        return None;
    }
    numbers.sort_by(|a, b| a.number.total_cmp(&b.number).then_with(|| a.id.cmp(&b.id)));
    let mut sum = 0;
    for number in &mut numbers {
        sum += number.up_to;
        number.up_to = sum;
    }
    Some(numbers)
}

/// The quantile (type 7) of the items' numbers.
fn quartile(numbers: &[Number], total: u64, p: f64) -> f64 {
    let position = p * (total - 1) as f64;
    let at = |position: u64| {
        let index = numbers.partition_point(|number| number.up_to <= position);
        numbers[index.min(numbers.len() - 1)].number
    };
    let below = at(position.floor() as u64);
    let above = at(position.floor() as u64 + 1);
    below + (above - below) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::correlate::sample::Column;

    fn bins(items: &[&str]) -> Option<Vec<String>> {
        let column = Column::new("lines", items.iter().map(|item| item.split_whitespace()));
        let mut counts = vec![0; column.sets.len()];
        column.codes.iter().for_each(|code| counts[*code as usize] += 1);
        let (values, sets) = binned(&column.values, &column.sets, &counts)?;
        let set = |code: &u32| {
            let names: Vec<&str> =
                sets[*code as usize].iter().map(|id| values[*id as usize].as_str()).collect();
            names.join(", ")
        };
        Some(column.codes.iter().map(set).collect())
    }

    #[test]
    fn numbers_become_quartiles_named_by_their_range() {
        let items = ["10", "2", "1.5", "4", "5", "6", "7", "8", "9", "3", "11", "120", ""];
        // Quartiles of these 12 numbers: 3.75, 6.5 and 9.25.
        let found = bins(&items).unwrap();
        let (first, second, third, fourth) = ("1.5 to 3", "4 to 6", "7 to 9", "10 to 120");
        let expected =
            [fourth, first, first, second, second, second, third, third, third, first, fourth, fourth, NONE];
        assert_eq!(found, expected);
    }

    #[test]
    fn few_numbers_and_words_stay_as_they_are() {
        assert_eq!(bins(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "1"]), None);
        assert_eq!(bins(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "many"]), None);
        assert_eq!(bins(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "inf"]), None);
    }

    #[test]
    fn a_bin_of_one_number_has_its_name_and_empty_bins_vanish() {
        let mut items = vec!["0"; 60];
        items.extend(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "1 9"]);
        let found = bins(&items).unwrap();
        assert_eq!(found[0], "0");
        assert_eq!(found[60], "1 to 10");
        assert_eq!(found[70], "1 to 10");
    }
}
