//! Reads the whole store for [`super::super::check`], as it is at one moment. A table that cannot be read
//! does not keep the others from being looked at.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::super::StoreError;
use super::super::check::{Checked, Checker, ItemRow, SpansRow};
use crate::show::Show;

type Result<T> = std::result::Result<T, rusqlite::Error>;

/// After how many steps of SQLite's own it says that it is still at it.
const STEPS: i32 = 100_000;

/// Goes through one table.
type Look = fn(&Connection, &mut Checker<'_>) -> Result<()>;

/// Reads everything and tells what is wrong.
pub(super) fn check(
    connection: &mut Connection,
    backends: &[String],
    show: &Arc<dyn Show>,
) -> std::result::Result<Checked, StoreError> {
    // Some statements take long before they have anything to say.
    let seen = show.clone();
    connection.progress_handler(
        STEPS,
        Some(move || {
            seen.goes_on();
            false
        }),
    )?;
    let checked = check_all(connection, backends, &**show);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    checked
}

fn check_all(
    connection: &Connection,
    backends: &[String],
    show: &dyn Show,
) -> std::result::Result<Checked, StoreError> {
    let transaction = connection.unchecked_transaction()?;
    let mut checker = Checker::new(backends, show);
    let tables: [(&str, Look); 10] = [
        ("counts", counts),
        ("the file", integrity),
        ("items", items),
        ("observations", observations),
        ("stale", stale),
        ("outbox", outbox),
        ("rejected", rejected),
        ("quarantine", quarantine),
        ("pins", pins),
        ("references", dangling),
    ];
    for (table, look) in tables {
        checker.begin(table);
        if let Err(error) = look(&transaction, &mut checker) {
            checker.wrong(table, format!("cannot be read whole: {error}"));
        }
    }
    Ok(checker.finish())
}

/// Goes through the rows of a query.
fn each(connection: &Connection, query: &str, mut look: impl FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        look(row)?;
    }
    Ok(())
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

fn bytes<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

fn integrity(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    each(connection, "PRAGMA integrity_check", |row| {
        let said = text(row, 0)?;
        if said != "ok" {
            checker.wrong("the file", said);
        }
        Ok(())
    })
}

fn counts(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    let mut tallies = BTreeMap::new();
    each(connection, "SELECT name, n FROM tallies", |row| {
        tallies.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    checker.counts(tallies);
    Ok(())
}

fn items(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    let query = "SELECT id, key, kind, open, sealed, due_at IS NOT NULL, state FROM items ORDER BY id";
    each(connection, query, |row| {
        checker.item(&ItemRow {
            id: row.get(0)?,
            key: text(row, 1)?,
            kind: text(row, 2)?,
            open: row.get(3)?,
            sealed: row.get(4)?,
            due: row.get(5)?,
            state: bytes(row, 6)?,
        });
        Ok(())
    })
}

fn observations(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    let query = "SELECT item, items.key, observations.state FROM observations
                 LEFT JOIN items ON items.id = item ORDER BY item";
    each(connection, query, |row| {
        let key: Option<String> = row.get(1)?;
        checker.observation(row.get(0)?, key.as_deref(), bytes(row, 2)?);
        Ok(())
    })?;
    let unobserved =
        "SELECT count(*) FROM items WHERE NOT EXISTS (SELECT 1 FROM observations WHERE item = items.id)
                      AND NOT EXISTS (SELECT 1 FROM stale WHERE item = items.id)";
    each(connection, unobserved, |row| {
        checker.unobserved(row.get(0)?);
        Ok(())
    })
}

fn stale(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    let query = "SELECT item FROM stale WHERE NOT EXISTS (SELECT 1 FROM items WHERE id = item) ORDER BY item";
    each(connection, query, |row| {
        checker.stale_without_item(row.get(0)?);
        Ok(())
    })
}

fn outbox(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    entries(connection, "outbox", |row| checker.outbox(row))
}

fn rejected(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    entries(connection, "rejected", |row| checker.rejected(row))
}

fn entries(connection: &Connection, table: &str, mut look: impl FnMut(&SpansRow<'_>)) -> Result<()> {
    let query = format!("SELECT id, backend, source, key, span_count, spans FROM {table} ORDER BY id");
    each(connection, &query, |row| {
        look(&SpansRow {
            id: row.get(0)?,
            backend: text(row, 1)?,
            source: text(row, 2)?,
            key: text(row, 3)?,
            span_count: row.get(4)?,
            spans: bytes(row, 5)?,
        });
        Ok(())
    })
}

fn quarantine(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    each(connection, "SELECT id, source, headers FROM quarantine ORDER BY id", |row| {
        checker.quarantined(row.get(0)?, text(row, 1)?, text(row, 2)?);
        Ok(())
    })
}

fn pins(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    each(connection, "SELECT key, root, parent FROM pins", |row| {
        let parent: Option<String> = row.get(2)?;
        checker.pin(text(row, 0)?, text(row, 1)?, parent.as_deref());
        Ok(())
    })
}

fn dangling(connection: &Connection, checker: &mut Checker<'_>) -> Result<()> {
    let missing = "NOT EXISTS (SELECT 1 FROM items WHERE id =";
    for (table, query) in [
        (
            "references",
            format!("SELECT count(*) FROM refs WHERE typeof(pointer) = 'integer' AND {missing} pointer)"),
        ),
        ("moments", format!("SELECT count(*) FROM moments WHERE {missing} item)")),
        ("revisits", format!("SELECT count(*) FROM revisit WHERE {missing} item)")),
    ] {
        each(connection, &query, |row| {
            checker.dangling(table, row.get(0)?);
            Ok(())
        })?;
    }
    Ok(())
}
