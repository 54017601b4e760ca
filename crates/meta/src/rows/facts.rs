//! The index of what formats read: facts, the pairs they are found by, their documents.

use async_trait::async_trait;
use wharf_core::{Digest, Error, Result, Tag, Timestamp, gate::RepositoryId};
use wharf_registry::{
    format::{Fact, FactCursor, FactSearch},
    port::{DocumentRow, FactRow, Facts, FactsOf, MOST_SHOWN_TAGS, ValuesOf},
};

use super::{SqlWork, list};
use crate::session::{Row, Value};

fn fact(mut row: Row) -> Result<FactRow> {
    let cursor = FactCursor { id: row.next()?, subject: row.next()?, sort_key: row.next()? };
    let format = row.next()?;
    let (length, attributes) =
        row.parse(|attributes: String| Some((attributes.len(), serde_json::from_str(&attributes).ok()?)))?;
    let place = row.parse(|path: String| path.parse().ok())?;
    let digest = row.parse(|digest: Vec<u8>| Digest::from_row(&digest))?;
    let created_at = Timestamp::from_microseconds(row.next()?);
    let (tags, documents): (Option<String>, Option<String>) = (row.next()?, row.next()?);
    let names = [&tags, &documents].into_iter().flatten().map(String::len).sum::<usize>();
    let (tags, documents) = (list(tags), list(documents));
    Ok(FactRow {
        cursor,
        format,
        place,
        digest,
        created_at,
        tags,
        attributes,
        size: length + names,
        documents,
    })
}

/// Names that were joined by a character none of them holds.
fn list(joined: Option<String>) -> Vec<String> {
    joined.iter().flat_map(|joined| joined.split(',')).map(str::to_owned).collect()
}

/// A statement is a literal, and says the number itself.
const _: () = assert!(MOST_SHOWN_TAGS == 100);

/// What every list of facts selects, in the order [`fact`] reads it. Of the tags, as many as `MOST_SHOWN_TAGS` says.
macro_rules! select {
    ($rest:literal) => {
        select!("", $rest)
    };
    ($with:expr, $rest:literal) => {
        concat!(
            $with,
            "SELECT f.id, f.subject, f.sort_key, f.format, f.attributes, p.path, m.digest, m.created_at,
                (SELECT string_agg(s.name, ',' ORDER BY s.name) FROM
                    (SELECT t.name FROM tag t WHERE t.manifest_id = m.id ORDER BY t.name LIMIT 100) s),
                (SELECT string_agg(d.name, ',' ORDER BY d.name) FROM fact_document d WHERE d.fact_id = f.id)
            ",
            $rest
        )
    };
}

/// The first fact of a tagged manifest whose attribute has a greater value than this.
macro_rules! first_after {
    ($value:literal) => {
        concat!(
            "(SELECT a.fact_id FROM fact_pair a JOIN fact n ON n.id = a.fact_id
              WHERE a.registry_id = $3 AND a.format = $4 AND a.name = $1 AND a.value > ",
            $value,
            " AND EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = n.manifest_id)
              ORDER BY a.value, a.subject, a.sort_key, a.fact_id LIMIT 1)"
        )
    };
}

/// The rows a fact hangs on.
#[derive(Clone, Copy)]
struct Owner {
    manifest: i64,
    registry: i64,
    repository: RepositoryId,
}

