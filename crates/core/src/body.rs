//! How bytes come, and how those of a blob leave: redirected, from a file, or streamed.

use std::{fs::File, io, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures_core::Stream;

use crate::{Error, Kind};

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// Why bytes stopped before their end: whoever sends them was too slow, or is gone. The first is `Timeout`, which clients take
/// for something that may pass, the other `Invalid`.
pub fn cut_short(error: io::Error) -> Error {
    let cut = match error.kind() {
        io::ErrorKind::TimedOut => {
            Error::new(Kind::Timeout, "the body stood still for too long, or came too slowly")
        }
        _ => Error::new(Kind::Invalid, "the body broke off"),
    };
    cut.because(error)
}

/// The body of a blob, or of a part of it. Only the registry's `open_blob` hands one out.
pub enum BlobBody {
    /// Elsewhere, for a while: the client is sent there.
    Redirect(String),
    /// In a local file: `length` bytes from `offset`. The file's size was checked against its row.
    File {
        /// The open file, which others may read too.
        file: Arc<File>,
        /// Where the wanted bytes begin.
        offset: u64,
        /// How many bytes are wanted.
        length: u64,
    },
    /// From anywhere else: exactly the wanted bytes.
    Stream(ByteStream),
}
