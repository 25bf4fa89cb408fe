//! The contract, and what only this backend promises: that several of it share one database.

use super::super::contract::contract_tests;
use super::*;

mod replicas;
mod trouble;

#[path = "../../../tests/it/support/postgres.rs"]
#[allow(dead_code)]
mod server;

use self::server::Postgres;

fn access() -> Access {
    Access { password: None, authorities: None, connections: 4 }
}

async fn open(url: &str) -> PostgresStore {
    PostgresStore::open(&url.parse().unwrap(), &access()).await.unwrap()
}

/// A store over a database of its own; `None` where there is no server.
async fn fresh() -> Option<(PostgresStore, String)> {
    let url = Postgres::shared()?.database().await;
    Some((open(&url).await, url))
}

contract_tests!(fresh().await);
