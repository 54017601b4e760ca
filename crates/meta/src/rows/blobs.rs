//! Blobs and their memberships.

use async_trait::async_trait;
use wharf_core::{AccountId, Digest, Error, ObjectKey, Result, Subject, Timestamp, gate::RepositoryId};
use wharf_registry::port::{BlobRow, Blobs, MountSource};

use super::{
    SqlWork, list,
    readable::is_readable,
    usage::{count_blob, uncount_blob},
};
use crate::{memory::Content, session::Row};

/// Of how many repositories that hold a blob a mount without a source asks whether it may be read, the oldest first: a
/// common layer is in any number of them.
const MOST_HOLDERS: i64 = 1000;

pub(super) fn blob(mut row: Row) -> Result<BlobRow> {
    read_blob(&mut row)
}

/// The next three fields as a blob.
pub(super) fn read_blob(row: &mut Row) -> Result<BlobRow> {
    Ok(BlobRow {
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        size: row.next()?,
        key: row.parse(|key: Vec<u8>| ObjectKey::from_row(&key))?,
    })
}

impl SqlWork<'_> {
    /// Takes a membership that ended off the count; says whether there was one.
    async fn uncount(&mut self, ended: Option<Row>) -> Result<bool> {
        let Some(mut row) = ended else { return Ok(false) };
        uncount_blob(self.session, row.next()?, row.next()?).await?;
        Ok(true)
    }
}

