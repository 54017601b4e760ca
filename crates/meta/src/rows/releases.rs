//! Releases: which facts are listed together, and whose their names are.

use async_trait::async_trait;
use wharf_core::{
    Digest, Place, Result, Tag, Timestamp,
    gate::{RegistryId, RepositoryId},
};
use wharf_registry::{
    format::{Claim, Pair},
    port::{BesideRow, DocumentRow, Held, ListedOf, ListedRow, Releases},
};

use super::SqlWork;
use crate::session::{Row, Value};

fn listed(mut row: Row) -> Result<ListedRow> {
    Ok(ListedRow {
        id: row.next()?,
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        media_type: row.next()?,
        size: row.next()?,
        created_at: Timestamp::from_microseconds(row.next()?),
        release: row.next()?,
        subject: row.next()?,
        attributes: row.next()?,
    })
}

/// What every list selects, in the order [`listed`] reads it.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT f.id, m.digest, m.media_type, m.size, m.created_at, f.release, f.subject, f.attributes ",
            $rest
        )
    };
}

fn found_by<'a>((registry, repository): (RegistryId, RepositoryId), pair: &Pair<'a>) -> [Value<'a>; 5] {
    [registry.0.into(), pair.format.into(), pair.name.into(), pair.value.into(), repository.0.into()]
}

