//! Who stands below whom, and what that means for tags. Within a trace an item has its own tags; of
//! a key of which it says nothing, its parent's; besides, those of everything below it, so that a
//! deploy's `deploy.type` counts for its issue; and of a key that none of these has, those of the
//! rest of its trace.

use std::collections::HashMap;

use super::dimension::{Dimension, EMPTY, Reach};

const NOBODY: u32 = u32::MAX;

/// The forest of all traces, by row.
#[derive(Debug, Default)]
pub struct Family {
    parent: Vec<u32>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
    /// What rows belong to besides their parent. Few have any.
    links: HashMap<u32, Vec<u32>>,
    shipped_by: HashMap<u32, Vec<u32>>,
}

fn some(row: u32) -> Option<u32> {
    (row != NOBODY).then_some(row)
}

impl Family {
    /// One row more, that stands alone.
    pub fn grow(&mut self) {
        self.parent.push(NOBODY);
        self.first_child.push(NOBODY);
        self.next_sibling.push(NOBODY);
    }

    /// What a row hangs below.
    pub fn parent(&self, row: u32) -> Option<u32> {
        some(self.parent[row as usize])
    }

    /// Whether anything hangs below a row.
    pub fn has_children(&self, row: u32) -> bool {
        self.first_child[row as usize] != NOBODY
    }

    /// The root of a row's trace.
    pub fn root(&self, row: u32) -> u32 {
        let mut top = row;
        while let Some(parent) = self.parent(top) {
            top = parent;
        }
        top
    }

    /// Hangs a row below another, or makes it a root. The caller sees to it that parents are of a
    /// kind that stands higher, so that no circle can close.
    pub fn hang(&mut self, row: u32, parent: Option<u32>) {
        if let Some(before) = self.parent(row) {
            self.unhang(row, before);
        }
        self.parent[row as usize] = parent.unwrap_or(NOBODY);
        if let Some(parent) = parent {
            self.next_sibling[row as usize] = self.first_child[parent as usize];
            self.first_child[parent as usize] = row;
        }
    }

    fn unhang(&mut self, row: u32, parent: u32) {
        let next = self.next_sibling[row as usize];
        if self.first_child[parent as usize] == row {
            self.first_child[parent as usize] = next;
            return;
        }
        let mut sibling = self.first_child[parent as usize];
        while let Some(at) = some(sibling) {
            sibling = self.next_sibling[at as usize];
            if sibling == row {
                self.next_sibling[at as usize] = next;
                return;
            }
        }
    }

    /// Says what a row belongs to besides its parent.
    pub fn link(&mut self, row: u32, to: Vec<u32>) {
        for before in self.links.remove(&row).unwrap_or_default() {
            if let Some(shippers) = self.shipped_by.get_mut(&before) {
                shippers.retain(|shipper| *shipper != row);
                if shippers.is_empty() {
                    self.shipped_by.remove(&before);
                }
            }
        }
        for target in &to {
            self.shipped_by.entry(*target).or_default().push(row);
        }
        if !to.is_empty() {
            self.links.insert(row, to);
        }
    }

    /// What a row belongs to besides its parent.
    pub fn linked(&self, row: u32) -> &[u32] {
        self.links.get(&row).map_or(&[], |links| links)
    }

    /// The rows that belong to a row without hanging below it.
    pub fn shipped_by(&self, row: u32) -> &[u32] {
        self.shipped_by.get(&row).map_or(&[], |rows| rows)
    }

    /// A row and everything below it, parents before children.
    pub fn members(&self, root: u32) -> Vec<u32> {
        let mut members = vec![root];
        let mut at = 0;
        while let Some(row) = members.get(at).copied() {
            let mut child = some(self.first_child[row as usize]);
            while let Some(found) = child {
                members.push(found);
                child = some(self.next_sibling[found as usize]);
            }
            at += 1;
        }
        members
    }

    /// Spreads the tags of a trace's members over the trace.
    pub fn spread(&self, root: u32, dimensions: &mut [Dimension]) {
        if self.first_child[root as usize] == NOBODY && self.shipped_by(root).is_empty() {
            // Alone, it has what it says itself.
            for dimension in dimensions.iter_mut().filter(|dimension| dimension.reach == Reach::Trace) {
                let own = dimension.own(root);
                dimension.set_seen(root, own);
            }
            return;
        }
        let members = self.members(root);
        let mut place: HashMap<u32, usize> = HashMap::new();
        if members.len() > 1 {
            place = members.iter().copied().zip(0..).collect();
        }
        let parents: Vec<usize> = members[1..].iter().map(|row| place[&self.parent[*row as usize]]).collect();
        let shippers: Vec<(usize, u32)> = members
            .iter()
            .enumerate()
            .flat_map(|(at, row)| self.shipped_by(*row).iter().map(move |shipper| (at, *shipper)))
            .collect();
        let mut sets = vec![EMPTY; members.len()];
        for dimension in dimensions.iter_mut().filter(|dimension| dimension.reach == Reach::Trace) {
            for (at, row) in members.iter().enumerate() {
                let own = dimension.own(*row);
                sets[at] = match at {
                    _ if own != EMPTY => own,
                    0 => EMPTY,
                    at => sets[parents[at - 1]],
                };
            }
            for (at, shipper) in &shippers {
                let own = dimension.own(*shipper);
                sets[*at] = dimension.union(sets[*at], own);
            }
            for at in (1..members.len()).rev() {
                let above = parents[at - 1];
                sets[above] = dimension.union(sets[above], sets[at]);
            }
            let whole = sets[0];
            for (row, set) in members.iter().zip(&sets) {
                dimension.set_seen(*row, if *set == EMPTY { whole } else { *set });
            }
        }
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.parent.capacity() * 12 + (self.links.capacity() + self.shipped_by.capacity()) * 64
    }
}
