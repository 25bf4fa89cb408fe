//! What a network does to the order of deliveries: duplicates, and any order of arrival.

use std::collections::BTreeMap;

use super::delivery::Delivery;
use super::dice::Dice;

/// How many deliveries are held for shuffling. What is shuffled in total is that far out of place
/// on average; a simulation that fits arrives in any order at all.
pub const WINDOW: usize = 20_000;
/// How many deliveries later a duplicate comes at most.
const DELAY: u64 = 200;

/// How deliveries arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// In any order; see [`WINDOW`].
    pub shuffle: bool,
    /// How many of a hundred are delivered a second time, some deliveries later.
    pub duplicates_percent: u8,
    /// Decides which.
    pub seed: u64,
}

impl Arrival {
    /// The deliveries as they arrive.
    pub fn of<I: Iterator<Item = Delivery>>(self, deliveries: I) -> Arriving<I> {
        Arriving {
            how: self,
            // Far away from the streams of the stories.
            dice: Dice::new(self.seed, u64::MAX),
            deliveries: deliveries.fuse(),
            passed: 0,
            again: BTreeMap::new(),
            held: Vec::new(),
        }
    }
}

/// Deliveries as they arrive; see [`Arrival::of`].
#[derive(Debug)]
pub struct Arriving<I> {
    how: Arrival,
    dice: Dice,
    deliveries: std::iter::Fuse<I>,
    passed: u64,
    /// Duplicates to come, by when they come.
    again: BTreeMap<(u64, u64), Delivery>,
    held: Vec<Delivery>,
}

impl<I: Iterator<Item = Delivery>> Arriving<I> {
    /// The next one in order, or a duplicate that is due.
    fn in_order(&mut self) -> Option<Delivery> {
        self.passed += 1;
        if let Some(due) = self.again.first_entry()
            && due.key().0 <= self.passed
        {
            return Some(due.remove());
        }
        let Some(delivery) = self.deliveries.next() else {
            return self.again.pop_first().map(|(_, delivery)| delivery);
        };
        if self.dice.chance(f64::from(self.how.duplicates_percent) / 100.0) {
            let due = self.passed + 1 + self.dice.below(DELAY);
            self.again.insert((due, self.passed), delivery.clone());
        }
        Some(delivery)
    }
}

impl<I: Iterator<Item = Delivery>> Iterator for Arriving<I> {
    type Item = Delivery;

    fn next(&mut self) -> Option<Delivery> {
        if !self.how.shuffle {
            return self.in_order();
        }
        while self.held.len() < WINDOW
            && let Some(delivery) = self.in_order()
        {
            self.held.push(delivery);
        }
        if self.held.is_empty() {
            return None;
        }
        let any = self.dice.index(self.held.len());
        Some(self.held.swap_remove(any))
    }
}
