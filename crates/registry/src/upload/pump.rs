//! The pump: body → hash ∥ taps ∥ write, one pass, bounded by bytes.
//!
//! While one block is hashed, tapped and written, each on a thread that may block, the next one is filled from the
//! socket; a socket that is faster than the disk waits. So an upload holds two blocks and the frame that did not fit,
//! whatever its size, and what the store keeps.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::{join, join3},
};
use tokio::{
    task::{JoinError, spawn_blocking},
    time::timeout,
};
use wharf_core::{ByteStream, Error, Kind, Result, cut_short};
use wharf_hash::Hasher;

use super::{
    blocks::{BLOCK, Blocks, fill},
    locks::Wanted,
};
use crate::{Taps, port::BlobWriter};

/// So much is hashed at once, in bytes: that takes some tens of microseconds.
const SMALL: usize = 16 << 10;

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

/// A body, who waits for it to end, and for how long it may stand still.
pub(super) struct Source {
    body: ByteStream,
    /// Nobody can, where the upload is not known to anyone yet.
    wanted: Option<Wanted>,
    /// Whoever sends nothing for so long is taken for gone.
    stall: Duration,
    /// What came and did not fit any more.
    rest: Bytes,
}

impl Source {
    /// A body, who waits for it to end, and for how long it may stand still.
    pub(super) const fn new(body: ByteStream, wanted: Option<Wanted>, stall: Duration) -> Self {
        Self { body, wanted, stall, rest: Bytes::new() }
    }
}

