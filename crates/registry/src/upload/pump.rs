//! The pump: body → hash ∥ taps ∥ write, one pass, bounded by bytes.
//!
//! While one batch of about a mebibyte is hashed, tapped and written, each on a thread that may block, the next one is
//! gathered from the socket; a socket that is faster than the disk waits. So an upload holds two batches and the
//! frame that overshoots, whatever its size.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{
    StreamExt,
    future::{join, join3},
};
use tokio::{task::spawn_blocking, time::timeout};
use wharf_core::{ByteStream, Error, Kind, Result};
use wharf_hash::Hasher;

use super::locks::Wanted;
use crate::{Taps, port::BlobWriter};

/// A batch is handed on when it holds so many bytes.
pub(super) const BATCH: usize = 1 << 20;

/// Pieces smaller than this are put together: a body in pieces of one byte must not cost a hundred times itself.
const SMALL: usize = 4096;

/// A client that sends nothing for so long is taken for gone.
const IDLE: Duration = Duration::from_secs(60);

/// A client that stands still for so long gives way to another request for the same upload.
const STILL: Duration = Duration::from_secs(2);

/// What a pump leaves behind.
pub(super) struct Pumped {
    /// The hash of exactly the bytes that were written.
    pub(super) hasher: Hasher,
    /// The writer. Where `end` is an error it may have written more than was hashed, and can only be suspended.
    pub(super) writer: Box<dyn BlobWriter>,
    /// The taps.
    pub(super) taps: Taps,
    /// Whether the body came to its end.
    pub(super) end: Result<()>,
}

/// A body and who waits for it to end.
pub(super) struct Source {
    pub(super) body: ByteStream,
    /// Nobody can, where the upload is not known to anyone yet.
    pub(super) wanted: Option<Wanted>,
}

/// Moves a body into the store until it ends, breaks off, or the store fails.
pub(super) async fn pump(
    mut source: Source,
    hasher: Hasher,
    writer: Box<dyn BlobWriter>,
    taps: Taps,
) -> Pumped {
    let mut pumped = Pumped { hasher, writer, taps, end: Ok(()) };
    let mut gathered = gather(&mut source).await;
    loop {
        let Gathered { pieces, more } = gathered;
        let (next, worked) = match more {
            More::Yes => {
                let (next, worked) = join(gather(&mut source), work(pumped, pieces)).await;
                (Some(next), worked)
            }
            More::No(end) => {
                let mut worked = work(pumped, pieces).await;
                worked.end = worked.end.and(end);
                (None, worked)
            }
        };
        pumped = worked;
        match next {
            Some(next) if pumped.end.is_ok() => gathered = next,
            _ => return pumped,
        }
    }
}

/// A batch of the body.
struct Gathered {
    pieces: Vec<Bytes>,
    more: More,
}

/// Whether a body goes on.
enum More {
    Yes,
    No(Result<()>),
}

async fn gather(source: &mut Source) -> Gathered {
    let (mut pieces, mut small, mut size) = (Vec::new(), BytesMut::new(), 0);
    while size < BATCH {
        let more = match next(source).await {
            Next::Piece(piece) => {
                size += piece.len();
                if piece.len() < SMALL {
                    small.extend_from_slice(&piece);
                } else {
                    flush(&mut small, &mut pieces);
                    pieces.push(piece);
                }
                continue;
            }
            Next::End(end) => More::No(end),
        };
        flush(&mut small, &mut pieces);
        return Gathered { pieces, more };
    }
    flush(&mut small, &mut pieces);
    Gathered { pieces, more: More::Yes }
}

/// What comes next of a body.
enum Next {
    Piece(Bytes),
    End(Result<()>),
}

async fn next(source: &mut Source) -> Next {
    let mut still = Duration::ZERO;
    while still < IDLE {
        match timeout(STILL, source.body.next()).await {
            Ok(Some(Ok(piece))) => return Next::Piece(piece),
            Ok(Some(Err(error))) => {
                return Next::End(Err(Error::new(Kind::Invalid, "the body broke off").because(error)));
            }
            Ok(None) => return Next::End(Ok(())),
            Err(_) if source.wanted.as_ref().is_some_and(Wanted::is_wanted) => {
                return Next::End(Err(Error::new(
                    Kind::Conflict,
                    "another request goes on with this upload",
                )));
            }
            Err(_) => still += STILL,
        }
    }
    Next::End(Err(Error::new(Kind::Timeout, "the body stood still for 60 seconds")))
}

fn flush(small: &mut BytesMut, pieces: &mut Vec<Bytes>) {
    if !small.is_empty() {
        pieces.push(small.split().freeze());
    }
}

/// Hashes, taps and writes a batch at the same time. Only a batch that was written counts.
async fn work(mut pumped: Pumped, pieces: Vec<Bytes>) -> Pumped {
    if pieces.is_empty() {
        return pumped;
    }
    let before = pumped.hasher.clone();
    let (mut hasher, hashed) = (pumped.hasher, pieces.clone());
    let hash = spawn_blocking(move || {
        hashed.iter().for_each(|piece| hasher.update(piece));
        hasher
    });
    let seen = pumped.taps.see(&pieces);
    let (hashed, tapped, written) = join3(hash, seen, pumped.writer.write(&pieces)).await;
    let writer = pumped.writer;
    match (hashed, tapped, written) {
        (Ok(hasher), Ok(taps), Ok(())) => Pumped { hasher, writer, taps, end: Ok(()) },
        (Ok(_), Ok(taps), Err(error)) => Pumped { hasher: before, writer, taps, end: Err(error) },
        (Err(error), ..) | (_, Err(error), _) => {
            Pumped { hasher: before, writer, taps: Taps::none(), end: Err(Error::internal(error)) }
        }
    }
}
