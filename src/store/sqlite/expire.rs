//! Deleting what is past its age. A slice is read and decided on by a reader, so that the writing thread
//! is only asked for what is really to be deleted; what could have changed between is decided anew.

use std::collections::BTreeMap;

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::super::expiry::{self, FIRST_MOMENT, Fate, MomentRow, RefRow, Row, Step};
use super::super::{Forgotten, Mark, Retention, Rules, StoreError};
use super::tally;
use crate::work::key::Kind;
use crate::work::time::Time;

/// What items are judged by.
type By<'r> = (Time, &'r Rules, bool);

/// Which of the items after `after` are past their age; how far it looked.
pub(super) fn past(
    connection: &Connection,
    after: i64,
    limit: usize,
    by: By<'_>,
) -> Result<(Option<i64>, Vec<i64>), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, key, open, due_at IS NOT NULL, state FROM items WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query((after, limit as i64))?;
    let (mut reached, mut past) = (None, Vec::new());
    while let Some(row) = rows.next()? {
        reached = Some(row.get(0)?);
        past.extend(judged(row, by)?.map(|row| row.id));
    }
    Ok((reached, past))
}

fn judged(row: &rusqlite::Row<'_>, by: By<'_>) -> Result<Option<Row>, StoreError> {
    let (ValueRef::Text(key), ValueRef::Blob(state)) = (row.get_ref(1)?, row.get_ref(4)?) else {
        return Ok(None);
    };
    let key = String::from_utf8_lossy(key);
    Ok(Row::expired((row.get(0)?, &key, row.get(2)?, row.get(3)?), state, by))
}

/// Deletes items that are still past their age; says how many.
pub(super) fn delete(
    transaction: &Transaction<'_>,
    past: &[i64],
    by: By<'_>,
) -> Result<BTreeMap<Kind, usize>, StoreError> {
    let mut gone = Vec::with_capacity(past.len());
    for id in past {
        let mut statement = transaction
            .prepare_cached("SELECT id, key, open, due_at IS NOT NULL, state FROM items WHERE id = ?1")?;
        let mut rows = statement.query([id])?;
        if let Some(row) = rows.next()? {
            gone.extend(judged(row, by)?);
        }
    }
    // Before the greatest number is gone.
    transaction
        .prepare_cached(
            "INSERT INTO tallies (name, n) SELECT 'ids', max(id) FROM items HAVING max(id) IS NOT NULL
             ON CONFLICT (name) DO UPDATE SET n = max(n, excluded.n)",
        )?
        .execute([])?;
    for row in &gone {
        transaction.prepare_cached("DELETE FROM items WHERE id = ?1")?.execute([row.id])?;
        transaction.prepare_cached("DELETE FROM observations WHERE item = ?1")?.execute([row.id])?;
        transaction.prepare_cached("DELETE FROM stale WHERE item = ?1")?.execute([row.id])?;
        transaction.prepare_cached("DELETE FROM pins WHERE key = ?1")?.execute([row.item.key.as_str()])?;
    }
    // There are few of these, and they are not found by item.
    let ids: Vec<String> = gone.iter().map(|row| row.id.to_string()).collect();
    transaction
        .prepare_cached("DELETE FROM revisit WHERE item IN (SELECT value FROM json_each(?1))")?
        .execute([format!("[{}]", ids.join(","))])?;
    for (name, by) in expiry::tallies(&gone) {
        tally(transaction, &name, by)?;
    }
    Ok(expiry::by_kind(&gone))
}

/// What of a slice of deliveries, references or moments is to be forgotten.
#[derive(Default)]
pub(super) struct Slice {
    /// How far it reaches.
    pub reached: Option<Mark>,
    deliveries: Vec<Vec<u8>>,
    refs: Vec<RefRow>,
    moments: Vec<MomentRow>,
    /// Eras of which nothing is left.
    eras: Vec<i64>,
}

impl Slice {
    /// Whether there is nothing to be done.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.refs.is_empty() && self.moments.is_empty() && self.eras.is_empty()
    }
}

/// Looks at the slice after a mark.
pub(super) fn slice(
    connection: &Connection,
    after: Option<Mark>,
    limit: usize,
    now: Time,
    retention: &Retention,
) -> Result<Slice, StoreError> {
    match after.map(|Mark(step)| step) {
        None => deliveries(connection, &[], limit, retention.deliveries_before(now)),
        Some(Step::Delivery(last)) => deliveries(connection, &last, limit, retention.deliveries_before(now)),
        // Where nothing is deleted, nothing points at what is.
        Some(_) if !retention.deletes() => Ok(Slice::default()),
        Some(Step::Refs) => refs(connection, None, limit, retention.refs_before(now)),
        Some(Step::Ref(last)) => refs(connection, Some(last), limit, retention.refs_before(now)),
        Some(Step::Moments) => moments(connection, FIRST_MOMENT, limit),
        Some(Step::Moment(last)) => moments(connection, last, limit),
    }
}

