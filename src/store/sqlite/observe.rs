//! The queue between the items and what insight keeps of them. `mark` is called by whoever changes
//! an item, in the same transaction; the rest reads what is stale and takes the observations. An
//! entry of `stale` is worked off by deleting it at the version that was read: whatever changed
//! the item meanwhile has given it another.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::super::{Noted, ObservationPage, REVISITS, Rules, Stale, StoreError, codec};
use super::lookup::Lookups;
use crate::insight::observation::{self, Observation};
use crate::work::item::Item;
use crate::work::key::{Key, KeyError};
use crate::work::link;
use crate::work::time::Time;

/// The most revisits that become due in one transaction, so that no delivery waits long for it.
const REVISITED: i64 = 1_000;

const HOUR: i64 = 3600 * 1_000_000;

/// A revisit is due when its time has come, or when its time lies further ahead than any could:
/// then the clock was set back.
const DUE: &str = "due_at <= ?1 OR due_at > ?2";

fn until(now: Time) -> (i64, i64) {
    let longest = REVISITS.iter().copied().max().unwrap_or_default();
    (now.micros(), now.plus(longest + HOUR).micros())
}

/// A version that no transaction had before.
fn version(transaction: &Transaction<'_>) -> Result<i64, StoreError> {
    Ok(transaction
        .prepare_cached(
            "INSERT INTO tallies (name, n) VALUES ('changes', 1)
             ON CONFLICT (name) DO UPDATE SET n = n + 1 RETURNING n",
        )?
        .query_row([], |row| row.get(0))?)
}

/// Takes note that what is known of these items, or their place, has changed.
pub(super) fn mark(transaction: &Transaction<'_>, mut items: Vec<i64>) -> Result<(), StoreError> {
    if items.is_empty() {
        return Ok(());
    }
    // In the order of the table: neighbours lie on one page.
    items.sort_unstable();
    let version = version(transaction)?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO stale (item, version, attempt) VALUES (?1, ?2, 0)
         ON CONFLICT (item) DO UPDATE SET version = excluded.version, attempt = 0",
    )?;
    for item in items {
        statement.execute((item, version))?;
    }
    Ok(())
}

fn known_maker(connection: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT fingerprint FROM observed_with")?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// Whether the observations were made with other rules than these.
pub(super) fn made_otherwise(connection: &Connection, fingerprint: &[u8; 32]) -> Result<bool, StoreError> {
    Ok(known_maker(connection)?.as_deref() != Some(fingerprint))
}

/// Takes note of the rules, and that everything is to be observed anew with them.
pub(super) fn make_with(transaction: &Transaction<'_>, fingerprint: &[u8; 32]) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM observed_with", [])?;
    transaction.execute("INSERT INTO observed_with (fingerprint) VALUES (?1)", [fingerprint])?;
    let version = version(transaction)?;
    // Other rules find no parents: a revisit that is planned stays, no other is.
    transaction.execute(
        "INSERT INTO stale (item, version, attempt) SELECT id, ?1, ?2 FROM items WHERE true
         ON CONFLICT (item) DO UPDATE SET version = excluded.version",
        (version, REVISITS.len() as i64),
    )?;
    Ok(())
}

pub(super) fn page(connection: &Connection, after: i64, limit: usize) -> Result<ObservationPage, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT item, state FROM observations WHERE item > ?1 ORDER BY item LIMIT ?2")?;
    let mut rows = statement.query((after, limit as i64))?;
    let mut page = ObservationPage::default();
    let mut unreadable: Option<(usize, String)> = None;
    while let Some(row) = rows.next()? {
        let item: i64 = row.get(0)?;
        page.reached = Some(item);
        let bytes = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
        match codec::decode_observation(bytes) {
            Ok(observation) => page.observations.push((item, observation)),
            Err(reason) => unreadable.get_or_insert((0, reason)).0 += 1,
        }
    }
    if let Some((observations, reason)) = unreadable {
        tracing::error!(observations, after, %reason, "observations cannot be read and are left out");
    }
    Ok(page)
}

