//! Bringing the schema up to date: in one transaction, by one node at a time, beside others that serve.

use std::time::Duration;

use tokio_postgres::{Client, Transaction, error::SqlState};
use wharf_core::{Error, Kind, Result};

use super::fault::{Chance, Fault};
use crate::migrate::{Migration, READ, Schema, pending};

/// Any number will do, as long as every Wharf takes the same: the advisory lock of migrations.
const LOCK: i64 = 0x0077_6861_7266;
/// Where the steps that were taken stand.
const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS migration (version BIGINT PRIMARY KEY, works_from BIGINT NOT NULL)";
/// How often a migration is begun again that could not lock a table.
const TRIES: u32 = 10;
/// The pause between, in which those who wait behind it get on.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes every step that is still to be taken.
///
/// # Errors
/// `Unsupported` for a schema that this binary is too old for; `Invalid` where the role may not make tables; `Unavailable`.
pub(super) async fn migrate(client: &mut Client) -> Result<()> {
    // Most starts find nothing to do, and then need neither the lock nor the right to make tables.
    let current = read_schema(client).await.map_err(explained)?;
    if pending(current)?.next().is_none() {
        return Ok(());
    }
    for _ in 1..TRIES {
        match take_steps(client).await {
            Err(Stopped::Fault(fault)) if fault.chance() == Chance::Race => tokio::time::sleep(PAUSE).await,
            done => return done.map_err(Error::from),
        }
    }
    take_steps(client).await.map_err(Error::from)
}

/// Why a migration did not come to its end.
enum Stopped {
    Fault(Fault),
    Refused(Error),
}

impl From<tokio_postgres::Error> for Stopped {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Fault(Fault::Driver(error))
    }
}

impl From<Stopped> for Error {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Fault(Fault::Driver(error)) => explained(error),
            Stopped::Fault(fault) => fault.into(),
            Stopped::Refused(error) => error,
        }
    }
}

async fn take_steps(client: &mut Client) -> Result<(), Stopped> {
    let transaction = client.transaction().await?;
    lock(&transaction).await?;
    // Another node may have taken them while this one waited.
    let current = read_schema(transaction.client()).await?;
    transaction.batch_execute(TABLE).await?;
    for Migration { version, works_from, postgres, .. } in pending(current).map_err(Stopped::Refused)? {
        transaction.batch_execute(postgres).await?;
        const INSERT: &str = "INSERT INTO migration (version, works_from) VALUES ($1, $2)";
        transaction.execute(INSERT, &[version, works_from]).await?;
    }
    Ok(transaction.commit().await?)
}

/// Waits for other nodes for a minute; after that, for the locks of tables only a moment at a time, for everybody
/// else waits behind us.
async fn lock(transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    transaction.batch_execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'").await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    transaction.batch_execute("SET LOCAL lock_timeout = '2s'").await
}

async fn read_schema(client: &Client) -> Result<Schema, tokio_postgres::Error> {
    // By a look into the catalog itself: `to_regclass` may still remember that there was none before another node made it.
    const THERE: &str = "
        SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
            WHERE c.relname = 'migration' AND pg_catalog.pg_table_is_visible(c.oid))";
    let there = client.query_one(THERE, &[]).await?;
    if !there.try_get(0)? {
        return Ok(Schema::default());
    }
    let row = client.query_one(READ, &[]).await?;
    Ok(Schema { version: row.try_get(0)?, works_from: row.try_get(1)? })
}

fn explained(error: tokio_postgres::Error) -> Error {
    if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
        let message = "the database's role may not make or read Wharf's tables: let it own the database, \
                       or grant it CREATE and USAGE on the schema";
        return Error::new(Kind::Invalid, message).because(error);
    }
    super::error(error)
}
