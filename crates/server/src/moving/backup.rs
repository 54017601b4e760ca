//! `wharf backup`: the rows of one moment, and every blob they name, into a directory; while serving or not.
//!
//! First the hold, so that no object goes; then the rows; then the blobs, hashed while they are copied. What is damaged
//! at the source is named, and the rest is backed up.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use wharf_core::{Clock as _, Error, Kind, Result};
use wharf_registry::port::{BlobRow, Pieces};

use super::{
    archive::{Archive, Damaged, RowsFile, Summary, named},
    blob_file::{Reading, Writing},
    blocking,
    hold::Hold,
    rows::{RowsReader, RowsWriter},
    unusable,
};
use crate::{
    control::{Desk, Outcome, Progress, Step, Unit, Verdict},
    world::SystemClock,
};

/// What to back up.
#[derive(Serialize, Deserialize)]
pub(crate) struct Backup {
    /// Where to.
    pub(crate) directory: PathBuf,
    /// Whether what the directory holds already is read again.
    pub(crate) check: bool,
}

/// Backs everything up.
///
/// # Errors
/// `Conflict` where the directory holds other things or the hold did not last; `StorageFull`, `Unavailable`. An earlier
/// backup in the directory then stands as it was.
pub(crate) async fn back_up(desk: &Desk, backup: &Backup, progress: &Progress) -> Result<Outcome> {
    let (directory, data_dir) = (backup.directory.clone(), desk.data_dir.path().to_owned());
    let prepare = move || {
        expect_elsewhere(&directory, &data_dir)?;
        Archive::prepare(&directory)
    };
    let (archive, _lock) = blocking(prepare).await?;
    let begun_at = SystemClock.now().microseconds();
    let hold = Hold::take(&desk.registry, format!("backup {begun_at}")).await?;
    let mut copying =
        Copying { desk, archive: archive.clone(), check: backup.check, progress, tally: Tally::default() };
    let copied = copying.everything(begun_at).await;
    let stood = hold.release().await;
    let summary = copied?;
    if !stood? {
        return Err(Error::new(
            Kind::Conflict,
            "the collector may have taken what was to be copied: try again",
        ));
    }
    let outcome = outcome(&summary, &copying.tally);
    blocking(move || archive.finish(&summary)).await?;
    Ok(outcome)
}

/// A backup is to outlive the data directory.
fn expect_elsewhere(directory: &Path, data_dir: &Path) -> Result<()> {
    let absolute = std::path::absolute(directory).map_err(unusable)?;
    // What is not there yet will lie where the nearest that is there lies.
    let there = absolute.ancestors().find_map(|path| path.canonicalize().ok());
    let data_dir = data_dir.canonicalize().map_err(unusable)?;
    if there.is_some_and(|there| there.starts_with(&data_dir)) {
        let message =
            format!("{} lies in the data directory, which a backup is to outlive", directory.display());
        return Err(Error::new(Kind::Conflict, message));
    }
    Ok(())
}

fn outcome(summary: &Summary, tally: &Tally) -> Outcome {
    let text = format!(
        "backed up {} rows and {} blobs of {} bytes: {} blobs were copied, {} were there already{}\n\
         The secret key is not in the backup: keep it elsewhere, nothing can be restored without it.",
        summary.tables.values().sum::<u64>(),
        summary.blobs,
        summary.bytes,
        tally.copied,
        tally.kept,
        named(&summary.damaged)
    );
    let rotten = match tally.replaced {
        0 => String::new(),
        some => format!(
            "\n{some} blobs had other bytes in the backup and were copied anew: look after the disk that it lies on"
        ),
    };
    let verdict = match summary.damaged.is_empty() && tally.replaced == 0 {
        true => Verdict::Good,
        false => Verdict::Damaged,
    };
    Outcome { text: text + &rotten, verdict }
}

/// What a backup holds of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    /// Its bytes, as far as was looked.
    Right,
    /// Other bytes.
    Wrong,
    /// None.
    Not,
}

