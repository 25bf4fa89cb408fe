//! What one replica at a time does, between transactions too: a row of `roles` says who, for a while by
//! the database's clock, and who has a role goes on holding it while it lives.

use deadpool_postgres::Client;

use super::failed::Failed;

/// How long a role is held without being renewed, as SQL.
const HELD: &str = "interval '15 seconds'";

/// Whether this replica has a role: takes it if nobody has, and renews it.
pub(super) async fn hold(client: &Client, role: &str, holder: i64) -> Result<bool, Failed> {
    let statement = client
        .prepare_cached(&format!(
            "UPDATE roles SET holder = $1, held_until = now() + {HELD}
             WHERE name = $2 AND (holder = $1 OR held_until IS NULL OR held_until < now())"
        ))
        .await?;
    Ok(client.execute(&statement, &[&holder, &role]).await? > 0)
}

/// Gives all roles back.
pub(super) async fn resign(client: &Client, holder: i64) -> Result<(), Failed> {
    client.execute("UPDATE roles SET holder = NULL, held_until = NULL WHERE holder = $1", &[&holder]).await?;
    Ok(())
}
