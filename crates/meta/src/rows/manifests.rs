//! Manifests and the edges to what they name.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{
    Digest, Page, Result, Timestamp,
    gate::RepositoryId,
    hex,
    manifest::{Descriptor, Manifest, Role},
};
use wharf_registry::port::{ManifestRow, Manifests, NewManifest, ReferrerRow, ReferrersOf};

use super::{SqlWork, list, usage::count_manifest};
use crate::{
    memory::Content,
    session::{Row, Value},
};

pub(super) fn manifest(mut row: Row) -> Result<ManifestRow> {
    Ok(ManifestRow {
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        media_type: row.parse(|media_type: String| media_type.parse().ok())?,
        bytes: row.next::<Vec<u8>>()?.into(),
    })
}

impl SqlWork<'_> {
    async fn insert_edges(
        &mut self,
        (manifest, repository): (i64, RepositoryId),
        new: &NewManifest,
    ) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO manifest_edge (manifest_id, repository_id, position, role, digest, size)
            SELECT $1, $2, CAST(e.key AS BIGINT), e.value ->> 0, unhex(e.value ->> 1), CAST(e.value ->> 2 AS BIGINT)
            FROM json_each($3) e";
        let edges = edges(&new.manifest);
        if edges.is_empty() {
            return Ok(());
        }
        let edges = list::object(&edges)?;
        self.session
            .execute(INSERT, &[manifest.into(), repository.0.into(), edges.as_str().into()])
            .await
            .map(drop)
    }
}

/// The edges to what a manifest names, by their positions.
fn edges(manifest: &Manifest) -> BTreeMap<usize, (&'static str, String, i64)> {
    let edge = |(position, role, descriptor): (usize, Role, &Descriptor)| {
        let as_written = || descriptor.digest.clone().into_bytes();
        let digest = descriptor.digest().map_or_else(as_written, |digest| digest.to_row());
        let size = i64::try_from(descriptor.size).unwrap_or(i64::MAX);
        (position, (role.word(), hex::encode(&digest), size))
    };
    manifest.contents().map(edge).collect()
}

/// A statement over the manifests that are about another one: what is selected, which of them, where a page begins.
macro_rules! of_subject {
    ($columns:literal, $which:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM manifest WHERE repository_id = $1 AND subject = $2 ",
            $which,
            " AND ",
            $rest
        )
    };
}

/// The digests that fit on a page, of rows of a digest and a size: at least one, if there may be any.
fn fitting(sizes: Vec<Row>, wanted: &ReferrersOf) -> Result<Vec<Vec<u8>>> {
    let (mut fitting, mut bytes) = (Vec::new(), 0_u64);
    for mut row in sizes.into_iter().take(wanted.most as usize) {
        let digest = row.next()?;
        bytes = bytes.saturating_add(row.next()?);
        if bytes > wanted.most_bytes && !fitting.is_empty() {
            break;
        }
        fitting.push(digest);
    }
    Ok(fitting)
}

fn referrer(mut row: Row) -> Result<ReferrerRow> {
    Ok(ReferrerRow {
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        media_type: row.parse(|media_type: String| media_type.parse().ok())?,
        size: row.next()?,
        artifact_type: row.next()?,
        annotations: row.next()?,
    })
}

