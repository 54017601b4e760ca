//! Bytes on their way into a bucket, with the SHA-256 that a request is signed with
//! ([0054](../../../../docs/adr/0054-a-part-is-hashed-while-it-is-gathered.md)): taken on threads that may block, and of a
//! part while it is gathered.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};
use wharf_core::{Algorithm, Digest, Error, Result};
use wharf_hash::Hasher;

/// So many bytes are hashed where they are: to wake a thread costs more.
const LITTLE: usize = 16 << 10;

/// Bytes and their hash. Only what hashed them makes one.
#[derive(Clone, Debug)]
pub(super) struct Payload(Arc<(Vec<Bytes>, Digest)>);

impl Payload {
    /// Hashes bytes that nobody hashed yet.
    pub(super) async fn hash(pieces: Vec<Bytes>) -> Result<Self> {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let hash = move || {
            let mut hasher = Hasher::new(Algorithm::Sha256);
            pieces.iter().for_each(|piece| hasher.update(piece));
            Self(Arc::new((pieces, hasher.finish())))
        };
        if length <= LITTLE { Ok(hash()) } else { spawn_blocking(hash).await.map_err(Error::internal) }
    }

    /// The bytes, in order.
    pub(super) fn pieces(&self) -> &[Bytes] {
        &self.0.0
    }

    /// Their SHA-256.
    pub(super) fn digest(&self) -> &Digest {
        &self.0.1
    }
}

/// The hash of a range of an object, which is taken while the range is gathered.
#[derive(Default)]
pub(super) struct RangeHash {
    range: Range<u64>,
    /// What is hashed now: the last piece of the range.
    running: Option<JoinHandle<Hasher>>,
}

impl RangeHash {
    /// Lets a piece be hashed that lies at this byte of the object. Where it does not follow what was taken before, it
    /// begins another range.
    pub(super) async fn take(&mut self, at: u64, piece: Bytes) -> Result<()> {
        let mut hasher = match self.running.take() {
            Some(running) if self.range.end == at => running.await.map_err(Error::internal)?,
            _ => {
                self.range = at..at;
                Hasher::new(Algorithm::Sha256)
            }
        };
        self.range.end += piece.len() as u64;
        self.running = Some(spawn_blocking(move || {
            hasher.update(&piece);
            hasher
        }));
        Ok(())
    }

    /// The payload that the pieces of this range are. Where another range was taken, they are hashed now.
    pub(super) async fn payload(&mut self, range: Range<u64>, pieces: Vec<Bytes>) -> Result<Payload> {
        match self.running.take_if(|_| self.range == range) {
            None => Payload::hash(pieces).await,
            Some(running) => {
                let hasher = running.await.map_err(Error::internal)?;
                Ok(Payload(Arc::new((pieces, hasher.finish()))))
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A payload that says it has another hash than it has.
    pub(crate) fn lying(pieces: Vec<Bytes>, digest: Digest) -> Payload {
        Payload(Arc::new((pieces, digest)))
    }

    #[tokio::test]
    async fn whatever_was_taken_before_the_hash_is_that_of_the_pieces() {
        let bytes = |byte, length| Bytes::from(vec![byte; length]);
        let (one, two) = (bytes(1, LITTLE), bytes(2, 3));
        let expected = wharf_hash::digest(Algorithm::Sha256, &[&*one, &*two].concat());
        // In order; with something lost between; begun too early; with something behind; nothing.
        for taken in [
            vec![(7, &one), (7 + LITTLE as u64, &two)],
            vec![(7, &one), (8 + LITTLE as u64, &two)],
            vec![(4, &two), (7, &one), (7 + LITTLE as u64, &two)],
            vec![(7, &one), (7 + LITTLE as u64, &two), (10 + LITTLE as u64, &two)],
            vec![],
        ] {
            let mut hash = RangeHash::default();
            for (at, piece) in taken {
                hash.take(at, piece.clone()).await.unwrap();
            }
            let range = 7..10 + LITTLE as u64;
            let payload = hash.payload(range, vec![one.clone(), two.clone()]).await.unwrap();
            assert_eq!(*payload.digest(), expected);
        }
    }
}
