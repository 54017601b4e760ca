//! Content digests: `sha256:` or `sha512:` and lower-case hex (image-spec, descriptor.md).

use std::{fmt, str::FromStr};

use crate::{Error, Kind, hex};

/// A registered digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, the default of every client.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name in a digest string and in `digest-algorithm=`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the raw digest in bytes.
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The stable number of the algorithm in stored rows.
    const fn code(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }
}

impl FromStr for Algorithm {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        match name {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(Error::new(Kind::Invalid, "unknown digest algorithm: sha256 and sha512 are served")),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The digest of some content: an algorithm and its raw value.
///
/// Equal contents under two algorithms are two digests and two things.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

impl Digest {
    /// Makes a digest from its raw value; `None` when the length is not the algorithm's.
    pub fn new(algorithm: Algorithm, value: &[u8]) -> Option<Self> {
        let mut bytes = [0; 64];
        bytes.get_mut(..algorithm.length())?.copy_from_slice(value.get(..algorithm.length())?);
        (value.len() == algorithm.length()).then_some(Self { algorithm, bytes })
    }

    /// Makes a digest from a SHA-256.
    pub fn sha256(value: [u8; 32]) -> Self {
        let mut bytes = [0; 64];
        bytes.split_at_mut(value.len()).0.copy_from_slice(&value);
        Self { algorithm: Algorithm::Sha256, bytes }
    }

    /// The algorithm.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The raw value, [`Algorithm::length`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.algorithm.length()).0
    }

    /// The value in lower-case hex, without the algorithm.
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }

    /// The form kept in database rows: one byte for the algorithm, then the raw value.
    pub fn to_row(&self) -> Vec<u8> {
        let mut row = vec![self.algorithm.code()];
        row.extend_from_slice(self.as_bytes());
        row
    }

    /// Reads what [`Digest::to_row`] wrote; `None` when the row holds anything else.
    pub fn from_row(row: &[u8]) -> Option<Self> {
        let (code, value) = row.split_first()?;
        let algorithm = [Algorithm::Sha256, Algorithm::Sha512].into_iter().find(|a| a.code() == *code)?;
        Self::new(algorithm, value)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::new(Kind::Invalid, "digest must be sha256: or sha512: and lower-case hex");
        let (algorithm, encoded) = text.split_once(':').ok_or_else(invalid)?;
        let algorithm = Algorithm::from_str(algorithm)?;
        let lower = !encoded.contains(|c: char| c.is_ascii_uppercase());
        let value = hex::decode(encoded).filter(|_| lower).ok_or_else(invalid)?;
        Self::new(algorithm, &value).ok_or_else(invalid)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_printed_digest_parses_back(value in prop::array::uniform32(any::<u8>())) {
            let digest = Digest::new(Algorithm::Sha256, &value).unwrap();
            prop_assert_eq!(digest, digest.to_string().parse().unwrap());
            prop_assert_eq!(Some(digest), Digest::from_row(&digest.to_row()));
        }

        #[test]
        fn no_text_panics_the_parser(text in "\\PC*") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }

    #[test]
    fn upper_case_short_long_and_foreign_digests_are_refused() {
        let good = format!("sha256:{}", "a".repeat(64));
        assert!(good.parse::<Digest>().is_ok());
        for bad in [
            good.to_uppercase(),
            format!("sha256:{}", "A".repeat(64)),
            format!("sha256:{}", "a".repeat(63)),
            format!("sha256:{}", "a".repeat(128)),
            format!("sha512:{}", "a".repeat(64)),
            format!("md5:{}", "a".repeat(32)),
            "sha256:baddigeststring".into(),
            "sha256".into(),
            String::new(),
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }
}
