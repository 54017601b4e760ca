//! What organisations store: counted in the transactions that change it, and counted anew to compare.
//!
//! An organisation's counts are spread over a few rows, so that its pushes do not wait for one another. Whoever changes
//! the memberships of a blob holds the blob's row, so of two at once the later one sees what the earlier one did.

use async_trait::async_trait;
use wharf_core::{
    Digest, OrganisationName, Result,
    gate::{OrganisationId, RepositoryId},
};
use wharf_registry::port::{Recount, Usage, Usages};

use super::{SqlWork, tenants::column};
use crate::session::{Row, Session};

/// Over how many rows the counts of an organisation are spread.
const SHARDS: i64 = 16;

/// Counts a blob that became a member of a repository, if it is the first of its organisation.
pub(super) async fn count_blob(session: &mut dyn Session, repository: RepositoryId, blob: i64) -> Result<()> {
    const COUNT: &str = "
        INSERT INTO organisation_usage (organisation_id, shard, blob_bytes, manifest_bytes)
        SELECT m.organisation_id, CAST($1 AS BIGINT), b.size, 0
        FROM repository_blob m JOIN blob b ON b.id = m.blob_id
        WHERE m.repository_id = $2 AND m.blob_id = $3 AND NOT EXISTS (SELECT 1 FROM repository_blob o
            WHERE o.organisation_id = m.organisation_id AND o.blob_id = $3 AND o.repository_id <> $2)
        ON CONFLICT (organisation_id, shard) DO UPDATE
            SET blob_bytes = organisation_usage.blob_bytes + excluded.blob_bytes";
    session.execute(COUNT, &[(blob % SHARDS).into(), repository.0.into(), blob.into()]).await.map(drop)
}

/// Takes a blob that left a repository off the count, if it was the last of its organisation.
pub(super) async fn uncount_blob(session: &mut dyn Session, organisation: i64, blob: i64) -> Result<()> {
    const UNCOUNT: &str = "
        UPDATE organisation_usage SET blob_bytes = blob_bytes - (SELECT b.size FROM blob b WHERE b.id = $1)
        WHERE organisation_id = $2 AND shard = $3 AND NOT EXISTS
            (SELECT 1 FROM repository_blob o WHERE o.organisation_id = $2 AND o.blob_id = $1)";
    session.execute(UNCOUNT, &[blob.into(), organisation.into(), (blob % SHARDS).into()]).await.map(drop)
}

/// Counts the bytes of a manifest that came to a repository; a negative number of one that went.
pub(super) async fn count_manifest(
    session: &mut dyn Session,
    repository: RepositoryId,
    (manifest, size): (i64, i64),
) -> Result<()> {
    const COUNT: &str = "
        INSERT INTO organisation_usage (organisation_id, shard, blob_bytes, manifest_bytes)
        SELECT r.organisation_id, CAST($1 AS BIGINT), 0, CAST($2 AS BIGINT)
        FROM repository p JOIN registry r ON r.id = p.registry_id WHERE p.id = $3
        ON CONFLICT (organisation_id, shard) DO UPDATE
            SET manifest_bytes = organisation_usage.manifest_bytes + excluded.manifest_bytes";
    session.execute(COUNT, &[(manifest % SHARDS).into(), size.into(), repository.0.into()]).await.map(drop)
}

fn usage(mut row: Row) -> Result<Usage> {
    Ok(Usage { blobs: row.next()?, manifests: row.next()? })
}

impl SqlWork<'_> {
    async fn counted_anew(&mut self, organisation: i64) -> Result<Usage> {
        const BLOBS: &str = "
            SELECT CAST(coalesce(sum(b.size), 0) AS BIGINT) FROM blob b WHERE b.id IN
                (SELECT m.blob_id FROM repository_blob m WHERE m.organisation_id = $1)";
        const MANIFESTS: &str = "
            SELECT CAST(coalesce(sum(m.size), 0) AS BIGINT) FROM manifest m
            JOIN repository p ON p.id = m.repository_id JOIN registry r ON r.id = p.registry_id
            WHERE r.organisation_id = $1";
        let mut sums = Usage::default();
        if let Some(mut row) = self.session.query_first(BLOBS, &[organisation.into()]).await? {
            sums.blobs = row.next()?;
        }
        if let Some(mut row) = self.session.query_first(MANIFESTS, &[organisation.into()]).await? {
            sums.manifests = row.next()?;
        }
        Ok(sums)
    }
}

