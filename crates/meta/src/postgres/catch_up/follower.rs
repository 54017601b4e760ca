//! One connection on which one snapshot after the other is read, and what the last one did not see.
//!
//! Rows are chosen by transactions, never by numbers of their own: those are given before the commit, so that a low one can
//! appear after a high one. Which transactions a snapshot sees PostgreSQL says itself. All of this holds on one server
//! as long as it runs; a connection led to another one, by somebody in between, begins anew.

use deadpool::managed::Manager as _;
use futures_util::TryFutureExt as _;
use tokio::time::timeout;
use tokio_postgres::Row;

use super::{
    super::{
        PATIENCE, Pool,
        connection::{Connection, answered},
        fault::{Failed, Fault},
        late,
    },
    Entry,
};
use crate::memory::Changes;

/// How many rows are read at once; if there are more, forgetting everything is less work.
const MOST: u32 = 1000;

/// The first row is the snapshot and when the server began, the others are what this snapshot sees and the last one did
/// not. Ids still to come are those of another cluster, whose rows were brought here.
const READ: &str = "
    SELECT CAST(pg_current_snapshot() AS TEXT), CAST(pg_postmaster_start_time() AS TEXT), NULL
    UNION ALL
    (SELECT NULL, NULL, what FROM change
    WHERE transaction_id >= pg_snapshot_xmin(CAST(CAST($1 AS TEXT) AS pg_snapshot))
        AND NOT pg_visible_in_snapshot(transaction_id, CAST(CAST($1 AS TEXT) AS pg_snapshot))
        AND transaction_id < pg_snapshot_xmax(pg_current_snapshot())
    ORDER BY transaction_id LIMIT CAST($2 AS BIGINT))";
/// A snapshot that has seen everything.
const ALL_SEEN: &str = "9223372036854775807:9223372036854775807:";

/// Reads on from where it stood.
pub(super) struct Follower {
    connection: Connection,
    position: Position,
}

/// Up to where it has read.
#[derive(Debug, Default)]
struct Position {
    snapshot: String,
    /// When the server began.
    server: String,
}

impl Follower {
    /// Connects, and begins after all that was changed so far.
    pub(super) async fn begin(pool: &Pool) -> Result<Self, Failed> {
        let manager = pool.manager();
        // One that breaks before it is ready is made once more.
        let connect = manager.create().or_else(|_| manager.create());
        let mut connection = timeout(PATIENCE, connect).await.map_err(late)??;
        let (position, _) = read(&mut connection, ALL_SEEN).await?;
        Ok(Self { connection, position })
    }

    /// Reads what was changed since the last read began.
    pub(super) async fn read(&mut self) -> Result<Changes, Fault> {
        let (position, entries) = read(&mut self.connection, &self.position.snapshot).await?;
        let last = std::mem::replace(&mut self.position, position);
        if entries.len() > MOST as usize || self.position.server != last.server {
            return Ok(Changes::everything());
        }
        let mut changes = Changes::default();
        for entry in entries {
            changes.add(match entry {
                Entry::Changed(changes) => changes,
                Entry::Pruned(before) if last.has_seen_all_before(before) => Changes::default(),
                Entry::Pruned(_) => Changes::everything(),
            });
        }
        Ok(changes)
    }
}

impl Position {
    /// Whether every transaction before this one was seen, or will never be there to see.
    fn has_seen_all_before(&self, transaction: u64) -> bool {
        let oldest = self.snapshot.split(':').next().and_then(|oldest| oldest.parse::<u64>().ok());
        oldest.is_some_and(|oldest| transaction <= oldest)
    }
}

async fn read(connection: &mut Connection, last: &str) -> Result<(Position, Vec<Entry>), Fault> {
    let statement = connection.prepared(READ).await?;
    let rows = answered(connection.client.query(&statement, &[&last, &i64::from(MOST + 1)])).await?;
    understood(&rows).map_err(Fault::Driver)
}

fn understood(rows: &[Row]) -> Result<(Position, Vec<Entry>), tokio_postgres::Error> {
    let (mut position, mut entries) = (Position::default(), Vec::new());
    for row in rows {
        match row.try_get::<_, Option<&str>>(2)? {
            Some(what) => entries.push(Entry::from_row(what)),
            None => position = Position { snapshot: row.try_get(0)?, server: row.try_get(1)? },
        }
    }
    Ok((position, entries))
}
