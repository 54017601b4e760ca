//! Digests a format wants beside the registry's own, computed in the same pass.

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use md5::Md5;

/// Which extra digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// MD5, as the Python index's upload form sends it. Proves nothing against an attacker.
    Md5,
    /// BLAKE2b with 256 bits, as the same form sends it.
    Blake2b256,
}

/// An extra digest in the making. It cannot be saved: it serves uploads that come in one request.
#[derive(Clone)]
pub enum ExtraHasher {
    /// MD5.
    Md5(Md5),
    /// BLAKE2b-256.
    Blake2b256(Blake2b<U32>),
}

impl ExtraHasher {
    /// Begins a digest.
    pub fn new(extra: Extra) -> Self {
        match extra {
            Extra::Md5 => Self::Md5(Md5::new()),
            Extra::Blake2b256 => Self::Blake2b256(Blake2b::new()),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Blake2b256(hasher) => hasher.update(bytes),
        }
    }

    /// The digest's raw value: 16 bytes for MD5, 32 for BLAKE2b-256.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(hasher) => hasher.finalize().to_vec(),
            Self::Blake2b256(hasher) => hasher.finalize().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use wharf_core::hex;

    use super::*;

    fn digest(extra: Extra, parts: &[&[u8]]) -> String {
        let mut hasher = ExtraHasher::new(extra);
        parts.iter().for_each(|part| hasher.update(part));
        hex::encode(&hasher.finish())
    }

    #[test]
    fn known_values_come_out() {
        // RFC 1321, appendix A.5.
        assert_eq!(digest(Extra::Md5, &[b"a", b"bc"]), "900150983cd24fb0d6963f7d28e17f72");
        // `printf abc | b2sum -l 256`
        let blake = "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319";
        assert_eq!(digest(Extra::Blake2b256, &[b"", b"abc"]), blake);
    }
}
