//! Filling the stores: rows, bytes, and a look at all of them in the end.

use std::collections::BTreeMap;

use async_trait::async_trait;
use wharf_core::{Algorithm, Digest, Error, Kind, Result};
use wharf_hash::Hasher;
use wharf_registry::{
    Finding, Inspector, Registry, Repair, Verification,
    port::{BlobRow, BlobWriter, Ended, StoreState, Unfinished},
};

use super::{
    super::{
        archive::{Archive, Summary},
        blob_file::Reading,
        blocking,
        rows::RowsReader,
    },
    Start,
};
use crate::{
    control::{Outcome, Progress, Step, Unit, Verdict},
    verify::in_words,
    wiring::Stores,
};

/// A restore at work.
pub(super) struct Filling {
    pub(super) archive: Archive,
    pub(super) summary: Summary,
    pub(super) stores: Stores,
    pub(super) start: Start,
    pub(super) progress: Progress,
    pub(super) registry: Registry,
    pub(super) tally: Tally,
}

/// How far it is.
#[derive(Default)]
pub(super) struct Tally {
    rows: u64,
    blobs: u64,
    /// Of the blobs that were brought, and then once more of all that was read again.
    bytes: u64,
    what: &'static str,
    findings: u64,
    /// Those that the source did not know of.
    ours: u64,
}

impl Filling {
    /// All rows, and then as many of each table as there were.
    pub(super) async fn rows(&mut self) -> Result<()> {
        let (total, mut loaded) = (self.summary.tables.values().sum(), BTreeMap::new());
        let mut reader = self.reader().await?;
        loop {
            let (next, batch) = blocking(move || reader.next().map(|batch| (reader, batch))).await?;
            let Some(batch) = batch else { break };
            reader = next;
            self.tally.rows += batch.rows.len() as u64;
            *loaded.entry(batch.table.name).or_insert(0) += batch.rows.len() as u64;
            self.stores.database.load(batch.table, batch.rows).await?;
            let (what, done) = ("restoring rows".to_owned(), self.tally.rows);
            self.progress.step(Step { what, done, total: Some(total), unit: Unit::Rows })?;
        }
        for (table, expected) in &self.summary.tables {
            let count = loaded.get(table.as_str()).copied().unwrap_or_default();
            if count != *expected {
                let message =
                    format!("{count} rows of {table} were restored, and the backup tells of {expected}");
                return Err(Error::new(Kind::Invalid, message));
            }
        }
        Ok(())
    }

    async fn reader(&self) -> Result<RowsReader> {
        let path = self.archive.rows(&self.summary.rows.name);
        blocking(move || RowsReader::open(&path)).await
    }

    /// All bytes, but for blobs of which the backup has no right ones.
    pub(super) async fn blobs(&mut self) -> Result<()> {
        self.tally.what = "restoring blobs";
        let mut reader = self.reader().await?;
        loop {
            let (next, batch) = blocking(move || reader.next().map(|batch| (reader, batch))).await?;
            let Some(batch) = batch else { return Ok(()) };
            reader = next;
            for row in &batch.rows {
                let Some(blob) = batch.table.blob_of(row)? else { continue };
                let before = self.tally.bytes;
                let there = self.start == Start::Again && self.is_right(&blob).await?;
                self.tally.blobs += u64::from(there || self.put(&blob).await?);
                self.tally.bytes = before + blob.size;
                self.step()?;
            }
        }
    }

    /// Reads everything again where it lies now. What is found was so at the source, if the storage keeps what it is
    /// given.
    pub(super) async fn verify(&mut self) -> Result<()> {
        (self.tally.what, self.tally.bytes) = ("verifying", 0);
        let how = Verification { after: None, repair: Repair::Not };
        self.registry.clone().verify(&how, self).await.map(drop)
    }

    async fn is_right(&mut self, blob: &BlobRow) -> Result<bool> {
        self.registry.clone().is_right(blob, self).await
    }

    fn step(&self) -> Result<()> {
        let (what, done) = (self.tally.what.to_owned(), self.tally.bytes);
        let total = Some(self.summary.bytes.max(done));
        self.progress.step(Step { what, done, total, unit: Unit::Bytes })
    }

    /// Brings a blob; false where the backup has no right bytes of it.
    async fn put(&mut self, blob: &BlobRow) -> Result<bool> {
        let (archive, digest, size) = (self.archive.clone(), blob.digest, blob.size);
        let found = blocking(move || Reading::open(&archive, &digest, size)).await?;
        let Some(reading) = found else { return Ok(false) };
        let store = self.stores.blobs();
        if self.start == Start::Again {
            store.remove(blob.key).await?;
        }
        let mut writer = store.write_from(blob.key, &StoreState::new(), 0).await?;
        if self.pour(reading, writer.as_mut(), digest.algorithm()).await? != digest {
            drop(writer);
            store.remove(blob.key).await?;
            return Ok(false);
        }
        // Nobody else writes to this object, so no row needs to know what a bucket is about to end.
        writer.prepare().await?;
        match writer.finish().await {
            Ok(Ended::Surely) => Ok(true),
            Ok(Ended::Perhaps) => self.is_right(blob).await,
            Err(Unfinished::Kept(error) | Unfinished::Lost(error)) => Err(error),
        }
    }

    /// Pours a blob of the backup into an object; says which digest its bytes have.
    async fn pour(
        &mut self,
        mut from: Reading,
        into: &mut dyn BlobWriter,
        algorithm: Algorithm,
    ) -> Result<Digest> {
        let mut hasher = Hasher::new(algorithm);
        loop {
            let read = move || {
                let piece = from.next()?;
                hasher.update(&piece);
                Ok((piece, from, hasher))
            };
            let piece;
            (piece, from, hasher) = blocking(read).await?;
            if piece.is_empty() {
                return Ok(hasher.finish());
            }
            self.tally.bytes += piece.len() as u64;
            into.write(&[piece]).await?;
            self.step()?;
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        let Tally { rows, blobs, findings, ours, .. } = &self.tally;
        let (found, verdict) = match (findings, ours) {
            (0, _) => ("all is right".to_owned(), Verdict::Good),
            (_, 0) => (format!("what is wrong ({findings}, above) was so at the source"), Verdict::Damaged),
            _ => {
                let found = format!(
                    "of what is wrong ({findings}, above) {ours} is the backup's: it lacks the bytes of these blobs or has \
                     others. Take them from the source, if it is still there, or push them again"
                );
                (found, Verdict::Damaged)
            }
        };
        let text = format!(
            "restored {rows} rows and {blobs} blobs, and read everything again: {found}\n\
             Start wharf serve with the same configuration."
        );
        Outcome { text, verdict }
    }
}

#[async_trait]
impl Inspector for Filling {
    async fn read(&mut self, bytes: u64) -> Result<()> {
        self.tally.bytes += bytes;
        self.step()
    }

    async fn passed(&mut self, _: &Digest) -> Result<()> {
        Ok(())
    }

    async fn found(&mut self, finding: Finding) -> Result<()> {
        self.tally.findings += 1;
        if let Finding::Damaged { digest, .. } = &finding {
            let digest = digest.to_string();
            self.tally.ours += u64::from(!self.summary.damaged.iter().any(|known| known.digest == digest));
        }
        self.progress.line(in_words(&finding)).await
    }
}
