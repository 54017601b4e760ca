//! Bytes on their way in, held against the digest and the size they were promised under.

use wharf_core::{Detail, Digest, Error, Kind, Result};
use wharf_hash::Hasher;

/// How far a content has come. A clone remembers a place to go on from.
#[derive(Clone)]
pub(crate) struct Checker {
    expected: Digest,
    size: u64,
    hasher: Hasher,
}

impl Checker {
    pub(crate) fn new(expected: Digest, size: u64) -> Self {
        Self { expected, size, hasher: Hasher::new(expected.algorithm()) }
    }

    /// How many bytes went through.
    pub(crate) const fn position(&self) -> u64 {
        self.hasher.count()
    }

    /// How many are still to come.
    pub(crate) const fn left(&self) -> u64 {
        self.size.saturating_sub(self.hasher.count())
    }

    /// Takes the next bytes. Those that would complete a wrong content are refused.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 > self.left() {
            return Err(self.wrong("is longer than the manifest says"));
        }
        self.hasher.update(bytes);
        if self.left() == 0 { self.judge() } else { Ok(()) }
    }

    /// Whether everything that went through is the promised content.
    pub(crate) fn judge(&self) -> Result<()> {
        let found = self.hasher.clone().finish();
        if found == self.expected && self.left() == 0 {
            return Ok(());
        }
        Err(self.wrong("came with bytes of another digest"))
    }

    fn wrong(&self, what: &str) -> Error {
        Error::new(Kind::Invalid, format!("{} {what}", self.expected)).with(Detail::Digest)
    }
}

#[cfg(test)]
mod tests {
    use wharf_core::Algorithm;
    use wharf_hash::digest;

    use super::*;

    #[test]
    fn wrong_bytes_and_wrong_lengths_are_refused() {
        let expected = digest(Algorithm::Sha256, b"cargo");
        let taken = |pieces: &[&[u8]], size| {
            let mut checker = Checker::new(expected, size);
            pieces.iter().try_for_each(|piece| checker.take(piece))
        };
        assert!(taken(&[b"car", b"go"], 5).is_ok());
        assert!(taken(&[b"car", b"gO"], 5).is_err());
        assert!(taken(&[b"cargo"], 4).is_err());
        assert!(taken(&[b"carg"], 4).is_err());
        assert!(Checker::new(expected, 5).judge().is_err(), "nothing is not the content");
        assert!(Checker::new(digest(Algorithm::Sha512, b""), 0).judge().is_ok());
    }
}
