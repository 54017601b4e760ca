//! Digests of uploads: one pass over the bytes, in chunks, on any node.
//!
//! A [`Hasher`] can be saved after any byte and restored elsewhere, also by a build with another backend: the
//! saved form holds the algorithm's own chaining words, the byte count and the unfinished block. The registries'
//! digests are computed here; the two extra ones the Python index wants are [`ExtraHasher`]s.

mod block;
mod compress;
mod extra;
#[cfg(all(feature = "fast-hash", target_arch = "x86_64"))]
mod fast;

pub use extra::{Extra, ExtraHasher};
use wharf_core::{Algorithm, Digest};

use crate::{
    block::Running,
    compress::{Sha256, Sha512},
};

/// The version of the saved form; a change of layout takes the next number.
const VERSION: u8 = 1;

/// A digest in the making.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Running<Sha256>),
    Sha512(Running<Sha512>),
}

impl Hasher {
    /// Begins a digest.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Running::new()),
            Algorithm::Sha512 => State::Sha512(Running::new()),
        })
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// How many bytes went in.
    pub const fn count(&self) -> u64 {
        match &self.0 {
            State::Sha256(running) => running.count(),
            State::Sha512(running) => running.count(),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(running) => running.update(bytes),
            State::Sha512(running) => running.update(bytes),
        }
    }

    /// The state as bytes: version, algorithm, byte count (big-endian u64), chaining words, unfinished block.
    pub fn save(&self) -> Vec<u8> {
        let algorithm = match self.algorithm() {
            Algorithm::Sha256 => 1,
            Algorithm::Sha512 => 2,
        };
        let mut saved = vec![VERSION, algorithm];
        match &self.0 {
            State::Sha256(running) => running.save(&mut saved),
            State::Sha512(running) => running.save(&mut saved),
        }
        saved
    }

    /// Reads a saved state; `None` for another version, an unknown algorithm or a wrong length.
    pub fn restore(saved: &[u8]) -> Option<Self> {
        match saved {
            [VERSION, 1, rest @ ..] => Running::restore(rest).map(|running| Self(State::Sha256(running))),
            [VERSION, 2, rest @ ..] => Running::restore(rest).map(|running| Self(State::Sha512(running))),
            _ => None,
        }
    }

    /// The digest of all bytes that went in.
    ///
    /// # Panics
    /// Never: the value always has its algorithm's length.
    #[expect(clippy::expect_used, reason = "a hash value has the length of its algorithm by construction")]
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        let value = match self.0 {
            State::Sha256(running) => running.finish(),
            State::Sha512(running) => running.finish(),
        };
        Digest::new(algorithm, &value).expect("a hash value has the length of its algorithm")
    }
}

/// The digest of bytes that lie in memory.
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm);
    hasher.update(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::Digest as _;

    use super::*;

    fn reference(algorithm: Algorithm, bytes: &[u8]) -> Digest {
        let value = match algorithm {
            Algorithm::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
            Algorithm::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        };
        Digest::new(algorithm, &value).unwrap()
    }

    #[test]
    fn every_length_around_a_block_agrees_with_a_second_implementation() {
        let bytes: Vec<u8> = (0..600).map(|i| (i % 251) as u8).collect();
        for length in 0..bytes.len() {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                assert_eq!(digest(algorithm, &bytes[..length]), reference(algorithm, &bytes[..length]));
            }
        }
    }

    proptest! {
        #[test]
        fn a_digest_saved_and_restored_between_any_chunks_is_the_same(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
        ) {
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let mut hasher = Hasher::new(algorithm);
                for chunk in &chunks {
                    hasher.update(chunk);
                    hasher = Hasher::restore(&hasher.save()).unwrap();
                }
                prop_assert_eq!(hasher.count(), chunks.concat().len() as u64);
                prop_assert_eq!(hasher.finish(), reference(algorithm, &chunks.concat()));
            }
        }

        #[test]
        fn no_bytes_panic_restore_and_what_is_restored_saves_the_same(bytes in prop::collection::vec(any::<u8>(), 0..220)) {
            if let Some(hasher) = Hasher::restore(&bytes) {
                prop_assert_eq!(hasher.save(), bytes);
            }
        }
    }

    #[test]
    fn a_state_of_another_version_length_or_algorithm_is_refused() {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(b"some bytes");
        let good = hasher.save();
        assert!(Hasher::restore(&good).is_some());
        let mut long = good.clone();
        long.push(0);
        let mut version = good.clone();
        version[0] = 2;
        let mut algorithm = good.clone();
        algorithm[1] = 3;
        for bad in [&good[..good.len() - 1], &long, &version, &algorithm, &[]] {
            assert!(Hasher::restore(bad).is_none());
        }
    }
}
