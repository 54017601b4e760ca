//! Tags and manifests by their age, for the rules that let them go.

use async_trait::async_trait;
use wharf_core::{
    Digest, RegistryName, RegistryPlace, Result, Timestamp,
    gate::{OrganisationId, RegistryId, RepositoryId},
};
use wharf_registry::port::{AgedManifest, AgedTag, Retention, RuleKind, RuledRegistry};

use super::{SqlWork, tenants::registry_id};
use crate::session::Row;

/// Whether nothing holds the manifest `m`. What a tag pointed to of late is where one of its moves came from.
macro_rules! loose {
    () => {
        "NOT EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = m.id)
        AND NOT EXISTS (SELECT 1 FROM manifest_edge e
            WHERE e.repository_id = m.repository_id AND e.digest = m.digest AND e.role = 'manifest')
        AND NOT EXISTS (SELECT 1 FROM tag_history h
            WHERE h.repository_id = m.repository_id AND h.from_digest = m.digest)
        AND NOT EXISTS (SELECT 1 FROM manifest s
            WHERE s.repository_id = m.repository_id AND s.digest = m.subject)"
    };
}

fn aged_tag(mut row: Row) -> Result<AgedTag> {
    Ok(AgedTag {
        tag: row.parse(|tag: String| tag.parse().ok())?,
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        since: Timestamp::from_microseconds(row.next()?),
    })
}

fn aged_manifest(mut row: Row) -> Result<AgedManifest> {
    Ok(AgedManifest {
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        since: Timestamp::from_microseconds(row.next()?),
        loose: row.next()?,
    })
}

#[async_trait]
impl Retention for SqlWork<'_> {
    async fn ruled_registries(
        &mut self,
        kind: RuleKind,
        last: RegistryId,
        most: u32,
    ) -> Result<Vec<RuledRegistry>> {
        const LIST: &str = "
            SELECT r.id, o.name, r.name FROM registry r JOIN organisation o ON o.id = r.organisation_id
            WHERE r.id IN (SELECT DISTINCT u.registry_id FROM rule u WHERE u.kind = $1 AND u.registry_id > $2
                ORDER BY u.registry_id LIMIT $3)
            ORDER BY r.id";
        let values = [kind.word().into(), last.0.into(), i64::from(most).into()];
        let registry = |mut row: Row| {
            let id = RegistryId(row.next()?);
            let organisation = row.parse(|name: String| name.parse().ok())?;
            let registry = row.parse(|name: String| name.parse().ok())?;
            Ok(RuledRegistry { id, place: RegistryPlace { organisation, registry } })
        };
        self.session.query(LIST, &values).await?.into_iter().map(registry).collect()
    }

    async fn find_registry(
        &mut self,
        organisation: OrganisationId,
        name: &RegistryName,
    ) -> Result<Option<RegistryId>> {
        registry_id(self.session, organisation, name).await
    }

    async fn tags_by_age(
        &mut self,
        repository: RepositoryId,
        last: Option<&AgedTag>,
        most: u32,
    ) -> Result<Vec<AgedTag>> {
        const LIST: &str = "
            SELECT t.name, m.digest, t.updated_at FROM tag t JOIN manifest m ON m.id = t.manifest_id
            WHERE t.repository_id = $1 AND (t.updated_at, t.name) < ($2, $3)
            ORDER BY t.updated_at DESC, t.name DESC LIMIT $4";
        let (since, name) = match last {
            Some(last) => (last.since.microseconds(), last.tag.as_str()),
            None => (i64::MAX, ""),
        };
        let values = [repository.0.into(), since.into(), name.into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(aged_tag).collect()
    }

    async fn stands(&mut self, repository: RepositoryId, seen: &AgedTag) -> Result<bool> {
        const FIND: &str = "
            SELECT t.version FROM tag t JOIN manifest m ON m.id = t.manifest_id
            WHERE t.repository_id = $1 AND t.name = $2 AND m.digest = $3 AND t.updated_at = $4";
        let digest = seen.digest.to_row();
        let values = [
            repository.0.into(),
            seen.tag.as_str().into(),
            digest.as_slice().into(),
            seen.since.microseconds().into(),
        ];
        Ok(self.session.query_first(FIND, &values).await?.is_some())
    }

    async fn manifests_by_age(
        &mut self,
        repository: RepositoryId,
        last: Option<&Digest>,
        most: u32,
    ) -> Result<Vec<AgedManifest>> {
        const LIST: &str = concat!(
            "SELECT m.digest, m.created_at, CAST(CASE WHEN ",
            loose!(),
            " THEN 1 ELSE 0 END AS BIGINT)
            FROM manifest m WHERE m.repository_id = $1 AND m.digest > $2 ORDER BY m.digest LIMIT $3"
        );
        let last = last.map(Digest::to_row).unwrap_or_default();
        let values = [repository.0.into(), last.as_slice().into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(aged_manifest).collect()
    }

    async fn is_loose(&mut self, repository: RepositoryId, digest: &Digest) -> Result<bool> {
        const FIND: &str = concat!(
            "SELECT m.id FROM manifest m WHERE m.repository_id = $1 AND m.digest = $2 AND ",
            loose!()
        );
        let digest = digest.to_row();
        Ok(self.session.query_first(FIND, &[repository.0.into(), digest.as_slice().into()]).await?.is_some())
    }
}
