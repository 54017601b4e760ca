//! Pages: what is shown of what is listed, and how it was rendered.

use async_trait::async_trait;
use wharf_core::{
    Digest, RegistryPlace, Result, Timestamp,
    gate::{RegistryId, RepositoryId},
};
use wharf_registry::{
    format::FactCursor,
    port::{PageBody, PageOf, PageState, Pages, ShownOf, ShownRow},
};

use super::SqlWork;
use crate::session::{Row, Value};

/// The repository that stands for the whole registry.
const WHOLE: i64 = 0;

fn key(of: PageOf) -> [Value<'static>; 3] {
    let repository = of.repository.map_or(WHOLE, |repository| repository.0);
    [of.registry.0.into(), repository.into(), of.format.into()]
}

fn state(mut row: Row) -> Result<PageState> {
    Ok(PageState { revision: row.next()?, listed: row.next()? })
}

fn shown(mut row: Row) -> Result<ShownRow> {
    Ok(ShownRow {
        cursor: FactCursor { id: row.next()?, subject: row.next()?, sort_key: row.next()? },
        place: row.parse(|path: String| path.parse().ok())?,
        tag: row.parse(|tag: String| tag.parse().ok())?,
        digest: row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?,
        created_at: Timestamp::from_microseconds(row.next()?),
        attributes: row.next()?,
    })
}

/// What every list of what is shown selects, in the order [`shown`] reads it.
macro_rules! shown {
    ($from:literal, $rest:literal) => {
        concat!(
            "SELECT f.id, f.subject, f.sort_key, p.path, f.shown_as, m.digest, m.created_at, f.attributes
            ",
            $from,
            "JOIN tag t ON t.repository_id = f.repository_id AND t.name = f.shown_as
                    AND t.manifest_id = f.manifest_id
                JOIN manifest m ON m.id = f.manifest_id JOIN repository p ON p.id = f.repository_id
            ",
            $rest
        )
    };
}

fn body(mut row: Row) -> Result<PageBody> {
    Ok(PageBody {
        kind: row.next()?,
        encoding: row.next()?,
        media_type: row.next()?,
        etag: row.next()?,
        bytes: row.next::<Vec<u8>>()?.into(),
    })
}