impl SqlWork<'_> {
    async fn insert_fact(&mut self, of: Owner, format: &str, new: &Fact) -> Result<()> {
        const FACT: &str = "
            INSERT INTO fact
                (manifest_id, registry_id, format, subject, sort_key, attributes, repository_id, release, listed,
                 shown_as)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
        // SQLite needs the WHERE to tell ON CONFLICT from the ON of a join.
        const PAIR: &str = "
            INSERT INTO fact_pair (registry_id, format, name, value, subject, sort_key, fact_id)
            SELECT $1, $2, e.value ->> 0, e.value ->> 1, $3, $4, $5 FROM json_each($6) e WHERE true
            ON CONFLICT DO NOTHING";
        const DOCUMENT: &str =
            "INSERT INTO fact_document (fact_id, name, media_type, payload) VALUES ($1, $2, $3, $4)";
        let Owner { manifest, registry, repository } = of;
        let attributes = serde_json::to_string(&new.attributes).map_err(Error::internal)?;
        let (subject, sort_key): (Value<'_>, Value<'_>) =
            (new.subject.as_str().into(), new.sort_key.as_slice().into());
        let release = new.release.as_ref().map(Tag::as_str);
        let values = [
            manifest.into(),
            registry.into(),
            format.into(),
            subject,
            sort_key,
            attributes.as_str().into(),
            repository.0.into(),
            release.into(),
            release.is_some().into(),
            new.shown_as.as_ref().map(Tag::as_str).into(),
        ];
        let row = self.session.query_first(FACT, &values).await?;
        let id: i64 = row.ok_or_else(|| Error::internal("a fact was not stored"))?.next()?;
        let pairs = list::object(&new.index.iter().enumerate().collect())?;
        let values = [registry.into(), format.into(), subject, sort_key, id.into(), pairs.as_str().into()];
        self.session.execute(PAIR, &values).await?;
        for document in &new.documents {
            let (name, media_type) = (document.name.into(), document.media_type.into());
            let values = [id.into(), name, media_type, document.bytes.as_slice().into()];
            self.session.execute(DOCUMENT, &values).await?;
        }
        Ok(())
    }

    /// Removes the facts of a manifest with everything that hangs on them. The names it held stay, as tombstones.
    pub(super) async fn remove_facts(&mut self, repository: RepositoryId, digest: &Digest) -> Result<()> {
        macro_rules! of_manifest {
            ($delete:literal) => {
                concat!(
                    $delete,
                    "(SELECT f.id FROM fact f JOIN manifest m ON m.id = f.manifest_id
                      WHERE m.repository_id = $1 AND m.digest = $2)"
                )
            };
        }
        const ALL: [&str; 4] = [
            of_manifest!("DELETE FROM fact_pair WHERE fact_id IN "),
            of_manifest!("DELETE FROM fact_document WHERE fact_id IN "),
            of_manifest!("DELETE FROM fact WHERE id IN "),
            "UPDATE claim SET manifest_id = NULL WHERE manifest_id =
                (SELECT m.id FROM manifest m WHERE m.repository_id = $1 AND m.digest = $2)",
        ];
        let digest = digest.to_row();
        for statement in ALL {
            self.session.execute(statement, &[repository.0.into(), digest.as_slice().into()]).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Facts for SqlWork<'_> {
    async fn insert_facts(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        (format, facts): (&str, &[Fact]),
    ) -> Result<()> {
        const FIND: &str = "
            SELECT m.id, p.registry_id FROM manifest m JOIN repository p ON p.id = m.repository_id
            WHERE m.repository_id = $1 AND m.digest = $2";
        let row = digest.to_row();
        let found = self.session.query_first(FIND, &[repository.0.into(), row.as_slice().into()]).await?;
        let mut found =
            found.ok_or_else(|| Error::internal("facts were read of a manifest that is not there"))?;
        let of = Owner { manifest: found.next()?, registry: found.next()?, repository };
        for fact in facts {
            self.insert_fact(of, format, fact).await?;
        }
        Ok(())
    }

    async fn facts_of(&mut self, repository: RepositoryId, digest: &Digest) -> Result<Vec<FactRow>> {
        const FIND: &str = select!(
            "FROM manifest m JOIN fact f ON f.manifest_id = m.id JOIN repository p ON p.id = m.repository_id
            WHERE m.repository_id = $1 AND m.digest = $2 ORDER BY f.id"
        );
        let digest = digest.to_row();
        let rows = self.session.query(FIND, &[repository.0.into(), digest.as_slice().into()]).await?;
        rows.into_iter().map(fact).collect()
    }

    async fn facts(&mut self, wanted: &FactsOf) -> Result<Vec<FactRow>> {
        const ALL: &str = select!(
            "FROM fact f JOIN manifest m ON m.id = f.manifest_id JOIN repository p ON p.id = m.repository_id
            WHERE f.registry_id = $1 AND f.format = $2 AND (f.subject, f.sort_key, f.id) > ($3, $4, $5)
                AND EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = f.manifest_id)
            ORDER BY f.subject, f.sort_key, f.id LIMIT $6"
        );
        // The first pair leads through the index in the order of the list, the others are looked up for each fact.
        const WITH: &str = select!(
            "FROM fact_pair a JOIN fact f ON f.id = a.fact_id JOIN manifest m ON m.id = f.manifest_id
                JOIN repository p ON p.id = m.repository_id
            WHERE a.registry_id = $1 AND a.format = $2 AND (a.subject, a.sort_key, a.fact_id) > ($3, $4, $5)
                AND a.name = $6 AND a.value = $7
                AND ($8 = '' OR EXISTS
                    (SELECT 1 FROM fact_pair b WHERE b.fact_id = a.fact_id AND b.name = $8 AND b.value = $9))
                AND ($10 = '' OR EXISTS
                    (SELECT 1 FROM fact_pair b WHERE b.fact_id = a.fact_id AND b.name = $10 AND b.value = $11))
                AND ($12 = '' OR EXISTS
                    (SELECT 1 FROM fact_pair b WHERE b.fact_id = a.fact_id AND b.name = $12 AND b.value = $13))
                AND EXISTS (SELECT 1 FROM tag t WHERE t.manifest_id = f.manifest_id)
            ORDER BY a.subject, a.sort_key, a.fact_id LIMIT $14"
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
        let sql = if wanted.pairs.is_empty() { ALL } else { WITH };
        if !wanted.pairs.is_empty() {
            let pairs = wanted.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            // As many as the statement has.
            const { assert!(FactSearch::MOST_PAIRS == 4) };
            for (name, value) in pairs.chain(std::iter::repeat(("", ""))).take(FactSearch::MOST_PAIRS) {
                values.extend([Value::from(name), value.into()]);
            }
        }
        values.push(i64::from(wanted.most).into());
        self.session.query(sql, &values).await?.into_iter().map(fact).collect()
    }

    async fn values(&mut self, wanted: &ValuesOf) -> Result<Vec<FactRow>> {
        // From each value's first fact straight to the next one's, past all others.
        const LIST: &str = select!(
            concat!(
                "WITH RECURSIVE found (id, value, place, bytes) AS (
                    SELECT f.id,
                        (SELECT min(b.value) FROM fact_pair b
                         WHERE b.fact_id = f.id AND b.name = $1 AND b.value > $2),
                        CAST(1 AS BIGINT), CAST(octet_length(f.attributes) AS BIGINT)
                    FROM fact f WHERE f.id = ",
                first_after!("$2"),
                " UNION ALL
                    SELECT f.id,
                        (SELECT min(b.value) FROM fact_pair b
                         WHERE b.fact_id = f.id AND b.name = $1 AND b.value > w.value),
                        w.place + 1, w.bytes + octet_length(f.attributes)
                    FROM found w JOIN fact f ON f.id = ",
                first_after!("w.value"),
                " WHERE w.place < $5 AND w.bytes <= $6
                ) "
            ),
            "FROM found w JOIN fact f ON f.id = w.id JOIN manifest m ON m.id = f.manifest_id
                JOIN repository p ON p.id = m.repository_id
            ORDER BY w.place"
        );
        let values = [
            wanted.attribute.as_str().into(),
            // Every value comes after the empty one, which no list shows.
            wanted.last.as_deref().unwrap_or_default().into(),
            wanted.registry.0.into(),
            wanted.format.as_str().into(),
            i64::from(wanted.most).into(),
            i64::try_from(wanted.most_bytes).unwrap_or(i64::MAX).into(),
        ];
        self.session.query(LIST, &values).await?.into_iter().map(fact).collect()
    }

    async fn document(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        name: &str,
    ) -> Result<Option<DocumentRow>> {
        const FIND: &str = "
            SELECT d.media_type, d.payload
            FROM manifest m JOIN fact f ON f.manifest_id = m.id JOIN fact_document d ON d.fact_id = f.id
            WHERE m.repository_id = $1 AND m.digest = $2 AND d.name = $3 ORDER BY f.id LIMIT 1";
        let digest = digest.to_row();
        let values = [repository.0.into(), digest.as_slice().into(), name.into()];
        let Some(mut row) = self.session.query_first(FIND, &values).await? else { return Ok(None) };
        Ok(Some(DocumentRow { media_type: row.next()?, bytes: row.next::<Vec<u8>>()?.into() }))
    }
}
