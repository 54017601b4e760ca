//! Writing one object's file: kept off the threads that serve, written to the disk while more comes, flushed at the end.
//!
//! A small object waits in memory until it is whole: then one call makes its file, writes and flushes it. Each call has to
//! be handed to a thread that may block, and for a small object that was dearer than what the calls do.

use std::{
    fs::{File, OpenOptions},
    io::{self, Seek as _, SeekFrom, Write as _},
    mem,
    num::NonZeroU64,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::Advice;
use tokio::task::spawn_blocking;
use tracing::{Instrument as _, info_span};
use wharf_core::{Error, ObjectKey, Result, Subject};
use wharf_registry::port::{BlobWriter, Ended, StoreState, Unfinished};

use super::{FileStore, blocking, failure, if_there};
use crate::disk::{Disk, LOOK_EVERY};

/// So much is handed to the kernel at a time, in bytes. For more it looks for larger runs of free memory, which are dear to find
/// where its cache fills all there is.
const WRITE: usize = 128 << 10;

/// So much is written to the disk at a time, before the flush at the end.
const WRITE_OUT: u64 = 8 << 20;

/// So much of an object waits in memory for the rest, in bytes.
const SMALL: u64 = 64 << 10;

pub(super) struct FileWriter {
    store: FileStore,
    key: ObjectKey,
    target: Target,
    /// Bytes that were not handed to the kernel yet.
    waiting: Vec<Bytes>,
    /// Bytes since the last look at the disk.
    unlooked: u64,
    /// The part of the file that is only in memory, as far as we know.
    unwritten: Range<u64>,
}

/// Where the bytes go.
enum Target {
    /// Into a file that is not there yet.
    New,
    /// Into this file.
    Open(File),
    /// A write failed: after that nothing may be written.
    Failed,
}

impl FileWriter {
    /// A writer of an object that begins.
    pub(super) fn new(store: FileStore, key: ObjectKey) -> Self {
        let target = Target::New;
        Self { store, key, target, waiting: Vec::new(), unlooked: LOOK_EVERY, unwritten: 0..0 }
    }

    /// The same, going on in the file that is there.
    pub(super) async fn opened_at(self, offset: u64) -> Result<Self> {
        let path = self.store.path(self.key);
        let file = blocking(move || open_at(path, offset)).await?;
        let file = file.ok_or_else(|| Error::not_found(Subject::Blob))?;
        Ok(Self { target: Target::Open(file), unwritten: offset..offset, ..self })
    }

    /// Takes all that is to be done on a thread that may block. Until it gives the file back, the writer has failed.
    fn take_work(&mut self) -> Result<Work> {
        let target = match mem::replace(&mut self.target, Target::Failed) {
            Target::Failed => return Err(failed_before()),
            target => target,
        };
        let pieces = mem::take(&mut self.waiting);
        let looks = !pieces.is_empty() && self.unlooked >= LOOK_EVERY;
        if looks {
            self.unlooked = 0;
        }
        let write_out = self.unwritten.clone();
        if write_out.end - write_out.start >= WRITE_OUT {
            self.unwritten.start = write_out.end;
        }
        let path = self.store.path(self.key);
        Ok(Work { disk: looks.then(|| self.store.disk.clone()), path, target, pieces, write_out })
    }

    /// Hands what waits to the kernel.
    async fn write_waiting(&mut self) -> Result<()> {
        let work = self.take_work()?;
        let written = spawn_blocking(move || work.write()).await.map_err(Error::internal)?;
        self.target = Target::Open(written.map_err(|failed| self.store.count(failed))?);
        Ok(())
    }
}

impl FileStore {
    /// Counts what came of a write that failed.
    fn count(&self, failed: Failed) -> Error {
        match failed {
            Failed::NoRoom(error) => {
                self.meters.stopped.increment();
                error
            }
            Failed::Write(error) => failure(error),
            Failed::Flush(error) => {
                self.meters.flushes_failed.increment();
                failure(error)
            }
        }
    }
}

/// What failed.
enum Failed {
    /// Nothing was written, for there is little room.
    NoRoom(Error),
    Write(io::Error),
    Flush(io::Error),
}

/// What is done on a thread that may block.
struct Work {
    /// Where room is looked for first, if it is.
    disk: Option<Arc<Disk>>,
    path: PathBuf,
    target: Target,
    pieces: Vec<Bytes>,
    write_out: Range<u64>,
}

impl Work {
    fn write(self) -> Result<File, Failed> {
        if let Some(disk) = &self.disk {
            disk.expect_room().map_err(Failed::NoRoom)?;
        }
        let mut file = self.target.open(&self.path).map_err(Failed::Write)?;
        for piece in self.pieces.iter().flat_map(|piece| piece.chunks(WRITE)) {
            file.write_all(piece).map_err(Failed::Write)?;
        }
        begin_to_write_out(&file, &self.write_out);
        Ok(file)
    }

    /// Writes, and flushes the file; how long the flush took.
    fn finish(self) -> Result<Duration, Failed> {
        let file = self.write()?;
        let began = Instant::now();
        file.sync_data().map_err(Failed::Flush)?;
        Ok(began.elapsed())
    }
}

impl Target {
    #[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
    fn open(self, path: &Path) -> io::Result<File> {
        match self {
            Self::New => OpenOptions::new().write(true).create(true).truncate(true).open(path),
            Self::Open(file) => Ok(file),
            Self::Failed => Err(io::Error::other("an earlier write to this object failed")),
        }
    }
}

fn failed_before() -> Error {
    Error::unavailable("an earlier write to this object failed")
}

/// Opens a file to go on at an offset, if it is there and has so much.
#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
fn open_at(path: PathBuf, offset: u64) -> io::Result<Option<File>> {
    let Some(mut file) = if_there(OpenOptions::new().write(true).open(path))? else { return Ok(None) };
    let length = file.metadata()?.len();
    if length < offset {
        return Ok(None);
    }
    if length > offset {
        file.set_len(offset)?;
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(Some(file))
}

#[async_trait]
impl BlobWriter for FileWriter {
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
        let length = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        self.unlooked += length;
        self.unwritten.end += length;
        self.waiting.extend_from_slice(pieces);
        match self.target {
            Target::New if self.unwritten.end <= SMALL => Ok(()),
            _ => self.write_waiting().await,
        }
    }

    async fn suspend(mut self: Box<Self>, _: u64) -> Result<StoreState> {
        if !self.waiting.is_empty() {
            self.write_waiting().await?;
        }
        Ok(StoreState::new())
    }

    /// After a failed flush nobody knows what is on the disk, and a second flush would lie: it is over. Before it, what
    /// the row tells of is there still.
    async fn finish(mut self: Box<Self>) -> Result<Ended, Unfinished> {
        let work = self.take_work().map_err(Unfinished::Lost)?;
        let flush = async {
            let done = spawn_blocking(move || work.finish()).await.map_err(Error::internal);
            match done.map_err(Unfinished::Lost)? {
                Ok(took) => self.store.meters.flushes.record(took),
                Err(failed @ Failed::Flush(_)) => return Err(Unfinished::Lost(self.store.count(failed))),
                Err(failed) => return Err(Unfinished::Kept(self.store.count(failed))),
            }
            let way = self.store.flush_way_to(self.key).await;
            way.map_err(|error| Unfinished::Lost(self.store.count(Failed::Flush(error))))
        };
        flush.instrument(info_span!("blob store flush")).await.map(|()| Ended::Surely)
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
