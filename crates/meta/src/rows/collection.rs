//! What the collector works with: its time, reviews of memberships, condemned objects.

use async_trait::async_trait;
use wharf_core::{Digest, ObjectKey, Result, Timestamp, gate::RepositoryId};
use wharf_registry::port::{Collection, ReviewRow, ReviewsOf};

use super::{SqlWork, blobs::read_blob, list};
use crate::session::Row;

pub(super) const fn microseconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1_000_000)
}

/// How far the clocks of nodes may be apart, in microseconds.
const A_LITTLE: i64 = 3_600_000_000;

fn review(mut row: Row) -> Result<ReviewRow> {
    Ok(ReviewRow {
        blob: read_blob(&mut row)?,
        id: row.next()?,
        repository: RepositoryId(row.next()?),
        epoch: row.next()?,
        due_at: Timestamp::from_microseconds(row.next()?),
        needed: row.next()?,
        after_deletion: row.next()?,
    })
}

#[async_trait]
impl Collection for SqlWork<'_> {
    async fn advance(&mut self, microseconds: i64, now: Timestamp) -> Result<()> {
        // A node that is late, or whose clock is a little behind, must not make the next count the same time again. A
        // clock that was far ahead and is right again is followed.
        const ADVANCE: &str = "
            UPDATE collection_clock SET
                moved_at = CASE WHEN $1 < moved_at AND moved_at - $1 < $2 THEN moved_at ELSE $1 END,
                time = time + CASE
                    WHEN $1 < moved_at THEN 0 WHEN $1 - moved_at < $3 THEN $1 - moved_at ELSE $3 END";
        let values = [now.microseconds().into(), A_LITTLE.into(), microseconds.into()];
        self.session.execute(ADVANCE, &values).await.map(drop)
    }

    async fn ask_review(&mut self, repository: RepositoryId, digest: &Digest, delay: i64) -> Result<()> {
        const ASK: &str = "
            INSERT INTO review (repository_id, blob_id, epoch, due_at, after_deletion)
            SELECT m.repository_id, m.blob_id, m.epoch, (SELECT c.time FROM collection_clock c) + $1, 0
            FROM repository_blob m JOIN blob b ON b.id = m.blob_id
            WHERE m.repository_id = $2 AND b.digest = $3
            ON CONFLICT (repository_id, blob_id) DO UPDATE SET epoch = excluded.epoch,
                due_at = excluded.due_at, after_deletion = excluded.after_deletion";
        let digest = digest.to_row();
        let values = [microseconds(delay).into(), repository.0.into(), digest.as_slice().into()];
        self.session.execute(ASK, &values).await.map(drop)
    }

    async fn ask_reviews_of(
        &mut self,
        repository: RepositoryId,
        manifest: &Digest,
        delay: i64,
    ) -> Result<()> {
        const ASK: &str = "
            INSERT INTO review (repository_id, blob_id, epoch, due_at, after_deletion)
            SELECT m.repository_id, m.blob_id, m.epoch, (SELECT c.time FROM collection_clock c) + $1, 1
            FROM repository_blob m JOIN blob b ON b.id = m.blob_id
            WHERE m.repository_id = $2 AND b.digest IN
                (SELECT e.digest FROM manifest_edge e JOIN manifest f ON f.id = e.manifest_id
                    WHERE f.repository_id = $2 AND f.digest = $3)
            ON CONFLICT (repository_id, blob_id) DO UPDATE SET epoch = excluded.epoch,
                due_at = excluded.due_at, after_deletion = excluded.after_deletion";
        let manifest = manifest.to_row();
        let values = [microseconds(delay).into(), repository.0.into(), manifest.as_slice().into()];
        self.session.execute(ASK, &values).await.map(drop)
    }

    async fn reviews(&mut self, wanted: ReviewsOf) -> Result<Vec<ReviewRow>> {
        const LIST: &str = "
            SELECT b.digest, b.size, b.object_key, r.id, r.repository_id, r.epoch, r.due_at,
                CAST(CASE WHEN EXISTS (SELECT 1 FROM manifest_edge e
                    WHERE e.repository_id = r.repository_id AND e.digest = b.digest) THEN 1 ELSE 0 END AS BIGINT),
                r.after_deletion
            FROM review r JOIN blob b ON b.id = r.blob_id
            WHERE r.due_at <= (SELECT c.time FROM collection_clock c) + $1 AND (r.due_at, r.id) > ($2, $3)
            ORDER BY r.due_at, r.id LIMIT $4";
        // No review is due before this moment, so all come after it.
        let (due_at, id) = wanted.last.unwrap_or((Timestamp::from_microseconds(-1), 0));
        let values = [
            microseconds(wanted.within).into(),
            due_at.microseconds().into(),
            id.into(),
            i64::from(wanted.most).into(),
        ];
        self.session.query(LIST, &values).await?.into_iter().map(review).collect()
    }

    async fn take_review(&mut self, review: &ReviewRow) -> Result<bool> {
        const TAKE: &str = "DELETE FROM review WHERE id = $1 AND due_at = $2";
        Ok(self.session.execute(TAKE, &[review.id.into(), review.due_at.microseconds().into()]).await? > 0)
    }

    async fn is_leaving(&mut self, repository: RepositoryId, digest: &Digest, within: i64) -> Result<bool> {
        const FIND: &str = "
            SELECT r.id FROM review r JOIN blob b ON b.id = r.blob_id
            WHERE r.repository_id = $1 AND b.digest = $2
                AND r.due_at <= (SELECT c.time FROM collection_clock c) + $3
                AND NOT EXISTS (SELECT 1 FROM manifest_edge e WHERE e.repository_id = $1 AND e.digest = $2)";
        let digest = digest.to_row();
        let values = [repository.0.into(), digest.as_slice().into(), microseconds(within).into()];
        Ok(self.session.query_first(FIND, &values).await?.is_some())
    }

    async fn count_memberships(&mut self, most: u64) -> Result<u64> {
        const COUNT: &str = "SELECT count(*) FROM (SELECT 1 FROM repository_blob LIMIT $1) counted";
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        match self.session.query_first(COUNT, &[most.into()]).await? {
            Some(mut row) => row.next(),
            None => Ok(0),
        }
    }

    async fn condemn(&mut self, key: ObjectKey, delay: i64) -> Result<()> {
        const CONDEMN: &str = "
            INSERT INTO condemned_object (object_key, due_at)
            SELECT $1, c.time + $2 FROM collection_clock c WHERE c.id = 1
            ON CONFLICT (object_key) DO NOTHING";
        let key = key.to_row();
        self.session.execute(CONDEMN, &[key.as_slice().into(), microseconds(delay).into()]).await.map(drop)
    }

    async fn condemn_all(&mut self, keys: &[ObjectKey], delay: i64) -> Result<()> {
        const CONDEMN: &str = "
            INSERT INTO condemned_object (object_key, due_at)
            SELECT unhex(e.key), c.time + $1 FROM json_each($2) e CROSS JOIN collection_clock c WHERE c.id = 1
            ON CONFLICT (object_key) DO NOTHING";
        let keys = list::object_keys(keys)?;
        self.session.execute(CONDEMN, &[microseconds(delay).into(), keys.as_str().into()]).await.map(drop)
    }

    async fn postpone_objects(&mut self, keys: &[ObjectKey], delay: i64) -> Result<()> {
        const POSTPONE: &str = "
            UPDATE condemned_object SET due_at = (SELECT c.time FROM collection_clock c) + $1
            WHERE object_key IN (SELECT unhex(e.key) FROM json_each($2) e)";
        let keys = list::object_keys(keys)?;
        self.session.execute(POSTPONE, &[microseconds(delay).into(), keys.as_str().into()]).await.map(drop)
    }

    async fn due_objects(&mut self, most: u32) -> Result<Vec<ObjectKey>> {
        // The second lock on what may never be lost: an object that a row leads to is not removed.
        const DUE: &str = "
            SELECT o.object_key FROM condemned_object o
            WHERE o.due_at <= (SELECT c.time FROM collection_clock c)
                AND NOT EXISTS (SELECT 1 FROM blob b WHERE b.object_key = o.object_key)
                AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.object_key = o.object_key)
                AND NOT EXISTS (SELECT 1 FROM collection_hold h
                    WHERE h.until_at > (SELECT c.time FROM collection_clock c))
            ORDER BY o.due_at LIMIT $1";
        list::object_keys_of(self.session.query(DUE, &[i64::from(most).into()]).await?)
    }

    async fn forget_objects(&mut self, keys: &[ObjectKey]) -> Result<()> {
        const FORGET: &str = "
            DELETE FROM condemned_object WHERE object_key IN (SELECT unhex(e.key) FROM json_each($1) e)";
        let keys = list::object_keys(keys)?;
        self.session.execute(FORGET, &[keys.as_str().into()]).await.map(drop)
    }
}
