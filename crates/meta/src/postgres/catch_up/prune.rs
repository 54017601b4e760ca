//! Removing rows that nodes have read long ago.
//!
//! The newest are kept, by number: a node further behind forgets everything, which is less work than to read them. What
//! was removed is said in a row of the same transaction, so that no node takes a gap for silence.

use async_trait::async_trait;
use wharf_core::Result;

use super::Entry;
use crate::session::{Session, Unit};

/// How many rows stay.
const KEPT: i64 = 4096;

/// Removes all rows but the newest.
pub(in crate::postgres) struct Prune;

#[async_trait]
impl Unit for Prune {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const OLDEST: &str = "
            SELECT CAST(CAST(transaction_id AS TEXT) AS BIGINT) FROM change
            ORDER BY transaction_id DESC LIMIT 1 OFFSET $1";
        // An id that is still to come is that of another cluster, whose rows were brought here.
        const REMOVE: &str = "
            DELETE FROM change
            WHERE transaction_id < CAST(CAST($1 AS TEXT) AS XID8)
                OR transaction_id >= pg_snapshot_xmax(pg_current_snapshot())";
        let oldest = session.query_first(OLDEST, &[(KEPT - 1).into()]).await?;
        let oldest: u64 = oldest.map_or(Ok(0), |mut row| row.next())?;
        if session.execute(REMOVE, &[oldest.to_string().as_str().into()]).await? > 0 {
            let pruned = Entry::Pruned(oldest).to_row();
            session.execute(Entry::INSERT, &[pruned.as_str().into()]).await?;
        }
        Ok(())
    }
}