#[async_trait]
impl Pages for SqlWork<'_> {
    async fn move_page(&mut self, repository: RepositoryId, format: &str, subject: &str) -> Result<()> {
        const IS_LISTED: &str = "
            SELECT f.id FROM fact f
            WHERE f.repository_id = $1 AND f.format = $2 AND f.listed = 1 LIMIT 1";
        const WAS_LISTED: &str = "
            SELECT g.listed FROM page g
            WHERE g.registry_id = (SELECT p.registry_id FROM repository p WHERE p.id = $1)
                AND g.repository_id = $1 AND g.format = $2";
        const MOVE: &str = "
            INSERT INTO page (registry_id, repository_id, format, subject, listed, revision)
            SELECT p.registry_id, p.id, $1, $2, $3, 1 FROM repository p WHERE p.id = $4
            ON CONFLICT (registry_id, repository_id, format) DO UPDATE
                SET subject = excluded.subject, listed = excluded.listed, revision = page.revision + 1";
        let of_repository = [repository.0.into(), format.into()];
        let is_listed = self.session.query_first(IS_LISTED, &of_repository).await?.is_some();
        let was_listed = self.session.query_first(WAS_LISTED, &of_repository).await?;
        let was_listed: bool = was_listed.map_or(Ok(false), |mut row| row.next())?;
        let values = [format.into(), subject.into(), is_listed.into(), repository.0.into()];
        self.session.execute(MOVE, &values).await?;
        if is_listed != was_listed {
            self.move_shown(repository, format).await?;
        }
        Ok(())
    }

    async fn move_shown(&mut self, repository: RepositoryId, format: &str) -> Result<()> {
        const MOVE: &str = "
            INSERT INTO page (registry_id, repository_id, format, subject, listed, revision)
            SELECT p.registry_id, 0, $1, '', 0, 1 FROM repository p WHERE p.id = $2
            ON CONFLICT (registry_id, repository_id, format) DO UPDATE SET revision = page.revision + 1";
        self.session.execute(MOVE, &[format.into(), repository.0.into()]).await.map(drop)
    }

    async fn shown(&mut self, wanted: &ShownOf) -> Result<Vec<ShownRow>> {
        const ALL: &str = shown!(
            "FROM fact f ",
            "WHERE f.registry_id = $1 AND f.format = $2 AND (f.subject, f.sort_key, f.id) > ($3, $4, $5)
            ORDER BY f.subject, f.sort_key, f.id LIMIT $6"
        );
        // The pair leads through its index in the order of the list.
        const WITH: &str = shown!(
            "FROM fact_pair a JOIN fact f ON f.id = a.fact_id ",
            "WHERE a.registry_id = $1 AND a.format = $2 AND (a.subject, a.sort_key, a.fact_id) > ($3, $4, $5)
                AND a.name = $6 AND a.value = $7
            ORDER BY a.subject, a.sort_key, a.fact_id LIMIT $8"
        );
        // No fact has an empty subject, so all come after this one.
        let first = FactCursor { subject: String::new(), sort_key: Vec::new(), id: 0 };
        let last = wanted.last.as_ref().unwrap_or(&first);
        let mut values: Vec<Value<'_>> = vec![
            wanted.registry.0.into(),
            wanted.format.as_str().into(),
            last.subject.as_str().into(),
            last.sort_key.as_slice().into(),
            last.id.into(),
        ];
        let sql = match &wanted.pair {
            None => ALL,
            Some((name, value)) => {
                values.extend([Value::from(name.as_str()), value.as_str().into()]);
                WITH
            }
        };
        values.push(i64::from(wanted.most).into());
        self.session.query(sql, &values).await?.into_iter().map(shown).collect()
    }

    async fn registry_place(&mut self, registry: RegistryId) -> Result<Option<RegistryPlace>> {
        const FIND: &str = "
            SELECT o.name, r.name FROM registry r JOIN organisation o ON o.id = r.organisation_id
            WHERE r.id = $1";
        let place = |mut row: Row| {
            let organisation = row.parse(|name: String| name.parse().ok())?;
            Ok(RegistryPlace { organisation, registry: row.parse(|name: String| name.parse().ok())? })
        };
        self.session.query_first(FIND, &[registry.0.into()]).await?.map(place).transpose()
    }

    async fn page(&mut self, of: PageOf) -> Result<Option<PageState>> {
        const FIND: &str = "
            SELECT g.revision, g.listed FROM page g
            WHERE g.registry_id = $1 AND g.repository_id = $2 AND g.format = $3";
        self.session.query_first(FIND, &key(of)).await?.map(state).transpose()
    }

    async fn listed_subjects(
        &mut self,
        registry: RegistryId,
        format: &str,
        (last, most): (&str, u32),
    ) -> Result<Vec<String>> {
        const LIST: &str = "
            SELECT DISTINCT g.subject FROM page g
            WHERE g.registry_id = $1 AND g.format = $2 AND g.listed = 1 AND g.repository_id > 0 AND g.subject > $3
            ORDER BY g.subject LIMIT $4";
        let values = [registry.0.into(), format.into(), last.into(), i64::from(most).into()];
        let rows = self.session.query(LIST, &values).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }

    async fn page_bodies(&mut self, of: PageOf, revision: i64) -> Result<Vec<PageBody>> {
        const FIND: &str = "
            SELECT b.kind, b.encoding, b.media_type, b.etag, b.payload FROM page_body b
            WHERE b.registry_id = $1 AND b.repository_id = $2 AND b.format = $3 AND b.revision = $4
            ORDER BY b.kind, b.encoding";
        let values: Vec<Value<'_>> = key(of).into_iter().chain([revision.into()]).collect();
        self.session.query(FIND, &values).await?.into_iter().map(body).collect()
    }

    async fn keep_bodies(&mut self, of: PageOf, revision: i64, bodies: &[PageBody]) -> Result<bool> {
        const FORGET: &str =
            "DELETE FROM page_body WHERE registry_id = $1 AND repository_id = $2 AND format = $3";
        const KEEP: &str = "
            INSERT INTO page_body
                (registry_id, repository_id, format, kind, encoding, revision, media_type, etag, payload)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let standing = self.page(of).await?;
        if standing.is_none_or(|state| state.revision != revision) {
            return Ok(false);
        }
        let key = key(of);
        self.session.execute(FORGET, &key).await?;
        for body in bodies {
            let own = [
                body.kind.as_str().into(),
                body.encoding.as_str().into(),
                revision.into(),
                body.media_type.as_str().into(),
                body.etag.as_str().into(),
                body.bytes.as_ref().into(),
            ];
            let values: Vec<Value<'_>> = key.into_iter().chain(own).collect();
            self.session.execute(KEEP, &values).await?;
        }
        Ok(true)
    }
}
