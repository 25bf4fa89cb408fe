//! Keys as row numbers. What keys have in common, source, host and project, is stored once; of each
//! key only its id. A key's text is put together again when it is shown.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::work::key::{Key, Kind};

/// The keys of all rows.
#[derive(Debug, Default)]
pub struct Names {
    projects: Vec<Box<str>>,
    project_ids: HashMap<Box<str>, u32>,
    kinds: Vec<Kind>,
    project: Vec<u32>,
    /// All ids, one after the other, and where each ends.
    ids: Vec<u8>,
    ends: Vec<u32>,
    hashes: Vec<u32>,
    rows: HashTable<u32>,
    hasher: RandomState,
}

/// The part of a key before its kind, `source:host/project`.
fn prefix(key: &Key) -> &str {
    let text = key.as_str();
    let rest = key.kind().as_str().len() + key.id().len() + 2;
    &text[..text.len() - rest]
}

impl Names {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// A row's kind.
    pub fn kind(&self, row: u32) -> Kind {
        self.kinds[row as usize]
    }

    /// All kinds, by row.
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// The number of the project that a row's key has.
    pub fn project(&self, row: u32) -> u32 {
        self.project[row as usize]
    }

    fn id(&self, row: u32) -> &[u8] {
        let row = row as usize;
        let from = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.ids[from..self.ends[row] as usize]
    }

    fn hash(&self, project: u32, kind: Kind, id: &[u8]) -> u32 {
        self.hasher.hash_one((project, kind, id)) as u32
    }

    fn find(&self, project: u32, kind: Kind, id: &[u8], hash: u32) -> Option<u32> {
        let same = |row: &u32| {
            self.project(*row) == project && self.kinds[*row as usize] == kind && self.id(*row) == id
        };
        self.rows.find(spread(hash), same).copied()
    }

    /// The row of a key, if there is one.
    pub fn row(&self, key: &Key) -> Option<u32> {
        let project = *self.project_ids.get(prefix(key))?;
        let id = key.id().as_bytes();
        self.find(project, key.kind(), id, self.hash(project, key.kind(), id))
    }

    /// The row of a key, and whether it is a new one.
    pub fn intern(&mut self, key: &Key) -> (u32, bool) {
        let project = match self.project_ids.get(prefix(key)) {
            Some(project) => *project,
            None => {
                let project = self.projects.len() as u32;
                self.projects.push(prefix(key).into());
                self.project_ids.insert(prefix(key).into(), project);
                project
            }
        };
        let id = key.id().as_bytes();
        let hash = self.hash(project, key.kind(), id);
        if let Some(row) = self.find(project, key.kind(), id, hash) {
            return (row, false);
        }
        let row = self.kinds.len() as u32;
        self.kinds.push(key.kind());
        self.project.push(project);
        self.ids.extend_from_slice(id);
        self.ends.push(self.ids.len() as u32);
        self.hashes.push(hash);
        let hashes = &self.hashes;
        self.rows.insert_unique(spread(hash), row, |row| spread(hashes[*row as usize]));
        (row, true)
    }

    /// A row's key.
    pub fn key(&self, row: u32) -> Option<Key> {
        let project = &self.projects[self.project(row) as usize];
        let id = String::from_utf8_lossy(self.id(row));
        format!("{project}/{}/{id}", self.kind(row)).parse().ok()
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.kinds.capacity()
            + self.project.capacity() * 4
            + self.ids.capacity()
            + self.ends.capacity() * 4
            + self.hashes.capacity() * 4
            + self.rows.capacity() * 5
    }
}

/// The table wants the high bits to differ too.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::testing::key;

    #[test]
    fn a_key_comes_back_as_it_was() {
        let mut names = Names::default();
        let keys = [
            "github:github.com/acme/api/issue/12",
            "github:github.com/acme/api/pull_request/12",
            "github:github.com/acme/api/build/14460881260.1",
            "jenkins:ci.example.org/org/repo/PR-12/build/7",
            "jenkins:localhost:8080/asgard/build/18",
        ]
        .map(key);
        let rows: Vec<_> = keys.iter().map(|key| names.intern(key)).collect();
        assert_eq!(rows, [(0, true), (1, true), (2, true), (3, true), (4, true)]);
        for (row, key) in keys.iter().enumerate() {
            assert_eq!(names.key(row as u32).as_ref(), Some(key));
            assert_eq!(names.row(key), Some(row as u32));
            assert_eq!(names.intern(key), (row as u32, false));
        }
        assert_eq!(names.row(&key("github:github.com/acme/web/issue/12")), None);
        assert_eq!(names.row(&key("github:github.com/acme/api/issue/13")), None);
    }

    #[test]
    fn thousands_of_keys_stay_apart() {
        let mut names = Names::default();
        for n in 0..5_000 {
            assert_eq!(names.intern(&key(&format!("github:github.com/acme/api/issue/{n}"))), (n, true));
        }
        assert_eq!(names.row(&key("github:github.com/acme/api/issue/4321")), Some(4_321));
    }
}
