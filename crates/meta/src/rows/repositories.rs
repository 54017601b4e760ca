//! Repositories as such: listed, and taken apart in steps.

use async_trait::async_trait;
use wharf_core::{
    Digest, Result, Timestamp,
    gate::{RegistryId, RepositoryId},
};
use wharf_registry::port::{ListedManifest, Repositories, RepositoryRow, TagRow, UploadRow, Which};

use super::{SqlWork, list, uploads::upload};
use crate::session::Row;

fn repository(mut row: Row) -> Result<RepositoryRow> {
    Ok(RepositoryRow {
        id: RepositoryId(row.next()?),
        place: row.parse(|path: String| path.parse().ok())?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

fn tag(mut row: Row) -> Result<TagRow> {
    Ok(TagRow {
        name: row.next()?,
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        updated_at: Timestamp::from_microseconds(row.next()?),
    })
}

fn listed_manifest(mut row: Row) -> Result<ListedManifest> {
    Ok(ListedManifest {
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        media_type: row.next()?,
        artifact_type: row.next()?,
        subject: row.parse(|digest: Option<Vec<u8>>| match digest {
            Some(digest) => Digest::from_row(&digest).map(Some),
            None => Some(None),
        })?,
        size: row.parse(|size: i64| u64::try_from(size).ok())?,
        created_at: Timestamp::from_microseconds(row.next()?),
    })
}

#[async_trait]
impl Repositories for SqlWork<'_> {
    async fn repositories(
        &mut self,
        registry: RegistryId,
        which: Which,
        last: Option<&str>,
        most: u32,
    ) -> Result<Vec<RepositoryRow>> {
        // Two statements, for only those that are shown stand in an index in this order.
        const SHOWN: &str = "
            SELECT p.id, p.path, p.created_at FROM repository p
            WHERE p.registry_id = $1 AND p.shown = 1 AND p.path > $2 ORDER BY p.path LIMIT $3";
        const ALL: &str = "
            SELECT p.id, p.path, p.created_at FROM repository p
            WHERE p.registry_id = $1 AND p.path > $2 ORDER BY p.path LIMIT $3";
        let statement = if which == Which::Shown { SHOWN } else { ALL };
        let values = [registry.0.into(), last.unwrap_or_default().into(), i64::from(most).into()];
        self.session.query(statement, &values).await?.into_iter().map(repository).collect()
    }

    async fn repository(&mut self, id: RepositoryId) -> Result<Option<RepositoryRow>> {
        const FIND: &str = "SELECT id, path, created_at FROM repository WHERE id = $1 AND shown = 1";
        self.session.query_first(FIND, &[id.0.into()]).await?.map(repository).transpose()
    }

    async fn tag_rows(&mut self, id: RepositoryId, last: Option<&str>, most: u32) -> Result<Vec<TagRow>> {
        const LIST: &str = "
            SELECT t.name, m.digest, t.updated_at FROM tag t JOIN manifest m ON m.id = t.manifest_id
            WHERE t.repository_id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3";
        let values = [id.0.into(), last.unwrap_or_default().into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(tag).collect()
    }

    async fn listed_manifests(
        &mut self,
        id: RepositoryId,
        last: Option<&Digest>,
        most: u32,
    ) -> Result<Vec<ListedManifest>> {
        const LIST: &str = "
            SELECT m.digest, m.media_type, m.artifact_type, m.subject, m.size, m.created_at FROM manifest m
            WHERE m.repository_id = $1 AND m.digest > $2 ORDER BY m.digest LIMIT $3";
        let last = last.map(Digest::to_row).unwrap_or_default();
        let values = [id.0.into(), last.as_slice().into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(listed_manifest).collect()
    }

    async fn some_manifests(&mut self, id: RepositoryId, most: u32) -> Result<Vec<Digest>> {
        const SOME: &str = "SELECT digest FROM manifest WHERE repository_id = $1 LIMIT $2";
        list::digests_of(self.session.query(SOME, &[id.0.into(), i64::from(most).into()]).await?)
    }

    async fn some_members(&mut self, id: RepositoryId, most: u32) -> Result<Vec<Digest>> {
        // In the order of the digests, as everybody takes blobs: so nobody waits for one another.
        const SOME: &str = "
            SELECT b.digest FROM blob b WHERE b.id IN
                (SELECT m.blob_id FROM repository_blob m WHERE m.repository_id = $1 LIMIT $2)
            ORDER BY b.digest";
        list::digests_of(self.session.query(SOME, &[id.0.into(), i64::from(most).into()]).await?)
    }

    async fn some_uploads(&mut self, id: RepositoryId, most: u32) -> Result<Vec<UploadRow>> {
        const SOME: &str = "
            SELECT id, repository_id, account_id, object_key, algorithm, byte_offset, hash_state, store_state,
                incarnation, version, reread_own, reread_other
            FROM upload WHERE repository_id = $1 LIMIT $2";
        self.session
            .query(SOME, &[id.0.into(), i64::from(most).into()])
            .await?
            .into_iter()
            .map(upload)
            .collect()
    }

    async fn forget_moves(&mut self, id: RepositoryId, most: u32) -> Result<u64> {
        const FORGET: &str = "
            DELETE FROM tag_history WHERE id IN
                (SELECT h.id FROM tag_history h WHERE h.repository_id = $1 LIMIT $2)";
        self.session.execute(FORGET, &[id.0.into(), i64::from(most).into()]).await
    }

    async fn remove_repository(&mut self, id: RepositoryId) -> Result<bool> {
        const HOLDS: &str = "
            SELECT p.id FROM repository p WHERE p.id = $1 AND (
                EXISTS (SELECT 1 FROM manifest m WHERE m.repository_id = $1)
                OR EXISTS (SELECT 1 FROM upload u WHERE u.repository_id = $1)
                OR EXISTS (SELECT 1 FROM repository_blob b WHERE b.repository_id = $1)
                OR EXISTS (SELECT 1 FROM tag_history h WHERE h.repository_id = $1))";
        const REMOVE: &str = "DELETE FROM repository WHERE id = $1";
        if self.session.query_first(HOLDS, &[id.0.into()]).await?.is_some() {
            return Ok(false);
        }
        Ok(self.session.execute(REMOVE, &[id.0.into()]).await? > 0)
    }
}
