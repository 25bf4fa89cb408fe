//! Reading items, references and pins, within whatever transaction the connection is in.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use super::super::{batch::hashed, codec};
use super::StoreError;
use crate::work::event::{Pointer, Ref};
use crate::work::item::Item;
use crate::work::key::Key;
use crate::work::line::Line;
use crate::work::link::{Lookup, Pin};
use crate::work::time::Time;

/// How many references an era has: some megabytes, which stay in memory while they are written.
pub(super) const ERA: i64 = 1 << 18;

/// The era that references are written to now.
pub(super) fn era(connection: &Connection) -> Result<i64, StoreError> {
    let written: Option<i64> = connection
        .prepare_cached("SELECT n FROM tallies WHERE name = 'refs'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(written.unwrap_or_default() / ERA)
}

fn corrupt(key: &Key, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{key}: {reason}"))
}

fn item(connection: &Connection, key: &Key) -> Result<Option<Item>, StoreError> {
    let state: Option<Vec<u8>> = connection
        .prepare_cached("SELECT state FROM items WHERE key = ?1")?
        .query_row([key.as_str()], |row| row.get(0))
        .optional()?;
    let decoded = state.map(|bytes| codec::decode(&bytes)).transpose().map_err(|e| corrupt(key, e))?;
    Ok(decoded.map(|facts| Item { key: key.clone(), facts }))
}

fn pin(connection: &Connection, key: &Key) -> Result<Option<Pin>, StoreError> {
    let found: Option<(String, Option<String>)> = connection
        .prepare_cached("SELECT root, parent FROM pins WHERE key = ?1")?
        .query_row([key.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((root, parent)) = found else { return Ok(None) };
    let root = root.parse().map_err(|e| corrupt(key, e))?;
    let parent = parent.map(|parent| parent.parse()).transpose().map_err(|e| corrupt(key, e))?;
    Ok(Some(Pin { root, parent }))
}

/// An item and what is settled about it.
pub(super) fn item_and_pin(
    connection: &Connection,
    key: &Key,
) -> Result<(Option<Item>, Option<Pin>), StoreError> {
    Ok((item(connection, key)?, pin(connection, key)?))
}

/// Several items, as they are at one moment. One that cannot be read does not keep the others from
/// being shown.
pub(super) fn items(connection: &Connection, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let read = |key| match item(&transaction, key) {
        Err(StoreError::Corrupt(reason)) => {
            tracing::error!(%reason, "an item is left out because its row cannot be read");
            Ok(None)
        }
        other => other,
    };
    keys.iter().map(read).collect()
}

/// Looks things up and remembers them: while one slice of items is sealed, the builds of a pull
/// request ask for it again and again.
pub(super) struct Lookups<'c> {
    connection: &'c Connection,
    items: HashMap<Key, Option<Item>>,
    pins: HashMap<Key, Option<Pin>>,
    pointers: HashMap<Ref, Vec<Pointer>>,
    /// The eras that there are, once that was asked.
    eras: Option<Vec<i64>>,
}

impl<'c> Lookups<'c> {
    /// Looks up within `connection`'s transaction.
    pub(super) fn new(connection: &'c Connection) -> Self {
        let (items, pins, pointers) = Default::default();
        Self { connection, items, pins, pointers, eras: None }
    }

    fn eras(&mut self) -> Result<Vec<i64>, StoreError> {
        if let Some(eras) = &self.eras {
            return Ok(eras.clone());
        }
        let mut statement = self.connection.prepare_cached("SELECT era FROM eras ORDER BY era")?;
        let eras: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        self.eras = Some(eras.clone());
        Ok(eras)
    }

    /// Takes note of a pin that was just written.
    pub(super) fn pinned(&mut self, key: Key, pin: Pin) {
        self.pins.insert(key, Some(pin));
    }
}

impl Lookup for Lookups<'_> {
    type Error = StoreError;

    fn item(&mut self, key: &Key) -> Result<Option<Item>, StoreError> {
        if let Some(known) = self.items.get(key) {
            return Ok(known.clone());
        }
        let found = item(self.connection, key)?;
        self.items.insert(key.clone(), found.clone());
        Ok(found)
    }

    fn pointers(&mut self, reference: &Ref) -> Result<Vec<Pointer>, StoreError> {
        if let Some(known) = self.pointers.get(reference) {
            return Ok(known.clone());
        }
        let eras = self.eras()?;
        // A commit that a hundred pull requests share tells nothing more by the hundredth.
        let mut statement = self.connection.prepare_cached(
            "SELECT iif(typeof(refs.pointer) = 'integer', items.key, refs.pointer) FROM refs
             LEFT JOIN items ON typeof(refs.pointer) = 'integer' AND items.id = refs.pointer
             WHERE era = ?1 AND ref = ?2 LIMIT 64",
        )?;
        let hash = hashed(reference);
        let mut pointers: Vec<Pointer> = Vec::new();
        for era in eras {
            // What points at an item that was deleted points at nothing.
            let texts = statement.query_map((era, hash), |row| row.get::<_, Option<String>>(0))?;
            for text in texts {
                pointers.extend(text?.as_deref().and_then(Pointer::from_stored));
            }
        }
        pointers.sort_unstable();
        pointers.dedup();
        self.pointers.insert(reference.clone(), pointers.clone());
        Ok(pointers)
    }

    fn moments(
        &mut self,
        line: &Line,
        after: Time,
        until: Time,
        limit: usize,
    ) -> Result<Vec<(Time, Key)>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT moments.at, items.key FROM moments JOIN items ON items.id = moments.item
             WHERE line = ?1 AND at > ?2 AND at <= ?3 ORDER BY at DESC LIMIT ?4",
        )?;
        let window = (line.hashed(), after.micros(), until.micros(), limit as i64);
        let rows = statement.query_map(window, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        let mut moments = Vec::new();
        for row in rows {
            let (at, key) = row?;
            let key: Key = key.parse().map_err(|e| StoreError::Corrupt(format!("{key}: {e}")))?;
            moments.extend(Time::from_micros(at).map(|at| (at, key)));
        }
        Ok(moments)
    }

    fn pin(&mut self, key: &Key) -> Result<Option<Pin>, StoreError> {
        if let Some(known) = self.pins.get(key) {
            return Ok(known.clone());
        }
        let found = pin(self.connection, key)?;
        self.pins.insert(key.clone(), found.clone());
        Ok(found)
    }
}
