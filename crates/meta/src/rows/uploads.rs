//! Uploads.

use async_trait::async_trait;
use wharf_core::{
    AccountId, Digest, Error, ObjectKey, Result, Subject, Timestamp, UploadId, gate::RepositoryId,
};
use wharf_registry::port::{Progress, Reread, Stale, UploadRow, Uploads};

use super::{SqlWork, collection::microseconds};
use crate::session::Row;

pub(super) fn upload(mut row: Row) -> Result<UploadRow> {
    Ok(UploadRow {
        id: row.parse(|id: Vec<u8>| UploadId::from_row(&id))?,
        repository: RepositoryId(row.next()?),
        account: row.next::<Option<i64>>()?.map(AccountId),
        key: row.parse(|key: Vec<u8>| ObjectKey::from_row(&key))?,
        algorithm: row.parse(|name: String| name.parse().ok())?,
        progress: Progress {
            offset: row.next()?,
            hash_state: row.next()?,
            store_state: row.next()?,
            incarnation: row.next()?,
        },
        version: row.next()?,
        reread: match (digest(&mut row)?, digest(&mut row)?) {
            (Some(own), Some(other)) => Some(Reread { own, other }),
            _ => None,
        },
    })
}

fn digest(row: &mut Row) -> Result<Option<Digest>> {
    row.parse(|digest: Option<Vec<u8>>| match digest {
        Some(digest) => Digest::from_row(&digest).map(Some),
        None => Some(None),
    })
}

#[async_trait]
impl Uploads for SqlWork<'_> {
    async fn insert_upload(&mut self, upload: &UploadRow, now: Timestamp) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO upload (id, repository_id, organisation_id, account_id, object_key, algorithm, byte_offset,
                hash_state, store_state, incarnation, version, created_at, touched_at, aged_from)
            SELECT $1, p.id, r.organisation_id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10,
                (SELECT c.time FROM collection_clock c)
            FROM repository p JOIN registry r ON r.id = p.registry_id WHERE p.id = $11";
        let (id, key) = (upload.id.to_row(), upload.key.to_row());
        let progress = &upload.progress;
        let values = [
            id.as_slice().into(),
            upload.account.map(|account| account.0).into(),
            key.as_slice().into(),
            upload.algorithm.name().into(),
            i64::try_from(progress.offset).unwrap_or(i64::MAX).into(),
            progress.hash_state.as_slice().into(),
            progress.store_state.as_slice().into(),
            progress.incarnation.as_str().into(),
            upload.version.into(),
            now.microseconds().into(),
            upload.repository.0.into(),
        ];
        match self.session.execute(INSERT, &values).await? {
            0 => Err(Error::not_found(Subject::Name)),
            _ => Ok(()),
        }
    }

    async fn find_upload(&mut self, id: UploadId) -> Result<Option<UploadRow>> {
        const FIND: &str = "
            SELECT id, repository_id, account_id, object_key, algorithm, byte_offset, hash_state, store_state,
                incarnation, version, reread_own, reread_other
            FROM upload WHERE id = $1";
        let id = id.to_row();
        self.session.query_first(FIND, &[id.as_slice().into()]).await?.map(upload).transpose()
    }

    async fn save_progress(&mut self, seen: &UploadRow, progress: &Progress, now: Timestamp) -> Result<bool> {
        const SAVE: &str = "
            UPDATE upload SET byte_offset = $1, hash_state = $2, store_state = $3, incarnation = $4,
                touched_at = $5, aged_from = (SELECT c.time FROM collection_clock c), version = version + 1
            WHERE id = $6 AND version = $7";
        let id = seen.id.to_row();
        let values = [
            i64::try_from(progress.offset).unwrap_or(i64::MAX).into(),
            progress.hash_state.as_slice().into(),
            progress.store_state.as_slice().into(),
            progress.incarnation.as_str().into(),
            now.microseconds().into(),
            id.as_slice().into(),
            seen.version.into(),
        ];
        Ok(self.session.execute(SAVE, &values).await? > 0)
    }

    async fn touch_upload(&mut self, id: UploadId, now: Timestamp) -> Result<()> {
        const TOUCH: &str = "
            UPDATE upload SET touched_at = $1, aged_from = (SELECT c.time FROM collection_clock c) WHERE id = $2";
        let id = id.to_row();
        self.session.execute(TOUCH, &[now.microseconds().into(), id.as_slice().into()]).await.map(drop)
    }

    async fn keep_reread(&mut self, id: UploadId, reread: &Reread) -> Result<()> {
        const KEEP: &str = "UPDATE upload SET reread_own = $1, reread_other = $2 WHERE id = $3";
        let (own, other, id) = (reread.own.to_row(), reread.other.to_row(), id.to_row());
        let values = [own.as_slice().into(), other.as_slice().into(), id.as_slice().into()];
        self.session.execute(KEEP, &values).await.map(drop)
    }

    async fn remove_upload_at(&mut self, seen: &UploadRow) -> Result<bool> {
        let id = seen.id.to_row();
        let remove = "DELETE FROM upload WHERE id = $1 AND version = $2";
        Ok(self.session.execute(remove, &[id.as_slice().into(), seen.version.into()]).await? > 0)
    }

    async fn remove_stale_upload(&mut self, seen: &UploadRow, stale: Stale) -> Result<bool> {
        const REMOVE: &str = "
            DELETE FROM upload WHERE id = $1 AND version = $2 AND touched_at < $3
                AND aged_from <= (SELECT c.time FROM collection_clock c) - $4";
        let id = seen.id.to_row();
        let values = [
            id.as_slice().into(),
            seen.version.into(),
            stale.before.microseconds().into(),
            microseconds(stale.seconds).into(),
        ];
        Ok(self.session.execute(REMOVE, &values).await? > 0)
    }

    async fn stale_uploads(&mut self, stale: Stale, most: u32) -> Result<Vec<UploadRow>> {
        const STALE: &str = "
            SELECT id, repository_id, account_id, object_key, algorithm, byte_offset, hash_state, store_state,
                incarnation, version, reread_own, reread_other
            FROM upload WHERE touched_at < $1 AND aged_from <= (SELECT c.time FROM collection_clock c) - $2
            ORDER BY aged_from LIMIT $3";
        let values =
            [stale.before.microseconds().into(), microseconds(stale.seconds).into(), i64::from(most).into()];
        let rows = self.session.query(STALE, &values).await?;
        rows.into_iter().map(upload).collect()
    }

    async fn count_uploads(&mut self, most: u32) -> Result<u64> {
        const COUNT: &str = "SELECT COUNT(*) FROM (SELECT id FROM upload LIMIT $1) AS counted";
        let counted = self.session.query_first(COUNT, &[i64::from(most).into()]).await?;
        counted.map_or(Ok(0), |mut row| row.next())
    }

    async fn count_uploads_beside(&mut self, repository: RepositoryId, most: u32) -> Result<u64> {
        // Only the entries of one index are counted, and none beyond the limit.
        const COUNT: &str = "
            SELECT COUNT(*) FROM
                (SELECT u.organisation_id FROM upload u WHERE u.organisation_id =
                    (SELECT r.organisation_id FROM repository p JOIN registry r ON r.id = p.registry_id WHERE p.id = $1)
                LIMIT $2) AS counted";
        let counted = self.session.query_first(COUNT, &[repository.0.into(), i64::from(most).into()]).await?;
        counted.map_or(Ok(0), |mut row| row.next())
    }
}