/// Observes stale items, within one read transaction: an item and its ancestors are of one moment.
pub(super) fn stale(
    connection: &Connection,
    after: i64,
    limit: usize,
    rules: &Rules,
) -> Result<Vec<Stale>, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let mut statement = transaction.prepare_cached(
        "SELECT item, version, attempt, key, state FROM stale LEFT JOIN items ON items.id = item
         WHERE item > ?1 ORDER BY item LIMIT ?2",
    )?;
    let mut rows = statement.query((after, limit as i64))?;
    let mut lookups = Lookups::new(&transaction);
    let mut stale = Vec::new();
    while let Some(row) = rows.next()? {
        let item = row.get(0)?;
        let (key, state): (Option<String>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
        let seen = match key.zip(state) {
            Some((key, state)) => observe(&key, &state, &mut lookups, rules),
            None => Err(StoreError::Corrupt(format!("item {item}: is not there"))),
        };
        let (observation, unresolved) = match seen {
            Ok((observation, unresolved)) => (Some(observation), unresolved),
            Err(StoreError::Corrupt(reason)) => {
                tracing::error!(%reason, "an item is not counted because its row cannot be read");
                (None, false)
            }
            Err(error) => return Err(error),
        };
        stale.push(Stale { item, version: row.get(1)?, attempt: row.get(2)?, observation, unresolved });
    }
    Ok(stale)
}

fn observe(
    key: &str,
    state: &[u8],
    lookups: &mut Lookups<'_>,
    rules: &Rules,
) -> Result<(Observation, bool), StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt(format!("{key}: {reason}"));
    let key: Key = key.parse().map_err(|e: KeyError| corrupt(e.to_string()))?;
    let item = Item { key, facts: codec::decode(state).map_err(corrupt)? };
    let place = link::place(&item, lookups)?;
    Ok((observation::observe(&item, &place, &rules.tagger), observation::unresolved(&item, &place)))
}

/// An observation on its way into the store.
pub(super) struct Seen {
    item: i64,
    version: i64,
    attempt: u32,
    state: Option<Vec<u8>>,
    unresolved: bool,
}

impl Seen {
    /// Encodes it, which is nothing for the writing thread to do.
    pub(super) fn new(stale: &Stale) -> Result<Self, StoreError> {
        let encode = |observation: &Observation| {
            codec::encode_observation(observation).map_err(|reason| {
                StoreError::Unavailable(format!("{} cannot be stored: {reason}", observation.key))
            })
        };
        Ok(Self {
            item: stale.item,
            version: stale.version,
            attempt: stale.attempt,
            state: stale.observation.as_ref().map(encode).transpose()?,
            unresolved: stale.unresolved,
        })
    }
}

/// Whether it is time to look at anything again.
pub(super) fn any_due(connection: &Connection, now: Time) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(&format!("SELECT 1 FROM revisit WHERE {DUE} LIMIT 1"))?
        .exists(until(now))?)
}

/// Takes observations in, and has looked at again what it is time for.
pub(super) fn observed(
    transaction: &Transaction<'_>,
    mut seen: Vec<Seen>,
    now: Time,
) -> Result<Noted, StoreError> {
    seen.sort_unstable_by_key(|seen| seen.item);
    let mut settled = 0;
    for Seen { item, version, attempt, state, unresolved } in seen {
        let current = transaction
            .prepare_cached("DELETE FROM stale WHERE item = ?1 AND version = ?2")?
            .execute((item, version))?;
        if current == 0 {
            // Another observation of it is there, or still to come.
            continue;
        }
        settled += 1;
        if let Some(state) = state {
            transaction
                .prepare_cached(
                    "INSERT INTO observations (item, state) VALUES (?1, ?2)
                     ON CONFLICT (item) DO UPDATE SET state = excluded.state",
                )?
                .execute((item, state))?;
        }
        if let Some(delay) = REVISITS.get(attempt as usize).filter(|_| unresolved) {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO revisit (due_at, item, attempt) VALUES (?1, ?2, ?3)")?
                .execute((now.plus(*delay).micros(), item, attempt + 1))?;
        }
    }
    Ok(Noted { settled, revisited: revisit(transaction, now)? })
}

fn revisit(transaction: &Transaction<'_>, now: Time) -> Result<usize, StoreError> {
    let (earliest, latest) = until(now);
    let mut due: Vec<(i64, u32, i64)> = transaction
        .prepare_cached(&format!("SELECT item, attempt, due_at FROM revisit WHERE {DUE} LIMIT ?3"))?
        .query_map((earliest, latest, REVISITED), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    if due.is_empty() {
        return Ok(0);
    }
    due.sort_unstable();
    let version = version(transaction)?;
    for (item, attempt, due_at) in &due {
        transaction
            .prepare_cached(
                "INSERT INTO stale (item, version, attempt) VALUES (?1, ?2, ?3)
                 ON CONFLICT (item) DO UPDATE SET version = excluded.version,
                                                  attempt = min(attempt, excluded.attempt)",
            )?
            .execute((item, version, attempt))?;
        transaction
            .prepare_cached("DELETE FROM revisit WHERE due_at = ?1 AND item = ?2")?
            .execute((due_at, item))?;
    }
    Ok(due.len())
}
