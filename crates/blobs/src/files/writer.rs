//! Writing one object's file: kept off the threads that serve, written to the disk while more comes, flushed at the end.

use std::{fs::File, io::Write as _, num::NonZeroU64, ops::Range};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::Advice;
use tokio::task::spawn_blocking;
use tracing::{Instrument as _, info_span};
use wharf_core::{Error, Result};
use wharf_registry::port::{BlobWriter, Ended, StoreState, Unfinished};

use super::{FileStore, blocking};
use crate::disk::LOOK_EVERY;

/// So much is handed to the kernel at a time, in bytes. For more it looks for larger runs of free memory, which are dear to find
/// where its cache fills all there is.
const WRITE: usize = 128 << 10;

/// So much is written to the disk at a time, before the flush at the end.
const WRITE_OUT: u64 = 8 << 20;

pub(super) struct FileWriter {
    /// Taken away by a write that failed: after that nothing may be written.
    file: Option<File>,
    store: FileStore,
    /// Bytes written since the last look at the disk.
    unlooked: u64,
    /// The part of the file that is only in memory, as far as we know.
    unwritten: Range<u64>,
}

impl FileWriter {
    /// A writer that goes on at the offset, where the file is open.
    pub(super) fn new(file: File, store: FileStore, offset: u64) -> Self {
        Self { file: Some(file), store, unlooked: LOOK_EVERY, unwritten: offset..offset }
    }
}

fn failed_before() -> Error {
    Error::unavailable("an earlier write to this object failed")
}

#[async_trait]
impl BlobWriter for FileWriter {
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
        let mut file = self.file.take().ok_or_else(failed_before)?;
        let length = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        self.unlooked += length;
        if self.unlooked >= LOOK_EVERY {
            let disk = self.store.disk.clone();
            let looked = spawn_blocking(move || disk.expect_room()).await.map_err(Error::internal)?;
            looked.inspect_err(|_| self.store.meters.stopped.increment())?;
            self.unlooked = 0;
        }
        self.unwritten.end += length;
        let write_out = self.unwritten.clone();
        if write_out.end - write_out.start >= WRITE_OUT {
            self.unwritten.start = write_out.end;
        }
        let pieces = pieces.to_vec();
        let file = blocking(move || {
            for piece in pieces.iter().flat_map(|piece| piece.chunks(WRITE)) {
                file.write_all(piece)?;
            }
            begin_to_write_out(&file, &write_out);
            Ok(file)
        });
        self.file = Some(file.await?);
        Ok(())
    }

    async fn suspend(self: Box<Self>, _: u64) -> Result<StoreState> {
        Ok(StoreState::new())
    }

    /// After a failed flush nobody knows what is on the disk, and a second flush would lie: it is over.
    async fn finish(self: Box<Self>) -> Result<Ended, Unfinished> {
        let file = self.file.ok_or_else(|| Unfinished::Lost(failed_before()))?;
        let meters = &self.store.meters;
        let flush = blocking(move || file.sync_data()).instrument(info_span!("blob store flush"));
        let flushed = meters.flushes.time(flush).await.inspect_err(|_| meters.flushes_failed.increment());
        flushed.map(|()| Ended::Surely).map_err(Unfinished::Lost)
    }
}

/// Lets the kernel begin to write a part of a file to the disk, if it is worth it: then the flush at the end finds little
/// left to do. It may also forget what is written already, of which there is nothing yet. Only a wish, so whatever comes
/// of it is no error.
fn begin_to_write_out(file: &File, part: &Range<u64>) {
    let length = part.end.saturating_sub(part.start);
    if length >= WRITE_OUT {
        let _ = rustix::fs::fadvise(file, part.start, NonZeroU64::new(length), Advice::DontNeed);
    }
}
