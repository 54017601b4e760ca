//! How far the scrub is.

use async_trait::async_trait;
use wharf_core::{Digest, Result, Timestamp};
use wharf_registry::port::{ScrubRow, Scrubs};

use super::SqlWork;
use crate::session::Row;

fn round(mut row: Row) -> Result<ScrubRow> {
    let began_at = Timestamp::from_microseconds(row.next()?);
    let planned_bytes = row.next()?;
    let last: Option<Vec<u8>> = row.next()?;
    Ok(ScrubRow {
        began_at,
        planned_bytes,
        last: last.as_deref().and_then(Digest::from_row),
        blobs: row.next()?,
        damaged: row.next()?,
        ended_at: row.next::<Option<i64>>()?.map(Timestamp::from_microseconds),
    })
}

#[async_trait]
impl Scrubs for SqlWork<'_> {
    async fn scrub(&mut self) -> Result<Option<ScrubRow>> {
        const FIND: &str = "
            SELECT began_at, planned_bytes, last_digest, blobs, damaged, ended_at FROM scrub WHERE id = 1";
        self.session.query_first(FIND, &[]).await?.map(round).transpose()
    }

    async fn set_scrub(&mut self, round: &ScrubRow) -> Result<()> {
        const SET: &str = "
            INSERT INTO scrub (id, began_at, planned_bytes, last_digest, blobs, damaged, ended_at)
            VALUES (1, $1, $2, $3, $4, $5, $6)
            ON CONFLICT (id) DO UPDATE SET began_at = excluded.began_at, planned_bytes = excluded.planned_bytes,
                last_digest = excluded.last_digest, blobs = excluded.blobs, damaged = excluded.damaged,
                ended_at = excluded.ended_at";
        let last = round.last.as_ref().map(Digest::to_row);
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let values = [
            round.began_at.microseconds().into(),
            count(round.planned_bytes).into(),
            last.as_deref().into(),
            count(round.blobs).into(),
            count(round.damaged).into(),
            round.ended_at.map(Timestamp::microseconds).into(),
        ];
        self.session.execute(SET, &values).await.map(drop)
    }
}
