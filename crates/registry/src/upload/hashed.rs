//! Contents that lie in memory: hashed once, by whoever has to know their digest first, and not again while they are stored.

use bytes::Bytes;
use wharf_core::{Algorithm, Digest};
use wharf_hash::Hasher;

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
}