#[async_trait]
impl Blobs for SqlWork<'_> {
    async fn lock_blob(&mut self, digest: &Digest) -> Result<Option<BlobRow>> {
        // A mere read could be of a row that another transaction is about to move or remove.
        const LOCK: &str =
            "UPDATE blob SET epoch = epoch + 1 WHERE digest = $1 RETURNING digest, size, object_key";
        let digest = digest.to_row();
        self.session.query_first(LOCK, &[digest.as_slice().into()]).await?.map(blob).transpose()
    }

    async fn find_member(&mut self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>> {
        const FIND: &str = "
            SELECT b.digest, b.size, b.object_key
            FROM blob b JOIN repository_blob m ON m.blob_id = b.id
            WHERE m.repository_id = $1 AND b.digest = $2";
        let digest = digest.to_row();
        self.session
            .query_first(FIND, &[repository.0.into(), digest.as_slice().into()])
            .await?
            .map(blob)
            .transpose()
    }

    async fn mount_sources(
        &mut self,
        account: Option<AccountId>,
        digest: &Digest,
        most: u32,
    ) -> Result<Vec<MountSource>> {
        const FIND: &str = concat!(
            "WITH holder AS MATERIALIZED (
                SELECT m.repository_id FROM repository_blob m
                WHERE m.blob_id = (SELECT b.id FROM blob b WHERE b.digest = $1)
                ORDER BY m.repository_id LIMIT $2)
            SELECT p.id, p.path
            FROM holder h
            JOIN repository p ON p.id = h.repository_id
            JOIN registry r ON r.id = p.registry_id
            WHERE ",
            is_readable!("$3"),
            " ORDER BY p.id LIMIT $4"
        );
        let digest = digest.to_row();
        let values = [
            digest.as_slice().into(),
            MOST_HOLDERS.into(),
            account.map(|id| id.0).into(),
            i64::from(most).into(),
        ];
        let rows = self.session.query(FIND, &values).await?;
        let source = |mut row: Row| {
            let repository = RepositoryId(row.next()?);
            Ok(MountSource { repository, place: row.parse(|path: String| path.parse().ok())? })
        };
        rows.into_iter().map(source).collect()
    }

    async fn insert_blob(&mut self, blob: &BlobRow, now: Timestamp) -> Result<()> {
        const INSERT: &str =
            "INSERT INTO blob (digest, size, object_key, epoch, created_at) VALUES ($1, $2, $3, 0, $4)";
        let (digest, key) = (blob.digest.to_row(), blob.key.to_row());
        let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
        let values =
            [digest.as_slice().into(), size.into(), key.as_slice().into(), now.microseconds().into()];
        self.session.execute(INSERT, &values).await.map(drop)
    }

    async fn move_blob(&mut self, digest: &Digest, key: ObjectKey) -> Result<()> {
        const MOVE: &str = "UPDATE blob SET object_key = $1, epoch = epoch + 1 WHERE digest = $2";
        self.session.changes(Content::Blob(*digest));
        let (key, digest) = (key.to_row(), digest.to_row());
        self.session.execute(MOVE, &[key.as_slice().into(), digest.as_slice().into()]).await.map(drop)
    }

    async fn add_member(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<bool> {
        const TOUCH: &str = "UPDATE blob SET epoch = epoch + 1 WHERE digest = $1 RETURNING id";
        const ADD: &str = "
            INSERT INTO repository_blob (repository_id, blob_id, organisation_id, epoch, created_at)
            SELECT p.id, CAST($1 AS BIGINT), r.organisation_id, 0, CAST($2 AS BIGINT)
            FROM repository p JOIN registry r ON r.id = p.registry_id WHERE p.id = $3
            ON CONFLICT (repository_id, blob_id) DO UPDATE SET epoch = repository_blob.epoch + 1
            RETURNING epoch";
        let digest = digest.to_row();
        let found = self.session.query_first(TOUCH, &[digest.as_slice().into()]).await?;
        let Some(mut row) = found else { return Ok(false) };
        let blob: i64 = row.next()?;
        let values = [blob.into(), now.microseconds().into(), repository.0.into()];
        let row = self.session.query_first(ADD, &values).await?;
        let epoch: i64 = row.ok_or_else(|| Error::not_found(Subject::Name))?.next()?;
        if epoch == 0 {
            count_blob(self.session, repository, blob).await?;
        }
        Ok(true)
    }

    async fn touch_member(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        const TOUCH: &str = "
            UPDATE repository_blob SET epoch = epoch + 1
            WHERE repository_id = $1 AND blob_id = (SELECT id FROM blob WHERE digest = $2)";
        let digest = digest.to_row();
        Ok(self.session.execute(TOUCH, &[repository.0.into(), digest.as_slice().into()]).await? > 0)
    }

    async fn touch_members(&mut self, repository: RepositoryId, digests: &[Digest]) -> Result<Vec<Digest>> {
        const TOUCH: &str = "
            UPDATE repository_blob SET epoch = epoch + 1
            WHERE repository_id = $1 AND blob_id IN
                (SELECT b.id FROM json_each($2) e CROSS JOIN blob b WHERE b.digest = unhex(e.key))
            RETURNING (SELECT b.digest FROM blob b WHERE b.id = repository_blob.blob_id)";
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let digests = list::digests(digests)?;
        list::digests_of(self.session.query(TOUCH, &[repository.0.into(), digests.as_str().into()]).await?)
    }

    async fn remove_member(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        // The blob's row first, as everyone does who adds a membership: so nobody waits for one another.
        const TOUCH: &str = "UPDATE blob SET epoch = epoch + 1 WHERE digest = $1";
        const REVIEW: &str = "
            DELETE FROM review
            WHERE repository_id = $1 AND blob_id = (SELECT id FROM blob WHERE digest = $2)";
        const REMOVE: &str = "
            DELETE FROM repository_blob
            WHERE repository_id = $1 AND blob_id = (SELECT id FROM blob WHERE digest = $2)
            RETURNING organisation_id, blob_id";
        self.session.changes(Content::Member(repository, *digest));
        let digest = digest.to_row();
        self.session.execute(TOUCH, &[digest.as_slice().into()]).await?;
        self.session.execute(REVIEW, &[repository.0.into(), digest.as_slice().into()]).await?;
        let removed =
            self.session.query_first(REMOVE, &[repository.0.into(), digest.as_slice().into()]).await?;
        self.uncount(removed).await
    }

    async fn end_membership(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        epoch: i64,
    ) -> Result<bool> {
        // The blob's row first, as everyone does who adds a membership: so nobody waits for one another.
        const TOUCH: &str = "UPDATE blob SET epoch = epoch + 1 WHERE digest = $1 RETURNING id";
        const END: &str = "
            DELETE FROM repository_blob
            WHERE repository_id = $1 AND blob_id = $2 AND epoch = $3 AND NOT EXISTS
                (SELECT 1 FROM manifest_edge e WHERE e.repository_id = $1 AND e.digest = $4)
            RETURNING organisation_id, blob_id";
        self.session.changes(Content::Member(repository, *digest));
        let digest = digest.to_row();
        let found = self.session.query_first(TOUCH, &[digest.as_slice().into()]).await?;
        let Some(mut row) = found else { return Ok(false) };
        let blob: i64 = row.next()?;
        let values = [repository.0.into(), blob.into(), epoch.into(), digest.as_slice().into()];
        let ended = self.session.query_first(END, &values).await?;
        self.uncount(ended).await
    }

    async fn remove_orphan(&mut self, digest: &Digest) -> Result<Option<BlobRow>> {
        const TOUCH: &str = "UPDATE blob SET epoch = epoch + 1 WHERE digest = $1";
        const REMOVE: &str = "
            DELETE FROM blob WHERE digest = $1
                AND NOT EXISTS (SELECT 1 FROM repository_blob m WHERE m.blob_id = blob.id)
            RETURNING digest, size, object_key";
        let digest = digest.to_row();
        // Of two that end the last memberships at once, the later one must see what the earlier one did.
        self.session.execute(TOUCH, &[digest.as_slice().into()]).await?;
        self.session.query_first(REMOVE, &[digest.as_slice().into()]).await?.map(blob).transpose()
    }

    async fn is_needed(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        const FIND: &str =
            "SELECT position FROM manifest_edge WHERE repository_id = $1 AND digest = $2 LIMIT 1";
        let digest = digest.to_row();
        Ok(self.session.query_first(FIND, &[repository.0.into(), digest.as_slice().into()]).await?.is_some())
    }
}