#[async_trait]
impl Usages for SqlWork<'_> {
    async fn usage(&mut self, organisation: OrganisationId) -> Result<Usage> {
        const SUM: &str = "
            SELECT CAST(coalesce(sum(blob_bytes), 0) AS BIGINT), CAST(coalesce(sum(manifest_bytes), 0) AS BIGINT)
            FROM organisation_usage WHERE organisation_id = $1";
        let row = self.session.query_first(SUM, &[organisation.0.into()]).await?;
        row.map_or_else(|| Ok(Usage::default()), usage)
    }

    async fn usage_beside(&mut self, repository: RepositoryId) -> Result<Usage> {
        const SUM: &str = "
            SELECT CAST(coalesce(sum(u.blob_bytes), 0) AS BIGINT),
                CAST(coalesce(sum(u.manifest_bytes), 0) AS BIGINT)
            FROM repository p JOIN registry r ON r.id = p.registry_id
            JOIN organisation_usage u ON u.organisation_id = r.organisation_id WHERE p.id = $1";
        let row = self.session.query_first(SUM, &[repository.0.into()]).await?;
        row.map_or_else(|| Ok(Usage::default()), usage)
    }

    async fn is_counted(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        const FIND: &str = "
            SELECT b.id FROM blob b WHERE b.digest = $1 AND EXISTS (SELECT 1 FROM repository_blob m
                WHERE m.blob_id = b.id AND m.organisation_id = (SELECT r.organisation_id FROM repository p
                    JOIN registry r ON r.id = p.registry_id WHERE p.id = $2))";
        let digest = digest.to_row();
        Ok(self.session.query_first(FIND, &[digest.as_slice().into(), repository.0.into()]).await?.is_some())
    }

    async fn set_quota(&mut self, organisation: &OrganisationName, bytes: Option<u64>) -> Result<bool> {
        const SET: &str = "UPDATE organisation SET quota_bytes = $1 WHERE name = $2 AND removed_at IS NULL";
        Ok(self.session.execute(SET, &[column(bytes).into(), organisation.as_str().into()]).await? > 0)
    }

    async fn quota(&mut self, organisation: OrganisationId) -> Result<Option<u64>> {
        const FIND: &str = "SELECT quota_bytes FROM organisation WHERE id = $1";
        let row = self.session.query_first(FIND, &[organisation.0.into()]).await?;
        let bytes = row.map(|mut row| row.next::<Option<i64>>()).transpose()?.flatten();
        Ok(bytes.and_then(|bytes| u64::try_from(bytes).ok()))
    }

    async fn recount(&mut self, last: OrganisationId) -> Result<Option<Recount>> {
        const NEXT: &str = "SELECT id, name FROM organisation WHERE id > $1 ORDER BY id LIMIT 1";
        let Some(mut row) = self.session.query_first(NEXT, &[last.0.into()]).await? else { return Ok(None) };
        let organisation = OrganisationId(row.next()?);
        Ok(Some(Recount {
            organisation,
            name: row.next()?,
            counted: self.usage(organisation).await?,
            found: self.counted_anew(organisation.0).await?,
        }))
    }

    async fn correct_usage(&mut self, organisation: OrganisationId) -> Result<()> {
        // All rows are made and held before anything is counted anew: whoever counts at the same moment has either
        // committed by then, or adds to the right number after.
        const MAKE: &str = "
            INSERT INTO organisation_usage (organisation_id, shard, blob_bytes, manifest_bytes)
            VALUES ($1, $2, 0, 0) ON CONFLICT (organisation_id, shard) DO NOTHING";
        const HOLD: &str =
            "UPDATE organisation_usage SET blob_bytes = blob_bytes WHERE organisation_id = $1 AND shard = $2";
        const CORRECT: &str = "
            UPDATE organisation_usage SET blob_bytes = blob_bytes + $1, manifest_bytes = manifest_bytes + $2
            WHERE organisation_id = $3 AND shard = 0";
        for shard in 0..SHARDS {
            let values = [organisation.0.into(), shard.into()];
            self.session.execute(MAKE, &values).await?;
            self.session.execute(HOLD, &values).await?;
        }
        let (counted, found) = (self.usage(organisation).await?, self.counted_anew(organisation.0).await?);
        let values = [
            (found.blobs - counted.blobs).into(),
            (found.manifests - counted.manifests).into(),
            organisation.0.into(),
        ];
        self.session.execute(CORRECT, &values).await.map(drop)
    }
}
