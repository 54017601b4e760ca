//! Blobs to push: none equals another, and none is held in memory.
//!
//! The first bytes of each follow from a number that is used once, the rest is the same mebibyte of noise over and
//! over; a store that deduplicates whole blobs finds nothing to share.

use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};

use wharf_core::{Algorithm, Digest};
use wharf_hash::Hasher;

/// How many bytes a payload has of its own.
const OWN: usize = 64 << 10;

/// The shared rest.
static NOISE: LazyLock<Vec<u8>> = LazyLock::new(|| noise(0, 1 << 20));

/// A blob.
#[derive(Debug)]
pub(crate) struct Payload {
    own: Vec<u8>,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// Its digest.
    pub(crate) digest: Digest,
}

impl Payload {
    /// A blob of so many bytes that was not there before.
    pub(crate) fn new(size: u64) -> Self {
        let own = noise(number(), usize::try_from(size).unwrap_or(usize::MAX).min(OWN));
        let mut hasher = Hasher::new(Algorithm::Sha256);
        pieces(&own, size).for_each(|piece| hasher.update(piece));
        Self { own, size, digest: hasher.finish() }
    }

    /// A blob of these bytes.
    pub(crate) fn of(own: Vec<u8>) -> Self {
        let digest = wharf_hash::digest(Algorithm::Sha256, &own);
        Self { size: own.len() as u64, own, digest }
    }

    /// Its bytes, in pieces of up to a mebibyte.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        pieces(&self.own, self.size)
    }
}

/// A number that this run has not used yet.
pub(crate) fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn pieces(own: &[u8], size: u64) -> impl Iterator<Item = &[u8]> {
    let mut left = size.saturating_sub(own.len() as u64);
    let rest = std::iter::from_fn(move || {
        let length = left.min(NOISE.len() as u64);
        left -= length;
        NOISE.get(..usize::try_from(length).ok()?).filter(|piece| !piece.is_empty())
    });
    std::iter::once(own).chain(rest)
}

/// Bytes that follow from a seed (splitmix64, as its authors published it).
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0xD134_2543_DE82_EF95);
    let words = std::iter::repeat_with(|| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scrambled(state).to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// Another number that says nothing of the one it follows from.
pub(crate) fn scrambled(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_size_and_no_twin() {
        for size in [0, 1, 10 << 10, OWN as u64, (2 << 20) + 7] {
            let payload = Payload::new(size);
            let bytes = payload.pieces().collect::<Vec<_>>().concat();
            assert_eq!(bytes.len() as u64, size);
            assert_eq!(wharf_hash::digest(Algorithm::Sha256, &bytes), payload.digest);
            assert!(size == 0 || Payload::new(size).digest != payload.digest);
        }
    }
}
