//! Contents that lie in memory: hashed once, by whoever has to know their digest first, and not again while they are stored.

use std::{
    future::{pending, ready},
    mem::replace,
};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio::task::{JoinError, spawn_blocking};
use wharf_core::{Algorithm, Digest, Error, Result};
use wharf_hash::Hasher;

use super::blocks::BLOCK;

/// Room of more than this goes back to the system as soon as nobody needs it. Once glibc has seen smaller room go, it keeps
/// twice as much in every thread, of whatever is freed there (mallopt(3), `M_MMAP_THRESHOLD`).
const NEVER_KEPT: usize = (32 << 20) + 1;

/// Bytes with their SHA-256. Only what hashed them makes one, so the digest need not be doubted.
#[derive(Clone)]
pub struct HashedBytes {
    bytes: Bytes,
    digest: Digest,
    hasher: Hasher,
}

impl HashedBytes {
    /// Hashes some bytes; where they are many, on a thread that may block.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let (bytes, mut hasher) = (bytes.into(), Hasher::new(Algorithm::Sha256));
        hasher.update(&bytes);
        Self::of(bytes, hasher)
    }

    fn of(bytes: Bytes, hasher: Hasher) -> Self {
        Self { digest: hasher.clone().finish(), bytes, hasher }
    }

    /// The bytes.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Their SHA-256.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The hash that all bytes went into.
    pub(super) fn hasher(&self) -> Hasher {
        self.hasher.clone()
    }

    /// The bytes in order, in pieces of up to so many.
    pub(super) fn pieces(&self, most: usize) -> impl Iterator<Item = Bytes> {
        let mut rest = self.bytes.clone();
        std::iter::from_fn(move || {
            let piece = rest.split_to(rest.len().min(most));
            (!piece.is_empty()).then_some(piece)
        })
    }
}

/// Contents on their way into memory: what has come is hashed, on a thread that may block, while more comes.
pub struct Hashing {
    hashed: BytesMut,
    /// What is being hashed; it lies right behind.
    running: BoxFuture<'static, Result<(Hasher, BytesMut), JoinError>>,
    /// What came since; it lies right behind that.
    coming: BytesMut,
}

impl Hashing {
    /// Room for about so many bytes. What is never filled is never touched; room that grows is copied again and again.
    pub fn new(expected: usize) -> Self {
        let nothing = Ok((Hasher::new(Algorithm::Sha256), BytesMut::new()));
        let room = if expected > BLOCK { expected.max(NEVER_KEPT) } else { expected };
        let coming = BytesMut::with_capacity(room);
        Self { hashed: BytesMut::new(), running: Box::pin(ready(nothing)), coming }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.coming.extend_from_slice(bytes);
        if self.coming.len() < BLOCK { Ok(()) } else { self.hash().await }
    }

    /// All of them.
    ///
    /// # Errors
    /// `Internal`.
    pub async fn finish(mut self) -> Result<HashedBytes> {
        self.hash().await?;
        let (hasher, last) = self.running.await.map_err(Error::internal)?;
        self.hashed.unsplit(last);
        Ok(HashedBytes::of(self.hashed.freeze(), hasher))
    }

    /// Lets what came be hashed, after what is being hashed.
    async fn hash(&mut self) -> Result<()> {
        let running = replace(&mut self.running, Box::pin(pending()));
        let (mut hasher, done) = running.await.map_err(Error::internal)?;
        self.hashed.unsplit(done);
        let batch = self.coming.split();
        self.running = Box::pin(spawn_blocking(move || {
            hasher.update(&batch);
            (hasher, batch)
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_bytes() {
        for length in [0, 1, 3, 4, 9] {
            let content = HashedBytes::new(vec![7; length]);
            let pieces: Vec<Bytes> = content.pieces(4).collect();
            assert!(pieces.iter().all(|piece| (1..=4).contains(&piece.len())), "{pieces:?}");
            assert_eq!(pieces.concat(), **content.bytes());
            assert_eq!(content.digest(), &wharf_hash::digest(Algorithm::Sha256, content.bytes()));
        }
    }

    #[tokio::test]
    async fn bytes_that_come_in_pieces_are_hashed_whole_and_stay_where_they_were_put() {
        let bytes: Vec<u8> = (0..3 * BLOCK + 5).map(|at| (at % 251) as u8).collect();
        for (expected, piece) in [(bytes.len(), 4096), (0, BLOCK + 1), (BLOCK, bytes.len()), (9, 700_001)] {
            let mut hashing = Hashing::new(expected);
            let place = hashing.coming.as_ptr();
            for piece in bytes.chunks(piece) {
                hashing.take(piece).await.unwrap();
            }
            let content = hashing.finish().await.unwrap();
            assert_eq!(*content.bytes(), bytes);
            assert_eq!(content.digest(), &wharf_hash::digest(Algorithm::Sha256, &bytes));
            if expected >= bytes.len() {
                assert_eq!(content.bytes().as_ptr(), place);
            }
        }
        let nothing = Hashing::new(0).finish().await.unwrap();
        assert_eq!(nothing.digest(), HashedBytes::new(Bytes::new()).digest());
    }
}
