//! Bringing a schema up to date, and refusing one that is newer than this binary.

use rusqlite::Connection;
use tokio_postgres::Client;
use wharf_core::{Error, Kind, Result};

/// One step of the schema, in the words of both databases.
struct Migration {
    version: i64,
    sqlite: &'static str,
    postgres: &'static str,
}

/// Every step, oldest first. A step is never edited once released.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    sqlite: include_str!("../migrations/sqlite/0001_first.sql"),
    postgres: include_str!("../migrations/postgres/0001_first.sql"),
}];

/// Any number will do, as long as every Wharf takes the same: the advisory lock of migrations.
const LOCK: i64 = 0x0077_6861_7266;

/// Migrates a SQLite database in one transaction.
pub(crate) fn sqlite(connection: &mut Connection) -> Result<()> {
    let failed = crate::sqlite::error;
    let transaction = connection.transaction().map_err(failed)?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY)")
        .map_err(failed)?;
    let current: i64 = transaction
        .query_row("SELECT coalesce(max(version), 0) FROM migration", [], |row| row.get(0))
        .map_err(failed)?;
    for migration in pending(current)? {
        transaction.execute_batch(migration.sqlite).map_err(failed)?;
        transaction.execute("INSERT INTO migration VALUES (?1)", [migration.version]).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// Migrates a PostgreSQL database in one transaction, one node at a time.
pub(crate) async fn postgres(client: &mut Client) -> Result<()> {
    let failed = crate::postgres::error;
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await.map_err(failed)?;
    transaction
        .batch_execute("CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY)")
        .await
        .map_err(failed)?;
    let row = transaction.query_one("SELECT coalesce(max(version), 0) FROM migration", &[]).await;
    let current: i64 = row.and_then(|row| row.try_get(0)).map_err(failed)?;
    for migration in pending(current)? {
        transaction.batch_execute(migration.postgres).await.map_err(failed)?;
        transaction
            .execute("INSERT INTO migration VALUES ($1)", &[&migration.version])
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}

/// The steps that are still to be taken.
fn pending(current: i64) -> Result<impl Iterator<Item = &'static Migration>> {
    let newest = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if current > newest {
        let message = format!(
            "the database has schema {current}, this wharf knows up to {newest}: start the newer version again"
        );
        return Err(Error::new(Kind::Unsupported, message));
    }
    Ok(MIGRATIONS.iter().filter(move |migration| migration.version > current))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_and_a_current_one_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        sqlite(&mut connection).unwrap();
        sqlite(&mut connection).unwrap();
        connection.execute("INSERT INTO migration VALUES (999)", []).unwrap();
        assert_eq!(sqlite(&mut connection).unwrap_err().kind(), Kind::Unsupported);
    }
}
