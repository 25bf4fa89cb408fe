//! Which items a finding is about, as bits in the order of the sample.

use super::levels::Levels;
use super::singles::print_of;

/// A set of items.
#[derive(Clone, Debug)]
pub(super) struct Members {
    words: Vec<u64>,
    n: u64,
    all: u64,
}

impl Members {
    /// The items that have a value.
    pub fn new(levels: &Levels<'_>, value: u32) -> Self {
        let with = levels.sets_with(value);
        let word = |codes: &[u32]| {
            codes.iter().rev().fold(0_u64, |word, code| word << 1 | u64::from(with[*code as usize]))
        };
        Self::of(levels.codes.chunks(64).map(word).collect(), levels.codes.len() as u64)
    }

    fn of(words: Vec<u64>, all: u64) -> Self {
        let n = words.iter().map(|word| u64::from(word.count_ones())).sum();
        Self { words, n, all }
    }

    /// The items in both.
    pub fn and(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & b);
        Self::of(words.collect(), self.all)
    }

    /// The items in this but not in the other.
    pub fn without(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & !b);
        Self::of(words.collect(), self.all)
    }

    /// How many.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Whether an item is in it.
    pub fn has(&self, item: usize) -> bool {
        self.words[item / 64] >> (item % 64) & 1 == 1
    }

    /// The items, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, word)| Bits(*word).map(move |bit| index * 64 + bit))
    }

    /// The items in descending order.
    pub fn iter_back(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().rev().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.checked_ilog2()?;
                rest ^= 1 << bit;
                Some(index * 64 + bit as usize)
            })
        })
    }

    /// The item at a position (from 0) among the members, or among the others.
    pub fn select(&self, mut position: u64, members: bool) -> Option<usize> {
        for (index, word) in self.words.iter().enumerate() {
            let word = if members { *word } else { !*word };
            let here = u64::from(word.count_ones());
            if position < here {
                let item = index * 64 + Bits(word).nth(position as usize)?;
                return (item < self.all as usize).then_some(item);
            }
            position -= here;
        }
        None
    }

    /// The fingerprint of which items they are.
    pub fn print(&self) -> u64 {
        self.iter().fold(0, |print, item| print.wrapping_add(print_of(item)))
    }
}

/// The positions of a word's ones, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::insight::correlate::sample::Column;

    #[test]
    fn items_are_found_by_their_position_on_either_side() {
        let column = Column::new("n", (0..150).map(|n| [if n % 3 == 0 { "third" } else { "other" }]));
        let members = Members::new(&Levels::new(&column), 0);
        assert_eq!(members.n(), 50);
        assert_eq!(members.select(1, true), Some(3));
        assert_eq!(members.select(21, true), Some(63));
        assert_eq!(members.select(22, true), Some(66));
        assert_eq!(members.select(49, true), Some(147));
        assert_eq!(members.select(50, true), None);
        assert_eq!(members.select(99, false), Some(149));
        assert_eq!(members.select(100, false), None);
        assert!(members.iter().eq((0..150).step_by(3)));
        assert!(members.iter_back().eq((0..150).step_by(3).rev()));
        assert!(members.has(147) && !members.has(148));
    }
}
