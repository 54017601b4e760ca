//! The blobs a format may read: those of the manifest's own repository, one piece at a time.

use std::{
    collections::HashMap,
    future::Future,
    io::{self, BufRead, Read, Seek, SeekFrom},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Buf as _, Bytes};
use tokio::runtime::Handle;
use wharf_core::{Digest, Error, Result, manifest::Descriptor};

use super::Refusal;
use crate::{
    manifest::missing_content,
    port::{BlobRow, BlobStore, Pieces},
};

/// How many bytes are fetched where nobody knows yet whether more are wanted.
const PIECE: u64 = 256 * 1024;

/// The contents of a manifest that is about to be stored, for a thread that may block.
pub struct Contents {
    blobs: Arc<dyn BlobStore>,
    rows: HashMap<Digest, BlobRow>,
    runtime: Handle,
    fault: Fault,
}

/// The first fault of the store, or of who was asked, which is no fault of the content.
type Fault = Arc<Mutex<Option<Error>>>;

impl Contents {
    /// Contents whose rows were found. Must be called on the runtime that serves the store.
    pub(super) fn new(blobs: Arc<dyn BlobStore>, rows: Vec<BlobRow>) -> Self {
        let rows = rows.into_iter().map(|row| (row.digest, row)).collect();
        Self { blobs, rows, runtime: Handle::current(), fault: Fault::default() }
    }

    /// Opens a blob that the manifest names.
    ///
    /// # Errors
    /// A refusal where the manifest does not name it.
    pub fn open(&self, descriptor: &Descriptor) -> Result<BlobReader, Refusal> {
        let row = descriptor.digest().and_then(|digest| self.rows.get(&digest));
        let row =
            row.ok_or_else(|| Refusal::new(format!("the manifest does not hold {}", descriptor.digest)))?;
        self.open_row(row)
    }

    /// Opens a blob that is known.
    pub(super) fn open_row(&self, row: &BlobRow) -> Result<BlobReader, Refusal> {
        let held = self.runtime.block_on(self.blobs.holds(row.key, row.size));
        let held = held.and_then(|held| if held { Ok(()) } else { Err(damaged(row)) });
        held.map_err(|error| remember(&self.fault, error))?;
        Ok(BlobReader {
            blobs: self.blobs.clone(),
            row: row.clone(),
            position: 0,
            piece: Bytes::new(),
            fetched: 0,
            coming: None,
            runtime: self.runtime.clone(),
            fault: self.fault.clone(),
        })
    }

    /// Asks somebody else who may not be there: what he cannot answer is no fault of the content either.
    ///
    /// # Errors
    /// A refusal that the engine passes over in favour of the error.
    pub fn ask<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T, Refusal> {
        Ok(self.runtime.block_on(question).map_err(|error| remember(&self.fault, error))?)
    }

    /// What went wrong meanwhile in the store, or elsewhere: then no judgement over the content counts.
    pub(super) fn fault(&self) -> Option<Error> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Reads a blob, on a thread that may block.
pub struct BlobReader {
    blobs: Arc<dyn BlobStore>,
    row: BlobRow,
    position: u64,
    /// What was fetched and not yet read; it lies at `position`.
    piece: Bytes,
    /// Where the last piece ended that was fetched alone.
    fetched: u64,
    /// What comes behind the piece, where that is being fetched.
    coming: Option<Pieces>,
    runtime: Handle,
    fault: Fault,
}

impl BlobReader {
    /// Size in bytes.
    pub const fn size(&self) -> u64 {
        self.row.size
    }

    /// The bytes from the position on. Who jumps about is given a piece each time, whole, for he may want more of it; who
    /// reads on, all that is left, as it comes.
    fn fetch(&mut self) -> Result<Bytes> {
        if let Some(coming) = &mut self.coming
            && let Some(piece) = coming.next_blocking(&self.runtime)?
        {
            return Ok(piece);
        }
        if self.position > 0 && self.position == self.fetched {
            let mut coming = self.open(self.position..self.size())?;
            let piece = coming.next_blocking(&self.runtime)?.ok_or_else(|| damaged(&self.row))?;
            self.coming = Some(coming);
            return Ok(piece);
        }
        self.fetched = self.position.saturating_add(PIECE).min(self.size());
        self.runtime.block_on(self.open(self.position..self.fetched)?.gather())
    }

    fn open(&self, range: Range<u64>) -> Result<Pieces> {
        let BlobRow { key, size, .. } = self.row;
        let pieces = self.runtime.block_on(Pieces::open(self.blobs.as_ref(), key, size, range))?;
        pieces.ok_or_else(|| damaged(&self.row))
    }
}

/// Damaged bytes count as missing, so that the client pushes them again.
fn damaged(row: &BlobRow) -> Error {
    missing_content(vec![row.digest.to_string()])
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl BufRead for BlobReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.piece.is_empty() && self.position < self.size() {
            self.piece = self.fetch().map_err(|error| remember(&self.fault, error))?;
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, length: usize) {
        let length = length.min(self.piece.len());
        self.piece.advance(length);
        self.position += length as u64;
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        match target.checked_sub(self.position).map(usize::try_from) {
            Some(Ok(ahead)) if ahead <= self.piece.len() => self.piece.advance(ahead),
            _ => (self.piece, self.coming) = (Bytes::new(), None),
        }
        self.position = target;
        Ok(target)
    }
}

/// Keeps a fault for the engine; the format only learns that it cannot go on.
fn remember(fault: &Fault, error: Error) -> io::Error {
    fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    io::Error::other("the content cannot be read now")
}