/// Moves a body into the store until it ends, breaks off, or the store fails.
pub(super) async fn pump(
    mut source: Source,
    hasher: Hasher,
    writer: Box<dyn BlobWriter>,
    taps: Taps,
) -> Pumped {
    let mut pumped = Pumped { hasher, writer, taps, end: Ok(()) };
    let mut blocks = Blocks::default();
    let mut gathered = gather(&mut source, &mut blocks).await;
    loop {
        let Gathered { block, more } = gathered;
        let (next, worked) = match more {
            More::Yes => {
                let (next, worked) = join(gather(&mut source, &mut blocks), work(pumped, block)).await;
                (Some(next), worked)
            }
            More::No(end) => {
                let mut worked = work(pumped, block).await;
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

/// A block of the body.
struct Gathered {
    block: Bytes,
    more: More,
}

/// Whether a body goes on.
enum More {
    Yes,
    No(Result<()>),
}

async fn gather(source: &mut Source, blocks: &mut Blocks) -> Gathered {
    let mut block = blocks.empty();
    let mut more = More::Yes;
    while block.len() < BLOCK {
        if source.rest.is_empty() {
            match next(source).await {
                Next::Piece(piece) => source.rest = piece,
                Next::End(end) => {
                    more = More::No(end);
                    break;
                }
            }
        }
        fill(&mut block, &mut source.rest);
    }
    Gathered { block: blocks.lend(block), more }
}

/// What comes next of a body.
enum Next {
    Piece(Bytes),
    End(Result<()>),
}

async fn next(source: &mut Source) -> Next {
    let mut left = source.stall;
    while !left.is_zero() {
        let pause = left.min(STILL);
        match timeout(pause, source.body.next()).await {
            Ok(Some(Ok(piece))) => return Next::Piece(piece),
            Ok(Some(Err(error))) => return Next::End(Err(cut_short(error))),
            Ok(None) => return Next::End(Ok(())),
            Err(_) if source.wanted.as_ref().is_some_and(Wanted::is_wanted) => {
                return Next::End(Err(Error::new(
                    Kind::Conflict,
                    "another request goes on with this upload",
                )));
            }
            Err(_) => left -= pause,
        }
    }
    let message = format!("the body stood still for {} seconds", source.stall.as_secs());
    Next::End(Err(Error::new(Kind::Timeout, message)))
}

/// Hashes a block on a thread that may block; a small one here, for to hand it over would take longer.
async fn hash(mut hasher: Hasher, block: Bytes) -> Result<Hasher, JoinError> {
    if block.len() <= SMALL {
        hasher.update(&block);
        return Ok(hasher);
    }
    spawn_blocking(move || {
        hasher.update(&block);
        hasher
    })
    .await
}

/// Hashes, taps and writes a block at the same time. Only one that was written counts.
async fn work(mut pumped: Pumped, block: Bytes) -> Pumped {
    if block.is_empty() {
        return pumped;
    }
    let before = pumped.hasher.clone();
    let hash = hash(pumped.hasher, block.clone());
    let pieces = [block];
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

#[cfg(test)]
mod tests {
    use std::{
        collections::{HashSet, VecDeque},
        sync::{Arc, Mutex},
    };

    use async_trait::async_trait;
    use futures_util::stream;
    use tokio::time::sleep;
    use wharf_core::Algorithm;

    use super::*;
    use crate::port::{Ended, StoreState, Unfinished};

    /// What a store got, and where it lay.
    #[derive(Default)]
    struct Got {
        bytes: Vec<u8>,
        places: HashSet<usize>,
    }

    /// A store that holds on to what it got last.
    struct Holding {
        got: Arc<Mutex<Got>>,
        held: VecDeque<Bytes>,
        most: usize,
    }

    #[async_trait]
    impl BlobWriter for Holding {
        async fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
            let mut got = self.got.lock().unwrap();
            for piece in pieces {
                got.bytes.extend_from_slice(piece);
                got.places.insert(piece.as_ptr().addr());
                self.held.push_back(piece.clone());
            }
            while self.held.len() > self.most {
                self.held.pop_front();
            }
            Ok(())
        }

        async fn suspend(self: Box<Self>, _: u64) -> Result<StoreState> {
            Ok(StoreState::new())
        }

        async fn finish(self: Box<Self>) -> Result<Ended, Unfinished> {
            Ok(Ended::Surely)
        }
    }

    #[tokio::test]
    async fn two_blocks_and_those_the_store_holds_serve_a_body_of_any_size() {
        let body: Vec<u8> = (0..9 * BLOCK + 5).map(|at| (at % 251) as u8).collect();
        for (most, piece) in [(0, 1000), (0, 70_001), (3, body.len()), (4, BLOCK)] {
            let got = Arc::new(Mutex::new(Got::default()));
            let writer = Box::new(Holding { got: got.clone(), held: VecDeque::new(), most });
            let pieces: Vec<_> = body.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let source = Source::new(Box::pin(stream::iter(pieces)), None, Duration::from_secs(60));
            let pumped = pump(source, Hasher::new(Algorithm::Sha256), writer, Taps::none()).await;
            assert!(pumped.end.is_ok());
            assert_eq!(pumped.hasher.finish(), wharf_hash::digest(Algorithm::Sha256, &body));
            let got = got.lock().unwrap();
            assert!(got.bytes == body, "in pieces of {piece}");
            assert_eq!(got.places.len(), most + 2, "in pieces of {piece}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_may_stand_still_for_as_long_as_is_set_and_no_longer() {
        for (pause, passes) in [(89, true), (91, false)] {
            let pieces = stream::iter(["one", "two"]).then(move |piece| async move {
                sleep(Duration::from_secs(pause)).await;
                Ok(Bytes::from_static(piece.as_bytes()))
            });
            let writer = Box::new(Holding { got: Arc::default(), held: VecDeque::new(), most: 0 });
            let source = Source::new(Box::pin(pieces), None, Duration::from_secs(90));
            let pumped = pump(source, Hasher::new(Algorithm::Sha256), writer, Taps::none()).await;
            match pumped.end {
                Ok(()) => assert!(passes, "{pause} seconds were let pass"),
                Err(error) => {
                    assert!(!passes, "{pause} seconds: {error}");
                    assert_eq!(error.kind(), Kind::Timeout);
                    assert_eq!(error.message(), "the body stood still for 90 seconds");
                }
            }
        }
    }
}
