//! Bringing the schema up to date, by however many replicas start at the same time: the row that
//! says which schema it is, is locked while one of them takes the steps; the others wait, and find
//! nothing left to do.

use deadpool_postgres::Transaction;

use super::super::StoreError;
use super::failed::Failed;

/// The schema's steps.
const MIGRATIONS: &[&str] = &[include_str!("../../../migrations/postgres/0001_core.sql")];

/// Takes the steps that are missing; says whether there is a store now. In an empty database one is only
/// made where `make` says so. May be tried again.
pub(super) async fn migrate(transaction: &Transaction<'_>, make: bool) -> Result<bool, Failed> {
    if !make {
        let there = "SELECT to_regclass('valuestream_schema') IS NOT NULL";
        if !transaction.query_one(there, &[]).await?.get::<_, bool>(0) {
            return Ok(false);
        }
    }
    transaction
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS valuestream_schema (one BOOLEAN PRIMARY KEY, version BIGINT NOT NULL);
             INSERT INTO valuestream_schema (one, version) VALUES (true, 0) ON CONFLICT (one) DO NOTHING;",
        )
        .await
        .map_err(|error| match error.as_db_error() {
            // Two replicas that create the table at the same time: the second is told in one of
            // several ways that it is there.
            Some(said) => Failed::Conflict(said.message().to_owned()),
            None => error.into(),
        })?;
    let row =
        transaction.query_one("SELECT version FROM valuestream_schema WHERE one FOR UPDATE", &[]).await?;
    let (found, known): (i64, i64) = (row.get(0), MIGRATIONS.len() as i64);
    if found > known {
        return Err(StoreError::Newer { found, known }.into());
    }
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await?;
    for step in MIGRATIONS.iter().skip(found as usize) {
        transaction.batch_execute(step).await?;
    }
    if found < known {
        transaction.execute("UPDATE valuestream_schema SET version = $1 WHERE one", &[&known]).await?;
    }
    Ok(true)
}
