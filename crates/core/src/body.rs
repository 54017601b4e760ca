//! How the bytes of a blob leave: redirected, from a file, or streamed.

use std::{fs::File, io, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures_core::Stream;

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

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
