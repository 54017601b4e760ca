//! Tags and their history.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{Digest, Error, Result, Tag, Timestamp, gate::RepositoryId};
use wharf_registry::port::{ManifestRow, Manifests as _, Mark, Move, MoveRow, Pages as _, Tags};

use super::{SqlWork, list, manifests::manifest};
use crate::{
    memory::Content,
    session::{Row, Value},
};

fn maybe_digest(digest: Option<Vec<u8>>) -> Option<Option<Digest>> {
    digest.map_or(Some(None), |digest| Digest::from_row(&digest).map(Some))
}

fn moved(mut row: Row) -> Result<MoveRow> {
    Ok(MoveRow {
        id: row.next()?,
        from: row.parse(maybe_digest)?,
        to: row.parse(maybe_digest)?,
        at: Timestamp::from_microseconds(row.next()?),
        by: row.next()?,
        stands: row.next()?,
    })
}

impl SqlWork<'_> {
    /// Moves the page that showed, or shows now, a fact of this format under a tag that moved.
    async fn move_shown_by(&mut self, repository: RepositoryId, format: Option<String>) -> Result<()> {
        match format {
            Some(format) => self.move_shown(repository, &format).await,
            None => Ok(()),
        }
    }

    async fn remember_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        (from, to): (Option<&Digest>, Option<&Digest>),
        mark: Mark<'_>,
    ) -> Result<()> {
        const INSERT: &str = "
            INSERT INTO tag_history (repository_id, tag, from_digest, digest, at, actor)
            VALUES ($1, $2, $3, $4, $5, $6)";
        self.session.changes(Content::Tag(repository, tag.clone()));
        let (from, to) = (from.map(Digest::to_row), to.map(Digest::to_row));
        let values = [
            repository.0.into(),
            tag.as_str().into(),
            from.as_deref().into(),
            to.as_deref().into(),
            mark.at.microseconds().into(),
            mark.by.into(),
        ];
        self.session.execute(INSERT, &values).await.map(drop)
    }
}

/// Names of tags, each a row.
fn names(rows: Vec<Row>) -> Result<Vec<Tag>> {
    rows.into_iter().map(|mut row| row.parse(|name: String| name.parse().ok())).collect()
}

impl SqlWork<'_> {
    /// The rows of a statement whose last parameter is their limit, and how many more may be read; nothing where that many
    /// are too few.
    async fn some(
        &mut self,
        statement: &'static str,
        mut values: Vec<Value<'_>>,
        left: u32,
    ) -> Result<Option<(Vec<Row>, u32)>> {
        values.push((i64::from(left) + 1).into());
        let rows = self.session.query(statement, &values).await?;
        let rest = u32::try_from(rows.len()).ok().and_then(|read| left.checked_sub(read));
        Ok(rest.map(|rest| (rows, rest)))
    }
}