struct Copying<'a> {
    desk: &'a Desk,
    archive: Archive,
    check: bool,
    progress: &'a Progress,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    copied: u64,
    kept: u64,
    /// Those of the copied ones of which the backup had other bytes.
    replaced: u64,
    bytes: u64,
    damaged: Vec<Damaged>,
}

impl Copying<'_> {
    async fn everything(&mut self, begun_at: i64) -> Result<Summary> {
        let mut summary = self.rows(begun_at).await?;
        let path = self.archive.rows(&summary.rows.name);
        let mut reader = blocking(move || RowsReader::open(&path)).await?;
        loop {
            let (next, batch) = blocking(move || reader.next().map(|batch| (reader, batch))).await?;
            let Some(batch) = batch else { break };
            reader = next;
            for row in &batch.rows {
                if let Some(blob) = batch.table.blob_of(row)? {
                    self.blob(&blob, summary.bytes).await?;
                }
            }
        }
        summary.damaged = std::mem::take(&mut self.tally.damaged);
        Ok(summary)
    }

    /// The rows as of now.
    async fn rows(&self, begun_at: i64) -> Result<Summary> {
        let name = format!("rows-{begun_at}.jsonl.gz");
        let writer = RowsWriter::new(self.archive.rows(&name), self.progress.clone());
        let writer = Arc::new(Mutex::new(writer));
        self.desk.database.dump(writer.clone()).await?;
        let end = move || writer.lock().unwrap_or_else(PoisonError::into_inner).end();
        let (digest, written) = blocking(end).await?;
        let mut summary = Summary::new(begun_at, RowsFile { name, digest: digest.to_string() });
        (summary.tables, summary.blobs, summary.bytes) = (written.tables, written.blobs, written.bytes);
        Ok(summary)
    }

    async fn blob(&mut self, blob: &BlobRow, total: u64) -> Result<()> {
        let before = self.tally.bytes;
        let there = self.look(blob).await?;
        if there == There::Right {
            self.tally.kept += 1;
        } else if self.copy(blob, total).await? {
            self.tally.copied += 1;
            self.tally.replaced += u64::from(there == There::Wrong);
        } else {
            let tags = self.desk.registry.affected(&blob.digest).await?;
            self.tally.damaged.push(Damaged { digest: blob.digest.to_string(), tags });
        }
        self.tally.bytes = before + blob.size;
        self.step(total)
    }

    fn step(&self, total: u64) -> Result<()> {
        let (what, done) = ("copying blobs".to_owned(), self.tally.bytes);
        self.progress.step(Step { what, done, total: Some(total), unit: Unit::Bytes })
    }

    /// What the backup holds of the blob already.
    async fn look(&self, blob: &BlobRow) -> Result<There> {
        let (archive, blob, check) = (self.archive.clone(), blob.clone(), self.check);
        blocking(move || {
            let is_right = match Reading::open(&archive, &blob.digest, blob.size)? {
                Some(reading) => !check || reading.has(&blob.digest)?,
                None => false,
            };
            // Only who is asked to check tells bytes of another length from none.
            let is_wrong = check && !is_right && archive.blob(&blob.digest).exists();
            Ok(match (is_right, is_wrong) {
                (true, _) => There::Right,
                (false, true) => There::Wrong,
                (false, false) => There::Not,
            })
        })
        .await
    }

    /// Copies a blob; false where its bytes are not there or not right.
    async fn copy(&mut self, blob: &BlobRow, total: u64) -> Result<bool> {
        let (store, whole) = (self.desk.blobs.as_ref(), 0..blob.size);
        let Some(mut pieces) = Pieces::open(store, blob.key, blob.size, whole).await? else {
            return Ok(false);
        };
        let (archive, digest) = (self.archive.clone(), blob.digest);
        let mut writing = blocking(move || Writing::begin(&archive, digest)).await?;
        while let Some(piece) = pieces.next().await? {
            self.tally.bytes += piece.len() as u64;
            writing = blocking(move || writing.write(&piece).map(|()| writing)).await?;
            self.step(total)?;
        }
        blocking(move || writing.end()).await
    }
}