#[async_trait]
impl Manifests for SqlWork<'_> {
    async fn referrers(&mut self, wanted: &ReferrersOf) -> Result<Page<ReferrerRow>> {
        // How long the annotations are both databases know without reading them.
        const SIZES: &str = of_subject!(
            "digest, CAST(coalesce(octet_length(annotations), 0) AS BIGINT)",
            "",
            "digest > $3 ORDER BY digest LIMIT $4"
        );
        const SIZES_OF_TYPE: &str = of_subject!(
            "digest, CAST(coalesce(octet_length(annotations), 0) AS BIGINT)",
            "AND coalesce(artifact_type, '') = $3",
            "digest > $4 ORDER BY digest LIMIT $5"
        );
        const ROWS: &str = of_subject!(
            "digest, media_type, size, artifact_type, annotations",
            "",
            "digest > $3 AND digest <= $4 ORDER BY digest"
        );
        const ROWS_OF_TYPE: &str = of_subject!(
            "digest, media_type, size, artifact_type, annotations",
            "AND coalesce(artifact_type, '') = $3",
            "digest > $4 AND digest <= $5 ORDER BY digest"
        );
        let subject = wanted.subject.to_row();
        let mut values: Vec<Value<'_>> = vec![wanted.repository.0.into(), subject.as_slice().into()];
        values.extend(wanted.artifact_type.as_deref().map(Value::from));
        // No digest is empty, so all come after the empty one.
        let last = wanted.last.as_ref().map(Digest::to_row).unwrap_or_default();
        values.push(last.as_slice().into());
        let (sizes, rows) = match wanted.artifact_type {
            None => (SIZES, ROWS),
            Some(_) => (SIZES_OF_TYPE, ROWS_OF_TYPE),
        };
        let one_more = [i64::from(wanted.most).saturating_add(1).into()];
        let sizes = self.session.query(sizes, &[values.as_slice(), &one_more].concat()).await?;
        let (count, fitting) = (sizes.len(), fitting(sizes, wanted)?);
        let Some(end) = fitting.last() else { return Ok(Page { entries: Vec::new(), more: count > 0 }) };
        values.push(end.as_slice().into());
        let entries = self.session.query(rows, &values).await?.into_iter().map(referrer);
        Ok(Page { entries: entries.collect::<Result<_>>()?, more: fitting.len() < count })
    }

    async fn find_manifest(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Option<ManifestRow>> {
        const FIND: &str =
            "SELECT digest, media_type, payload FROM manifest WHERE repository_id = $1 AND digest = $2";
        let digest = digest.to_row();
        self.session
            .query_first(FIND, &[repository.0.into(), digest.as_slice().into()])
            .await?
            .map(manifest)
            .transpose()
    }

    async fn has_manifest(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        const FIND: &str = "SELECT id FROM manifest WHERE repository_id = $1 AND digest = $2";
        let digest = digest.to_row();
        Ok(self.session.query_first(FIND, &[repository.0.into(), digest.as_slice().into()]).await?.is_some())
    }

    async fn known_manifests(&mut self, repository: RepositoryId, digests: &[Digest]) -> Result<Vec<Digest>> {
        const FIND: &str = "
            SELECT m.digest FROM json_each($1) e CROSS JOIN manifest m
            WHERE m.digest = unhex(e.key) AND m.repository_id = $2";
        if digests.is_empty() {
            return Ok(Vec::new());
        }
        let digests = list::digests(digests)?;
        list::digests_of(self.session.query(FIND, &[digests.as_str().into(), repository.0.into()]).await?)
    }

    async fn insert_manifest(
        &mut self,
        repository: RepositoryId,
        new: &NewManifest,
        now: Timestamp,
    ) -> Result<bool> {
        const INSERT: &str = "
            INSERT INTO manifest (repository_id, digest, media_type, artifact_type, subject, size,
                created_at, annotations, payload)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (repository_id, digest) DO NOTHING
            RETURNING id";
        let (digest, size) = (new.digest.to_row(), i64::try_from(new.bytes.len()).unwrap_or(i64::MAX));
        let subject = new.manifest.subject.as_ref().and_then(|subject| subject.digest()).map(|d| d.to_row());
        let values = [
            repository.0.into(),
            digest.as_slice().into(),
            new.manifest.media_type.as_str().into(),
            new.manifest.artifact_type.as_deref().into(),
            subject.as_deref().into(),
            size.into(),
            now.microseconds().into(),
            new.annotations.as_deref().into(),
            new.bytes.as_ref().into(),
        ];
        let Some(mut row) = self.session.query_first(INSERT, &values).await? else { return Ok(false) };
        let id = row.next()?;
        self.insert_edges((id, repository), new).await?;
        count_manifest(self.session, repository, (id, size)).await?;
        Ok(true)
    }

    async fn remove_manifest(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        const EDGES: &str = "
            DELETE FROM manifest_edge
            WHERE manifest_id IN (SELECT id FROM manifest WHERE repository_id = $1 AND digest = $2)";
        const MANIFEST: &str =
            "DELETE FROM manifest WHERE repository_id = $1 AND digest = $2 RETURNING id, size";
        self.session.changes(Content::Manifest(repository, *digest));
        self.remove_facts(repository, digest).await?;
        let digest = digest.to_row();
        let values = [repository.0.into(), digest.as_slice().into()];
        self.session.execute(EDGES, &values).await?;
        let Some(mut row) = self.session.query_first(MANIFEST, &values).await? else { return Ok(false) };
        let (id, size): (i64, i64) = (row.next()?, row.next()?);
        count_manifest(self.session, repository, (id, -size)).await?;
        Ok(true)
    }
}
