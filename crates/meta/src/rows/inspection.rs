//! Looking at everything there is, in pages.

use async_trait::async_trait;
use wharf_core::{Digest, ObjectKey, Result, manifest::Role};
use wharf_registry::port::{InspectedBlob, InspectedManifest, Inspection};

use super::{SqlWork, blobs::read_blob, list, registries::RegistrySettings};
use crate::session::Row;

impl SqlWork<'_> {
    /// A manifest's edges: how many, and which lead nowhere. One of an algorithm that is not served is not looked for.
    async fn inspect_edges(&mut self, manifest: i64) -> Result<(u64, Vec<(&'static str, Digest)>)> {
        const LIST: &str = "
            SELECT e.role, e.digest, CAST(CASE
                WHEN e.role = 'manifest' AND EXISTS (SELECT 1 FROM manifest f
                    WHERE f.repository_id = e.repository_id AND f.digest = e.digest) THEN 1
                WHEN e.role <> 'manifest' AND EXISTS (SELECT 1 FROM repository_blob m
                    JOIN blob b ON b.id = m.blob_id
                    WHERE m.repository_id = e.repository_id AND b.digest = e.digest) THEN 1
                ELSE 0 END AS BIGINT)
            FROM manifest_edge e WHERE e.manifest_id = $1 ORDER BY e.position";
        let rows = self.session.query(LIST, &[manifest.into()]).await?;
        let (edges, mut missing) = (rows.len() as u64, Vec::new());
        for mut row in rows {
            let role = row.parse(|word: String| {
                [Role::Config, Role::Layer, Role::Manifest].into_iter().find(|role| role.word() == word)
            })?;
            let (digest, there): (Vec<u8>, bool) = (row.next()?, row.next()?);
            if !there {
                missing.extend(Digest::from_row(&digest).map(|digest| (role.word(), digest)));
            }
        }
        Ok((edges, missing))
    }
}

fn manifest(mut row: Row) -> Result<InspectedManifest> {
    Ok(InspectedManifest {
        id: row.next()?,
        path: row.next()?,
        accepts_missing_content: RegistrySettings::parse(&row.next::<String>()?)?.accepts_missing_content(),
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        media_type: row.next()?,
        bytes: row.next::<Vec<u8>>()?.into(),
        edges: 0,
        missing: Vec::new(),
    })
}

#[async_trait]
impl Inspection for SqlWork<'_> {
    async fn blobs_after(&mut self, last: Option<&Digest>, most: u32) -> Result<Vec<InspectedBlob>> {
        const LIST: &str = "
            SELECT b.digest, b.size, b.object_key, CAST(CASE WHEN EXISTS
                (SELECT 1 FROM repository_blob m WHERE m.blob_id = b.id) THEN 1 ELSE 0 END AS BIGINT)
            FROM blob b WHERE b.digest > $1 ORDER BY b.digest LIMIT $2";
        let last = last.map(Digest::to_row).unwrap_or_default();
        let rows = self.session.query(LIST, &[last.as_slice().into(), i64::from(most).into()]).await?;
        let blob = |mut row: Row| Ok(InspectedBlob { blob: read_blob(&mut row)?, held: row.next()? });
        rows.into_iter().map(blob).collect()
    }

    async fn bytes_after(&mut self, last: Option<&Digest>) -> Result<u64> {
        const SUM: &str = "SELECT CAST(coalesce(sum(b.size), 0) AS BIGINT) FROM blob b WHERE b.digest > $1";
        let last = last.map(Digest::to_row).unwrap_or_default();
        let found = self.session.query_first(SUM, &[last.as_slice().into()]).await?;
        found.map_or(Ok(0), |mut row| row.next())
    }

    async fn find_key(&mut self, digest: &Digest) -> Result<Option<ObjectKey>> {
        let (find, digest) = ("SELECT object_key FROM blob WHERE digest = $1", digest.to_row());
        let found = self.session.query_first(find, &[digest.as_slice().into()]).await?;
        found.map(|mut row| row.parse(|key: Vec<u8>| ObjectKey::from_row(&key))).transpose()
    }

    async fn is_held(&mut self, digest: &Digest) -> Result<bool> {
        const FIND: &str = "
            SELECT b.id FROM blob b WHERE b.digest = $1
                AND NOT EXISTS (SELECT 1 FROM repository_blob m WHERE m.blob_id = b.id)";
        let digest = digest.to_row();
        Ok(self.session.query_first(FIND, &[digest.as_slice().into()]).await?.is_none())
    }

    async fn manifests_after(&mut self, last: i64, most: u32) -> Result<Vec<InspectedManifest>> {
        const LIST: &str = "
            SELECT f.id, p.path, r.settings, f.digest, f.media_type, f.payload
            FROM manifest f
            JOIN repository p ON p.id = f.repository_id
            JOIN registry r ON r.id = p.registry_id
            WHERE f.id > $1 ORDER BY f.id LIMIT $2";
        let rows = self.session.query(LIST, &[last.into(), i64::from(most).into()]).await?;
        let mut manifests = Vec::with_capacity(rows.len());
        for row in rows {
            let manifest = manifest(row)?;
            let (edges, missing) = self.inspect_edges(manifest.id).await?;
            manifests.push(InspectedManifest { edges, missing, ..manifest });
        }
        Ok(manifests)
    }

    async fn unknown_objects(&mut self, keys: &[ObjectKey]) -> Result<Vec<ObjectKey>> {
        const FIND: &str = "
            SELECT unhex(e.key) FROM json_each($1) e
            WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.object_key = unhex(e.key))
                AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.object_key = unhex(e.key))
                AND NOT EXISTS (SELECT 1 FROM condemned_object o WHERE o.object_key = unhex(e.key))
            ORDER BY e.key";
        let keys = list::object_keys(keys)?;
        list::object_keys_of(self.session.query(FIND, &[keys.as_str().into()]).await?)
    }

    async fn tags_that_need(&mut self, digest: &Digest, most: u32) -> Result<Vec<String>> {
        const FIND: &str = "
            WITH RECURSIVE needing (repository_id, manifest_id, digest) AS (
                SELECT f.repository_id, f.id, f.digest
                FROM blob b
                JOIN repository_blob m ON m.blob_id = b.id
                JOIN manifest_edge e ON e.repository_id = m.repository_id AND e.digest = b.digest
                JOIN manifest f ON f.id = e.manifest_id
                WHERE b.digest = $1
                UNION
                SELECT f.repository_id, f.id, f.digest
                FROM needing n
                JOIN manifest_edge e ON e.repository_id = n.repository_id AND e.digest = n.digest
                JOIN manifest f ON f.id = e.manifest_id)
            SELECT DISTINCT p.path, t.name
            FROM needing n
            JOIN tag t ON t.manifest_id = n.manifest_id
            JOIN repository p ON p.id = n.repository_id
            ORDER BY p.path, t.name LIMIT $2";
        let digest = digest.to_row();
        let rows = self.session.query(FIND, &[digest.as_slice().into(), i64::from(most).into()]).await?;
        let tag = |mut row: Row| {
            let (path, name): (String, String) = (row.next()?, row.next()?);
            Ok(format!("{path}:{name}"))
        };
        rows.into_iter().map(tag).collect()
    }
}