#[async_trait]
impl Tags for SqlWork<'_> {
    async fn find_tagged(&mut self, repository: RepositoryId, tag: &Tag) -> Result<Option<ManifestRow>> {
        const FIND: &str = "
            SELECT m.digest, m.media_type, m.payload
            FROM tag t JOIN manifest m ON m.id = t.manifest_id
            WHERE t.repository_id = $1 AND t.name = $2";
        self.session
            .query_first(FIND, &[repository.0.into(), tag.as_str().into()])
            .await?
            .map(manifest)
            .transpose()
    }

    async fn tagged(&mut self, repository: RepositoryId, tag: &Tag) -> Result<Option<Digest>> {
        const FIND: &str = "
            SELECT m.digest FROM tag t JOIN manifest m ON m.id = t.manifest_id
            WHERE t.repository_id = $1 AND t.name = $2";
        let found = self.session.query_first(FIND, &[repository.0.into(), tag.as_str().into()]).await?;
        found.map(|mut row| row.parse(|digest: Vec<u8>| Digest::from_row(&digest))).transpose()
    }

    async fn set_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        digest: &Digest,
        mark: Mark<'_>,
    ) -> Result<Move> {
        const SET: &str = "
            INSERT INTO tag (repository_id, name, manifest_id, version, updated_at)
            SELECT m.repository_id, $1, m.id, 1, $2 FROM manifest m WHERE m.repository_id = $3 AND m.digest = $4
            ON CONFLICT (repository_id, name) DO UPDATE
                SET manifest_id = excluded.manifest_id, previous_id = tag.manifest_id,
                    updated_at = excluded.updated_at, version = tag.version + 1
                WHERE tag.manifest_id <> excluded.manifest_id
            RETURNING (SELECT m.digest FROM manifest m WHERE m.id = tag.previous_id),
                (SELECT min(f.format) FROM fact f
                 WHERE f.manifest_id IN (tag.manifest_id, tag.previous_id) AND f.shown_as = tag.name)";
        let row = digest.to_row();
        let values =
            [tag.as_str().into(), mark.at.microseconds().into(), repository.0.into(), row.as_slice().into()];
        if let Some(mut row) = self.session.query_first(SET, &values).await? {
            let from = row.parse(maybe_digest)?;
            self.move_shown_by(repository, row.next()?).await?;
            self.remember_tag(repository, tag, (from.as_ref(), Some(digest)), mark).await?;
            return Ok(from.map_or(Move::New, |_| Move::Over));
        }
        // Nothing moved because it stands so already; where the manifest is missing, nothing may be answered for it.
        match self.has_manifest(repository, digest).await? {
            true => Ok(Move::Stands),
            false => Err(Error::internal("a tag was to point to a manifest that is not there")),
        }
    }

    async fn remove_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        mark: Mark<'_>,
    ) -> Result<Option<Digest>> {
        const REMOVE: &str = "
            DELETE FROM tag WHERE repository_id = $1 AND name = $2
            RETURNING (SELECT m.digest FROM manifest m WHERE m.id = tag.manifest_id),
                (SELECT min(f.format) FROM fact f WHERE f.manifest_id = tag.manifest_id AND f.shown_as = tag.name)";
        let values = [repository.0.into(), tag.as_str().into()];
        let Some(mut row) = self.session.query_first(REMOVE, &values).await? else { return Ok(None) };
        let digest = row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?;
        self.move_shown_by(repository, row.next()?).await?;
        self.remember_tag(repository, tag, (Some(&digest), None), mark).await?;
        Ok(Some(digest))
    }

    async fn moves(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        before: Option<i64>,
        most: u32,
    ) -> Result<Vec<MoveRow>> {
        const LIST: &str = "
            SELECT h.id, h.from_digest, h.digest, h.at, h.actor,
                CAST(CASE WHEN EXISTS (SELECT 1 FROM manifest m
                    WHERE m.repository_id = h.repository_id AND m.digest = h.digest) THEN 1 ELSE 0 END AS BIGINT)
            FROM tag_history h WHERE h.repository_id = $1 AND h.tag = $2 AND h.id < $3
            ORDER BY h.id DESC LIMIT $4";
        let before = before.unwrap_or(i64::MAX);
        let values = [repository.0.into(), tag.as_str().into(), before.into(), i64::from(most).into()];
        self.session.query(LIST, &values).await?.into_iter().map(moved).collect()
    }

    async fn has_pointed(&mut self, repository: RepositoryId, tag: &Tag, digest: &Digest) -> Result<bool> {
        const FIND: &str = "
            SELECT id FROM tag_history
            WHERE repository_id = $1 AND tag = $2 AND (digest = $3 OR from_digest = $3) LIMIT 1";
        let digest = digest.to_row();
        let values = [repository.0.into(), tag.as_str().into(), digest.as_slice().into()];
        Ok(self.session.query_first(FIND, &values).await?.is_some())
    }

    async fn forget_tag_history(&mut self, before: Timestamp, most: u32) -> Result<u64> {
        const FORGET: &str = "
            DELETE FROM tag_history WHERE id IN
                (SELECT h.id FROM tag_history h WHERE h.at < $1 ORDER BY h.at LIMIT $2)";
        self.session.execute(FORGET, &[before.microseconds().into(), i64::from(most).into()]).await
    }

    async fn tags_of(&mut self, repository: RepositoryId, digest: &Digest, most: u32) -> Result<Vec<Tag>> {
        const FIND: &str = "
            SELECT t.name FROM tag t
            WHERE t.manifest_id = (SELECT m.id FROM manifest m WHERE m.repository_id = $1 AND m.digest = $2)
            ORDER BY t.name LIMIT $3";
        let digest = digest.to_row();
        let values = [repository.0.into(), digest.as_slice().into(), i64::from(most).into()];
        names(self.session.query(FIND, &values).await?)
    }

    async fn tags_above(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        last: Option<&Tag>,
        most: u32,
    ) -> Result<Vec<Tag>> {
        const FIND: &str = "
            WITH RECURSIVE above (id, digest) AS (
                SELECT m.id, m.digest FROM manifest m WHERE m.repository_id = $1 AND (m.digest = $2 OR m.id IN
                    (SELECT e.manifest_id FROM manifest_edge e WHERE e.repository_id = $1 AND e.digest = $2))
                UNION
                SELECT m.id, m.digest FROM above a
                JOIN manifest_edge e ON e.repository_id = $1 AND e.digest = a.digest
                JOIN manifest m ON m.id = e.manifest_id)
            SELECT t.name FROM tag t JOIN above a ON a.id = t.manifest_id
            WHERE t.name > $3 ORDER BY t.name LIMIT $4";
        let digest = digest.to_row();
        let last = last.map(Tag::as_str).unwrap_or_default();
        let values = [repository.0.into(), digest.as_slice().into(), last.into(), i64::from(most).into()];
        names(self.session.query(FIND, &values).await?)
    }

    async fn few_tags_above(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        most: u32,
    ) -> Result<Option<Vec<Tag>>> {
        const FIRST: &str = "
            SELECT m.id FROM manifest m WHERE m.repository_id = $1 AND m.digest = $2
            UNION ALL
            SELECT e.manifest_id FROM manifest_edge e WHERE e.repository_id = $1 AND e.digest = $2 LIMIT $3";
        const NEXT: &str = "
            SELECT e.manifest_id FROM json_each($1) k CROSS JOIN manifest m CROSS JOIN manifest_edge e
            WHERE m.id = CAST(k.key AS BIGINT) AND e.repository_id = m.repository_id AND e.digest = m.digest LIMIT $2";
        const TAGS: &str = "
            SELECT t.name FROM json_each($1) k CROSS JOIN tag t WHERE t.manifest_id = CAST(k.key AS BIGINT) LIMIT $2";
        let (digest, mut above) = (digest.to_row(), BTreeMap::<i64, u8>::new());
        let first = vec![repository.0.into(), digest.as_slice().into()];
        let Some((mut found, mut left)) = self.some(FIRST, first, most).await? else { return Ok(None) };
        // A level of indexes above the other, each manifest once.
        loop {
            let mut level = BTreeMap::new();
            for mut row in found {
                let id = row.next()?;
                if above.insert(id, 0).is_none() {
                    level.insert(id, 0);
                }
            }
            if level.is_empty() {
                break;
            }
            let level = list::object(&level)?;
            let Some(next) = self.some(NEXT, vec![level.as_str().into()], left).await? else {
                return Ok(None);
            };
            (found, left) = next;
        }
        let above = list::object(&above)?;
        let tags = self.some(TAGS, vec![above.as_str().into()], left).await?;
        tags.map(|(rows, _)| names(rows)).transpose()
    }

    async fn tags(&mut self, repository: RepositoryId, last: Option<&str>, most: u32) -> Result<Vec<String>> {
        const LIST: &str =
            "SELECT name FROM tag WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
        // No tag is empty, so all come after the empty one.
        let values = [repository.0.into(), last.unwrap_or_default().into(), i64::from(most).into()];
        let rows = self.session.query(LIST, &values).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }
}
