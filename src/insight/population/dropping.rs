//! Taking items out again, which are past their age. A row stays, since rows are numbered, but nothing is
//! known of it any more: it is as if others had only named it, or nobody had. The memory comes back when
//! all is built anew, which whoever keeps it up to date does once that is worth it.

use std::cmp::Reverse;

use super::{Lived, NO_DETAIL, Population};
use crate::insight::observation::Observation;
use crate::work::key::Kind;

impl Population {
    /// Takes observations in, and out what they or the others say is over. Says how many items went.
    pub fn apply_living(
        &mut self,
        observations: &[Observation],
        over: impl Fn(Kind, &Lived) -> bool,
    ) -> usize {
        let (past, living): (Vec<_>, Vec<_>) =
            observations.iter().cloned().partition(|seen| over(seen.key.kind(), &seen.life));
        if !living.is_empty() {
            self.apply(&living);
        }
        let rows = past.iter().filter_map(|seen| self.names.row(&seen.key));
        let known = rows.filter(|row| self.known[*row as usize]).collect();
        self.drop_rows(known)
    }

    /// Takes out every item that is over. Says how many went.
    pub fn drop_over(&mut self, over: impl Fn(Kind, &Lived) -> bool) -> usize {
        let is_over =
            |row: &u32| self.known[*row as usize] && over(self.names.kind(*row), &self.lived[*row as usize]);
        let rows = (0..self.rows() as u32).filter(is_over).collect();
        self.drop_rows(rows)
    }

    /// Whether so many of the rows are of items that were taken out that it is worth building all anew.
    pub fn is_sparse(&self) -> bool {
        self.gone * 4 > self.rows()
    }

    /// Takes the place of `before`, with rows of its own: whatever knew rows by number has to ask again.
    pub fn succeed(&mut self, before: &Self) {
        self.version = before.version + 1;
        self.generation = before.generation + 1;
    }

    fn drop_rows(&mut self, mut rows: Vec<u32>) -> usize {
        if rows.is_empty() {
            return 0;
        }
        rows.sort_unstable();
        rows.dedup();
        // What stands below first: then what is above may stand alone.
        rows.sort_by_key(|row| Reverse(self.names.kind(*row).depth()));
        let mut touched = Vec::new();
        for row in &rows {
            touched.push(*row);
            touched.extend(self.family.linked(*row));
            self.family.link(*row, Vec::new());
            self.blank(*row);
            // What still stands below it has been told where it hangs.
            if !self.family.has_children(*row) {
                self.hang(*row, None, &mut touched);
            }
        }
        self.spread(touched);
        self.version += 1;
        self.gone += rows.len();
        rows.len()
    }

    fn blank(&mut self, row: u32) {
        let at = std::mem::replace(&mut self.detail[row as usize], NO_DETAIL);
        // Deploys are also gone through one by one.
        if self.names.kind(row) == Kind::Deploy && (at as usize) < self.deploys.len() {
            self.deploys.swap_remove(at as usize);
            if let Some(moved) = self.deploys.get(at as usize) {
                self.detail[moved.row as usize] = at;
            }
        }
        self.lived[row as usize] = Lived::default();
        self.known[row as usize] = false;
        for dimension in &mut self.dimensions {
            dimension.set_own(row, super::EMPTY);
        }
    }
}
