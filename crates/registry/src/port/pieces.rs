//! A range of a finished object, read by ourselves from its first byte to its last, a piece at a time.

use std::{fs::File, ops::Range, os::unix::fs::FileExt as _, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::{runtime::Handle, task::spawn_blocking};
use wharf_core::{BlobBody, ByteStream, Error, ObjectKey, Result};

use super::BlobStore;

/// How many bytes of a file one piece has where a thread is woken for each.
const PIECE: u64 = 1 << 20;
/// The same where none is: as much as stays near the processor.
const NEAR: u64 = 256 << 10;

/// The pieces of a range that are still to come.
pub struct Pieces(Rest);

enum Rest {
    File { file: Arc<File>, offset: u64, left: u64 },
    Stream(ByteStream),
}

impl Pieces {
    /// Opens a range that lies within an object; `None` where the object is not there or is not `size` bytes long.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn open(
        store: &dyn BlobStore,
        key: ObjectKey,
        size: u64,
        range: Range<u64>,
    ) -> Result<Option<Self>> {
        match store.open(key, size, range).await? {
            None => Ok(None),
            Some(BlobBody::File { file, offset, length }) => {
                Ok(Some(Self(Rest::File { file, offset, left: length })))
            }
            Some(BlobBody::Stream(stream)) => Ok(Some(Self(Rest::Stream(stream)))),
            Some(BlobBody::Redirect(_)) => Err(Error::internal("an object for ourselves is elsewhere")),
        }
    }

    /// The next piece, which is not empty; `None` after the last.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.0 {
            Rest::Stream(stream) => stream.next().await.transpose().map_err(Error::unavailable),
            Rest::File { left: 0, .. } => Ok(None),
            Rest::File { file, offset, left } => {
                let (file, at, length) = (file.clone(), *offset, (*left).min(PIECE));
                let piece =
                    spawn_blocking(move || read(&file, at, length)).await.map_err(Error::internal)??;
                (*offset, *left) = (at + length, *left - length);
                Ok(Some(piece))
            }
        }
    }

    /// The same on a thread that may block, which wakes no other one to read a file.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn next_blocking(&mut self, runtime: &Handle) -> Result<Option<Bytes>> {
        match &mut self.0 {
            Rest::File { file, offset, left } if *left > 0 => {
                let length = (*left).min(NEAR);
                let piece = read(file, *offset, length)?;
                (*offset, *left) = (*offset + length, *left - length);
                Ok(Some(piece))
            }
            _ => runtime.block_on(self.next()),
        }
    }

    /// All that is still to come, in memory.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn gather(mut self) -> Result<Bytes> {
        let Some(first) = self.next().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.next().await? else { return Ok(first) };
        let mut all = BytesMut::from(first);
        all.extend_from_slice(&second);
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

/// A part of a file.
fn read(file: &File, offset: u64, length: u64) -> Result<Bytes> {
    let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact_at(&mut piece, offset).map_err(Error::unavailable)?;
    Ok(piece.into())
}