fn deliveries(
    connection: &Connection,
    last: &[u8],
    limit: usize,
    before: Option<i64>,
) -> Result<Slice, StoreError> {
    let mut slice = Slice { reached: Some(Mark(Step::Refs)), ..Slice::default() };
    let Some(before) = before else { return Ok(slice) };
    let mut statement =
        connection.prepare_cached("SELECT id, day FROM deliveries WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let mut rows = statement.query((last, limit as i64))?;
    while let Some(row) = rows.next()? {
        let id: Vec<u8> = row.get(0)?;
        if row.get::<_, i64>(1)? < before {
            slice.deliveries.push(id.clone());
        }
        slice.reached = Some(Mark(Step::Delivery(id)));
    }
    Ok(slice)
}

/// The pointer as it is stored.
fn pointer(row: &RefRow) -> Value {
    if row.item == 0 { Value::Text(row.other.clone()) } else { Value::Integer(row.item) }
}

fn refs(
    connection: &Connection,
    last: Option<RefRow>,
    limit: usize,
    before: Option<i64>,
) -> Result<Slice, StoreError> {
    let mut slice = Slice::default();
    let eras: Vec<(i64, i64)> = connection
        .prepare_cached("SELECT era, day FROM eras ORDER BY era")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    // All that an era holds was written before the next one began.
    let old = |era: i64| {
        let next = eras.iter().find(|(other, _)| *other > era);
        next.zip(before).is_some_and(|((_, began), before)| *began < before)
    };
    let mut statement = connection.prepare_cached(
        "SELECT era, ref, pointer, typeof(pointer) = 'integer' AND EXISTS (SELECT 1 FROM items WHERE id = pointer)
         FROM refs WHERE (era, ref, pointer) > (?1, ?2, ?3) ORDER BY era, ref, pointer LIMIT ?4",
    )?;
    let from =
        last.map_or((i64::MIN, i64::MIN, Value::Integer(0)), |last| (last.era, last.hash, pointer(&last)));
    let mut rows = statement.query((from.0, from.1, from.2, limit as i64))?;
    while let Some(row) = rows.next()? {
        let (item, other) = match row.get(2)? {
            Value::Integer(item) => (item, String::new()),
            Value::Text(other) => (0, other),
            _ => continue,
        };
        let found = RefRow { era: row.get(0)?, hash: row.get(1)?, item, other };
        let goes = match expiry::fate(&found, row.get(3)?, old(found.era)) {
            Fate::Stays => false,
            Fate::Goes => true,
            Fate::Asks => connection
                .prepare_cached("SELECT 1 FROM items WHERE key = ?1")?
                .query_row([&found.other], |_| Ok(()))
                .optional()?
                .is_none(),
        };
        slice.reached = Some(Mark(Step::Ref(found.clone())));
        if goes {
            slice.refs.push(found);
        }
    }
    if slice.reached.is_none() {
        slice.reached = Some(Mark(Step::Moments));
        let current = super::lookup::era(connection)?;
        slice.eras = connection
            .prepare_cached(
                "SELECT era FROM eras WHERE era < ?1 AND NOT EXISTS (SELECT 1 FROM refs WHERE refs.era = eras.era)",
            )?
            .query_map([current], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
    }
    Ok(slice)
}

/// Moments of items that are gone. An item that moved has left some that only this finds.
fn moments(connection: &Connection, last: MomentRow, limit: usize) -> Result<Slice, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT line, at, item, EXISTS (SELECT 1 FROM items WHERE id = item) FROM moments
         WHERE (line, at, item) > (?1, ?2, ?3) ORDER BY line, at, item LIMIT ?4",
    )?;
    let mut slice = Slice::default();
    let mut rows = statement.query((last.0, last.1, last.2, limit as i64))?;
    while let Some(row) = rows.next()? {
        let found: MomentRow = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !row.get::<_, bool>(3)? {
            slice.moments.push(found);
        }
        slice.reached = Some(Mark(Step::Moment(found)));
    }
    Ok(slice)
}

/// Forgets what a slice says.
pub(super) fn forget(transaction: &Transaction<'_>, slice: Slice) -> Result<Forgotten, StoreError> {
    let (mut deliveries, mut refs, mut moments) = (0, 0, 0);
    for id in &slice.deliveries {
        deliveries += transaction.prepare_cached("DELETE FROM deliveries WHERE id = ?1")?.execute([id])?;
    }
    for row in &slice.refs {
        refs += transaction
            .prepare_cached("DELETE FROM refs WHERE era = ?1 AND ref = ?2 AND pointer = ?3")?
            .execute((row.era, row.hash, pointer(row)))?;
    }
    for moment in &slice.moments {
        // Numbers of items are not given twice: whoever was not there is not there now.
        moments += transaction
            .prepare_cached("DELETE FROM moments WHERE line = ?1 AND at = ?2 AND item = ?3")?
            .execute(*moment)?;
    }
    for era in &slice.eras {
        transaction.prepare_cached("DELETE FROM eras WHERE era = ?1")?.execute([era])?;
    }
    Ok(Forgotten { reached: slice.reached, deliveries, refs, moments })
}
