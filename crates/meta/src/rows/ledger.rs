//! The audit log as it is sealed, verified, searched and forgotten.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{Digest, Result, Timestamp, hex};
use wharf_registry::{
    audit::{Hash, Head, Month},
    port::{HeadRow, Ledger, RecordRow, RecordsOf, Seal, Tail},
};

use super::{SqlWork, list};
use crate::session::{Row, Value};

/// The columns of a record.
macro_rules! columns {
    () => {
        "id, at, actor_kind, actor_id, actor_name, credential, address, request_id, action, organisation, place,
            target, digest, times, month, number, leaf"
    };
}

/// Records that are what is looked for; what an index knows of that stands once more at the end. `$1` to `$5` are what is
/// looked for, `$6` and `$7` the times, `$8` and `$9` what the page begins after. Some indexes are only for whom "times > 0" is
/// said by, which is true of all.
macro_rules! records {
    ($indexed:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM audit
            WHERE (organisation = $1 OR $1 IS NULL) AND (actor_name = $2 OR $2 IS NULL)
                AND (action = $3 OR $3 IS NULL) AND (place = $4 OR $4 IS NULL) AND (digest = $5 OR $5 IS NULL)
                AND at >= $6 AND at < $7 AND (at, id) < ($8, $9) ",
            $indexed,
            " ORDER BY at DESC, id DESC LIMIT $10"
        )
    };
}

fn hash(bytes: &[u8]) -> Option<Hash> {
    bytes.try_into().ok()
}

fn record(mut row: Row) -> Result<RecordRow> {
    Ok(RecordRow {
        id: row.next()?,
        at: Timestamp::from_microseconds(row.next()?),
        actor_kind: row.next()?,
        actor_id: row.next()?,
        actor: row.next()?,
        credential: row.next()?,
        address: row.next()?,
        request_id: row.next()?,
        action: row.next()?,
        organisation: row.next()?,
        repository: row.next()?,
        target: row.next()?,
        // One that was changed into no digest must be read, to be found.
        digest: row.next::<Option<Vec<u8>>>()?.map(|digest| {
            Digest::from_row(&digest).map_or_else(|| hex::encode(&digest), |digest| digest.to_string())
        }),
        times: row.next()?,
        seal: seal(&mut row)?,
    })
}

fn seal(row: &mut Row) -> Result<Option<Seal>> {
    let (month, number, leaf) = (row.next::<Option<i64>>()?, row.next()?, row.next::<Option<Vec<u8>>>()?);
    let (Some(month), Some(number)) = (month, number) else { return Ok(None) };
    // A leaf that is none is another one than was sealed.
    let leaf = leaf.as_deref().and_then(hash).unwrap_or_default();
    Ok(Some(Seal { month: Month::from_number(month), number, leaf }))
}

fn head(mut row: Row) -> Result<HeadRow> {
    Ok(HeadRow {
        head: Head {
            month: Month::from_number(row.next()?),
            size: row.next()?,
            root: row.parse(|root: Vec<u8>| hash(&root))?,
            previous: row.parse(|previous: Vec<u8>| hash(&previous))?,
            at: Timestamp::from_microseconds(row.next()?),
        },
        signature: row.next()?,
        peaks: row.next()?,
        exported: said(&mut row)?,
        removed: said(&mut row)?,
    })
}

/// What is said of a month: when it became so, and the signature under that.
fn said(row: &mut Row) -> Result<Option<(Timestamp, Vec<u8>)>> {
    let (at, signature) = (row.next::<Option<i64>>()?, row.next::<Option<Vec<u8>>>()?);
    Ok(at.map(|at| (Timestamp::from_microseconds(at), signature.unwrap_or_default())))
}