#[async_trait]
impl Releases for SqlWork<'_> {
    async fn list_facts(&mut self, repository: RepositoryId, digest: &Digest, release: &Tag) -> Result<()> {
        const LIST: &str = "
            UPDATE fact SET listed = 1 WHERE release = $1 AND listed = 0 AND manifest_id =
                (SELECT m.id FROM manifest m WHERE m.repository_id = $2 AND m.digest = $3)";
        let digest = digest.to_row();
        let values = [release.as_str().into(), repository.0.into(), digest.as_slice().into()];
        self.session.execute(LIST, &values).await.map(drop)
    }

    async fn unlist(&mut self, repository: RepositoryId, release: &Tag) -> Result<Vec<(String, String)>> {
        const FIND: &str = "
            SELECT DISTINCT f.format, f.subject FROM fact f
            WHERE f.repository_id = $1 AND f.release = $2 AND f.listed = 1 ORDER BY f.format, f.subject";
        const UNLIST: &str = "UPDATE fact SET listed = 0 WHERE repository_id = $1 AND release = $2";
        let values = [repository.0.into(), release.as_str().into()];
        let rows = self.session.query(FIND, &values).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.session.execute(UNLIST, &values).await?;
        rows.into_iter().map(|mut row| Ok((row.next()?, row.next()?))).collect()
    }

    async fn listed(&mut self, wanted: ListedOf<'_>) -> Result<Vec<ListedRow>> {
        const ALL: &str = select!(
            "FROM fact f JOIN manifest m ON m.id = f.manifest_id
            WHERE f.repository_id = $1 AND f.format = $2 AND f.listed = 1 AND (f.release, f.id) > ($3, $4)
            ORDER BY f.release, f.id LIMIT $5"
        );
        const OF_RELEASE: &str = select!(
            "FROM fact f JOIN manifest m ON m.id = f.manifest_id
            WHERE f.repository_id = $1 AND f.format = $2 AND f.listed = 1 AND f.release = $3 AND f.id > $4
            ORDER BY f.id LIMIT $5"
        );
        let ListedOf { repository, format, release, last, most } = wanted;
        // No tag is empty, so all releases come after this one.
        let (behind, id) = last.map_or(("", 0), |last| (last.release.as_str(), last.id));
        let (statement, release) = match release {
            None => (ALL, behind),
            Some(release) => (OF_RELEASE, release.as_str()),
        };
        let values = [repository.0.into(), format.into(), release.into(), id.into(), i64::from(most).into()];
        self.session.query(statement, &values).await?.into_iter().map(listed).collect()
    }

    async fn first_listed(
        &mut self,
        repository: RepositoryId,
        format: &str,
        release: Option<&Tag>,
    ) -> Result<Option<ListedRow>> {
        const ANY: &str = select!(
            "FROM fact f JOIN manifest m ON m.id = f.manifest_id
            WHERE f.repository_id = $1 AND f.format = $2 AND f.listed = 1 LIMIT 1"
        );
        const OF_RELEASE: &str = select!(
            "FROM fact f JOIN manifest m ON m.id = f.manifest_id
            WHERE f.repository_id = $1 AND f.format = $2 AND f.release = $3 AND f.listed = 1 LIMIT 1"
        );
        let any: [Value<'_>; 2] = [repository.0.into(), format.into()];
        let row = match release {
            None => self.session.query_first(ANY, &any).await?,
            Some(release) => {
                let [repository, format] = any;
                self.session.query_first(OF_RELEASE, &[repository, format, release.as_str().into()]).await?
            }
        };
        row.map(listed).transpose()
    }

    async fn beside(
        &mut self,
        repository: RepositoryId,
        format: &str,
        (last, most): (i64, u32),
    ) -> Result<Vec<BesideRow>> {
        const LIST: &str = "
            SELECT f.id, f.attributes FROM fact f
            WHERE f.repository_id = $1 AND f.format = $2 AND f.release IS NULL AND f.id > $3
            ORDER BY f.id LIMIT $4";
        let values = [repository.0.into(), format.into(), last.into(), i64::from(most).into()];
        let beside = |mut row: Row| Ok(BesideRow { id: row.next()?, attributes: row.next()? });
        self.session.query(LIST, &values).await?.into_iter().map(beside).collect()
    }

    async fn beside_of(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<(String, String)>> {
        const FIND: &str = "
            SELECT DISTINCT f.format, f.subject FROM manifest m JOIN fact f ON f.manifest_id = m.id
            WHERE m.repository_id = $1 AND m.digest = $2 AND f.release IS NULL ORDER BY f.format, f.subject";
        let digest = digest.to_row();
        let rows = self.session.query(FIND, &[repository.0.into(), digest.as_slice().into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.next()?, row.next()?))).collect()
    }

    async fn documents_beside(
        &mut self,
        at: (RegistryId, RepositoryId),
        pair: &Pair<'_>,
        (name, most): (&str, u32),
    ) -> Result<Vec<(String, DocumentRow)>> {
        const FIND: &str = "
            SELECT f.attributes, d.media_type, d.payload
            FROM fact_pair a JOIN fact f ON f.id = a.fact_id JOIN fact_document d ON d.fact_id = f.id
            WHERE a.registry_id = $1 AND a.format = $2 AND a.name = $3 AND a.value = $4
                AND f.repository_id = $5 AND f.release IS NULL AND d.name = $6 ORDER BY f.id LIMIT $7";
        let found_by = found_by(at, pair);
        let rest = [name.into(), i64::from(most).into()];
        let values: Vec<Value<'_>> = found_by.into_iter().chain(rest).collect();
        let document = |mut row: Row| {
            let attributes = row.next()?;
            Ok((attributes, DocumentRow { media_type: row.next()?, bytes: row.next::<Vec<u8>>()?.into() }))
        };
        self.session.query(FIND, &values).await?.into_iter().map(document).collect()
    }

    async fn listings_of(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<(String, String, Tag)>> {
        const FIND: &str = "
            SELECT DISTINCT f.format, f.subject, f.release FROM manifest m JOIN fact f ON f.manifest_id = m.id
            WHERE m.repository_id = $1 AND m.digest = $2 AND f.listed = 1
            ORDER BY f.format, f.subject, f.release";
        let digest = digest.to_row();
        let rows = self.session.query(FIND, &[repository.0.into(), digest.as_slice().into()]).await?;
        let read =
            |mut row: Row| Ok((row.next()?, row.next()?, row.parse(|release: String| release.parse().ok())?));
        rows.into_iter().map(read).collect()
    }

    async fn find_listed(
        &mut self,
        at: (RegistryId, RepositoryId),
        pair: &Pair<'_>,
    ) -> Result<Option<ListedRow>> {
        const FIND: &str = select!(
            "FROM fact_pair a JOIN fact f ON f.id = a.fact_id JOIN manifest m ON m.id = f.manifest_id
            WHERE a.registry_id = $1 AND a.format = $2 AND a.name = $3 AND a.value = $4
                AND f.repository_id = $5 AND f.listed = 1 ORDER BY f.id LIMIT 1"
        );
        self.session.query_first(FIND, &found_by(at, pair)).await?.map(listed).transpose()
    }

    async fn find_document(
        &mut self,
        at: (RegistryId, RepositoryId),
        pair: &Pair<'_>,
        name: &str,
    ) -> Result<Option<DocumentRow>> {
        const FIND: &str = "
            SELECT d.media_type, d.payload
            FROM fact_pair a JOIN fact f ON f.id = a.fact_id JOIN fact_document d ON d.fact_id = f.id
            WHERE a.registry_id = $1 AND a.format = $2 AND a.name = $3 AND a.value = $4
                AND f.repository_id = $5 AND f.listed = 1 AND d.name = $6 ORDER BY f.id LIMIT 1";
        let found_by = found_by(at, pair);
        let values: Vec<Value<'_>> = found_by.into_iter().chain([name.into()]).collect();
        let Some(mut row) = self.session.query_first(FIND, &values).await? else { return Ok(None) };
        Ok(Some(DocumentRow { media_type: row.next()?, bytes: row.next::<Vec<u8>>()?.into() }))
    }

    async fn hold(&mut self, repository: RepositoryId, manifest: &Digest, claim: &Claim) -> Result<Held> {
        const HOLD: &str = "
            INSERT INTO claim (path, kind, name, digest, manifest_id)
            SELECT p.path, $1, $2, $3, m.id FROM manifest m JOIN repository p ON p.id = m.repository_id
            WHERE m.repository_id = $4 AND m.digest = $5
            ON CONFLICT (path, kind, name) DO UPDATE
                SET manifest_id = coalesce(claim.manifest_id, excluded.manifest_id)
                WHERE claim.digest = excluded.digest";
        const WHO: &str = "
            SELECT c.manifest_id FROM claim c
            WHERE c.path = (SELECT p.path FROM repository p WHERE p.id = $1) AND c.kind = $2 AND c.name = $3";
        let (digest, manifest) = (claim.digest.to_row(), manifest.to_row());
        let (kind, name): (Value<'_>, Value<'_>) = (claim.kind.into(), claim.name.as_str().into());
        let values = [kind, name, digest.as_slice().into(), repository.0.into(), manifest.as_slice().into()];
        if self.session.execute(HOLD, &values).await? > 0 {
            return Ok(Held::Free);
        }
        let row = self.session.query_first(WHO, &[repository.0.into(), kind, name]).await?;
        let holder: Option<i64> = row.map(|mut row| row.next()).transpose()?.flatten();
        Ok(if holder.is_some() { Held::Taken } else { Held::Buried })
    }

    async fn was_held(&mut self, place: &Place) -> Result<bool> {
        const FIND: &str = "SELECT c.name FROM claim c WHERE c.path = $1 LIMIT 1";
        let path = place.to_string();
        Ok(self.session.query_first(FIND, &[path.as_str().into()]).await?.is_some())
    }
}
