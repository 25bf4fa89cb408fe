//! Two columns together: of every two values, how many items have both and what their numbers add
//! up to. This is where the time goes, so it is a pass of plain additions over small codes, and
//! items with several values take a slower way beside it.

use std::ops::Range;

use super::measured::Measured;
use super::tracks::Track;

/// The items that have one value of the first column and one of the second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub n: u64,
    /// The sum of their numbers.
    pub sum: u64,
    /// Latency: the sum of twice their ranks among the items of the first value.
    pub first: u64,
    /// Latency: the sum of twice their ranks among the items of the second value.
    pub second: u64,
}

/// The cells of two columns.
pub(super) struct Cells {
    cells: Vec<Cell>,
    width: usize,
}

impl Cells {
    /// Room for the cells of two columns.
    pub fn new(a: &Track, b: &Track) -> Self {
        Self { cells: vec![Cell::default(); a.width() * b.width()], width: b.width() }
    }

    /// The cell of two codes.
    pub fn at(&self, a: u16, b: u16) -> Cell {
        self.cells[usize::from(a) * self.width + usize::from(b)]
    }

    /// Adds a range of items. What lands in cells of the codes for none and for several is not
    /// used.
    pub fn add(&mut self, a: &Track, b: &Track, measured: &Measured<'_>, range: Range<usize>) {
        let codes = a.codes[range.clone()].iter().zip(&b.codes[range.clone()]);
        let (cells, width) = (&mut self.cells[..], self.width);
        match measured {
            Measured::Latency(ranks) => {
                let ranks = ranks[range.clone()].iter().zip(&a.within[range.clone()]).zip(&b.within[range]);
                for ((a, b), ((global, first), second)) in codes.zip(ranks) {
                    let cell = &mut cells[usize::from(*a) * width + usize::from(*b)];
                    cell.n += 1;
                    cell.sum += u64::from(*global);
                    cell.first += u64::from(*first);
                    cell.second += u64::from(*second);
                }
            }
            Measured::Failure(failed) => {
                for ((a, b), failed) in codes.zip(&failed[range]) {
                    let cell = &mut cells[usize::from(*a) * width + usize::from(*b)];
                    cell.n += 1;
                    cell.sum += u64::from(*failed);
                }
            }
        }
    }

    /// Adds the items that have several values in either column, once for every two of their values.
    pub fn add_mixed(&mut self, a: &Track, b: &Track, measured: &Measured<'_>) {
        let (mut left, mut right) = (a.mixed.iter().peekable(), b.mixed.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(x), Some(y)) => x.item.min(y.item),
                (Some(x), None) | (None, Some(x)) => x.item,
                (None, None) => break,
            };
            let of_a = left.next_if(|mixed| mixed.item == next);
            let of_b = right.next_if(|mixed| mixed.item == next);
            let item = next as usize;
            let number = match measured {
                Measured::Latency(ranks) => u64::from(ranks[item]),
                Measured::Failure(failed) => u64::from(failed[item]),
            };
            let (mut one_a, mut one_b) = ([(0, 0)], [(0, 0)]);
            let codes_b = b.codes_at(item, of_b, &mut one_b);
            for (code_a, first) in a.codes_at(item, of_a, &mut one_a) {
                for (code_b, second) in codes_b {
                    let cell = &mut self.cells[usize::from(*code_a) * self.width + usize::from(*code_b)];
                    cell.n += 1;
                    cell.sum += number;
                    cell.first += u64::from(*first);
                    cell.second += u64::from(*second);
                }
            }
        }
    }
}