fn size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[async_trait]
impl Ledger for SqlWork<'_> {
    async fn unsealed(&mut self, most: u32) -> Result<Vec<RecordRow>> {
        const LIST: &str =
            concat!("SELECT ", columns!(), " FROM audit WHERE number IS NULL ORDER BY id LIMIT $1");
        self.session.query(LIST, &[i64::from(most).into()]).await?.into_iter().map(record).collect()
    }

    async fn seal(&mut self, month: Month, records: &[(i64, u64, Hash)]) -> Result<u64> {
        const SEAL: &str = "
            UPDATE audit SET month = $1, number = CAST(e.value ->> 0 AS BIGINT), leaf = unhex(e.value ->> 1)
            FROM json_each($2) e WHERE audit.id = CAST(e.key AS BIGINT) AND audit.number IS NULL";
        let places: BTreeMap<_, _> =
            records.iter().map(|(id, number, leaf)| (id, (number, hex::encode(leaf)))).collect();
        let places = list::object(&places)?;
        self.session.execute(SEAL, &[month.number().into(), places.as_str().into()]).await
    }

    async fn heads(&mut self) -> Result<Vec<HeadRow>> {
        // One for each month: a hundred years are a thousand.
        const LIST: &str = "
            SELECT month, size, root, previous, at, signature, peaks, exported_at, export, removed_at, removal
            FROM audit_head ORDER BY month";
        self.session.query(LIST, &[]).await?.into_iter().map(head).collect()
    }

    async fn put_head(&mut self, row: &HeadRow, seen: Option<u64>) -> Result<bool> {
        const FIRST: &str = "
            INSERT INTO audit_head (size, root, previous, at, signature, peaks, month)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (month) DO NOTHING";
        const NEXT: &str = "
            UPDATE audit_head SET size = $1, root = $2, previous = $3, at = $4, signature = $5, peaks = $6
            WHERE month = $7 AND size = $8";
        let Head { month, size: of, root, previous, at } = &row.head;
        let mut values: Vec<Value<'_>> = vec![
            size(*of).into(),
            root.as_slice().into(),
            previous.as_slice().into(),
            at.microseconds().into(),
            row.signature.as_slice().into(),
            row.peaks.as_slice().into(),
            month.number().into(),
        ];
        let put = match seen {
            None => self.session.execute(FIRST, &values).await?,
            Some(seen) => {
                values.push(size(seen).into());
                self.session.execute(NEXT, &values).await?
            }
        };
        Ok(put == 1)
    }

    async fn sealed_between(
        &mut self,
        from: (Month, u64),
        to: (Month, u64),
        most: u32,
    ) -> Result<Vec<RecordRow>> {
        const LIST: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM audit WHERE number IS NOT NULL AND (month, number) >= ($1, $2) AND (month, number) < ($3, $4)
            ORDER BY month, number LIMIT $5"
        );
        let values = [
            from.0.number().into(),
            size(from.1).into(),
            to.0.number().into(),
            size(to.1).into(),
            i64::from(most).into(),
        ];
        self.session.query(LIST, &values).await?.into_iter().map(record).collect()
    }

    async fn tail(&mut self, most: u32) -> Result<Tail> {
        const COUNT: &str = "
            SELECT COUNT(*), MIN(u.at) FROM
                (SELECT a.at FROM audit a WHERE a.number IS NULL ORDER BY a.id LIMIT $1) AS u";
        let Some(mut row) = self.session.query_first(COUNT, &[i64::from(most).into()]).await? else {
            return Ok(Tail::default());
        };
        let (records, since) = (row.next()?, row.next::<Option<i64>>()?);
        Ok(Tail { records, since: since.map(Timestamp::from_microseconds) })
    }

    async fn placeless(&mut self, most: u32) -> Result<Vec<i64>> {
        const LIST: &str =
            "SELECT id FROM audit WHERE number IS NOT NULL AND month IS NULL ORDER BY id LIMIT $1";
        let rows = self.session.query(LIST, &[i64::from(most).into()]).await?;
        rows.into_iter().map(|mut row| row.next()).collect()
    }

    async fn note_export(&mut self, month: Month, at: Timestamp, signature: &[u8]) -> Result<()> {
        const NOTE: &str = "UPDATE audit_head SET exported_at = $1, export = $2 WHERE month = $3";
        let values = [at.microseconds().into(), signature.into(), month.number().into()];
        self.session.execute(NOTE, &values).await.map(drop)
    }

    async fn note_removal(&mut self, month: Month, at: Timestamp, signature: &[u8]) -> Result<()> {
        const NOTE: &str = "
            UPDATE audit_head SET removed_at = $1, removal = $2 WHERE month = $3 AND exported_at IS NOT NULL";
        let values = [at.microseconds().into(), signature.into(), month.number().into()];
        self.session.execute(NOTE, &values).await.map(drop)
    }

    async fn remove_sealed(&mut self, month: Month, most: u32) -> Result<u64> {
        const REMOVE: &str = "
            DELETE FROM audit WHERE id IN
                (SELECT a.id FROM audit a WHERE a.month = $1 AND a.number IS NOT NULL ORDER BY a.number LIMIT $2)";
        self.session.execute(REMOVE, &[month.number().into(), i64::from(most).into()]).await
    }

    async fn records(&mut self, wanted: &RecordsOf) -> Result<Vec<RecordRow>> {
        const BY_DIGEST: &str = records!("AND organisation = $1 AND digest = $5");
        const BY_ACTOR: &str = records!("AND organisation = $1 AND actor_name = $2");
        const BY_ACTION: &str = records!("AND organisation = $1 AND action = $3");
        const BY_PLACE: &str = records!("AND place = $4");
        const ALL_BY_DIGEST: &str = records!("AND digest = $5 AND times > 0");
        const ALL_BY_ACTOR: &str = records!("AND actor_name = $2 AND times > 0");
        const ALL_BY_ACTION: &str = records!("AND action = $3 AND times > 0");
        const OF_ORGANISATION: &str = records!("AND organisation = $1 AND times > 0");
        const ALL: &str = records!("AND times > 0");
        let RecordsOf { organisation, actor, action, repository, digest, from, to, before, most } = wanted;
        let statement = match wanted {
            RecordsOf { organisation: Some(_), digest: Some(_), .. } => BY_DIGEST,
            RecordsOf { digest: Some(_), .. } => ALL_BY_DIGEST,
            RecordsOf { repository: Some(_), .. } => BY_PLACE,
            RecordsOf { organisation: Some(_), actor: Some(_), .. } => BY_ACTOR,
            RecordsOf { organisation: Some(_), action: Some(_), .. } => BY_ACTION,
            RecordsOf { organisation: Some(_), .. } => OF_ORGANISATION,
            RecordsOf { actor: Some(_), .. } => ALL_BY_ACTOR,
            RecordsOf { action: Some(_), .. } => ALL_BY_ACTION,
            _ => ALL,
        };
        let digest = digest.as_ref().map(Digest::to_row);
        let to = to.map_or(i64::MAX, Timestamp::microseconds);
        let (before, row) = before.map_or((i64::MAX, i64::MAX), |place| (place.at.microseconds(), place.id));
        let values = [
            organisation.as_deref().into(),
            actor.as_deref().into(),
            action.as_deref().into(),
            repository.as_deref().into(),
            digest.as_deref().into(),
            from.map_or(i64::MIN, Timestamp::microseconds).into(),
            // Where the page begins is said twice, so that an index is entered there and not at its end.
            to.min(before.saturating_add(1)).into(),
            before.into(),
            row.into(),
            i64::from(*most).into(),
        ];
        self.session.query(statement, &values).await?.into_iter().map(record).collect()
    }
}
