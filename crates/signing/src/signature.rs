//! A signature as clients write it: hex of either case, over DER for ECDSA, over 64 bytes for Ed25519.

use std::{fmt, str::FromStr};

use wharf_core::{Error, Kind, Result, hex};

/// The longest signature, in hex digits: that of P-256 in DER has 144.
const LONGEST: usize = 256;

/// A signature. It is shown as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    text: String,
    bytes: Vec<u8>,
}

impl Signature {
    /// The bytes, as `openssl` writes them into a file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A signature of these bytes, in lower case.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self { text: hex::encode(bytes), bytes: bytes.to_vec() }
    }

    /// Other bytes in the case of this one.
    pub(crate) fn rewritten(&self, bytes: &[u8]) -> Self {
        let mut rewritten = Self::of(bytes);
        if self.text.contains(|digit: char| digit.is_ascii_uppercase()) {
            rewritten.text.make_ascii_uppercase();
        }
        rewritten
    }
}

impl FromStr for Signature {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = Some(text).filter(|text| text.len() <= LONGEST).and_then(hex::decode);
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let invalid = || Error::new(Kind::Invalid, "a signature is written in hex digits");
        bytes.map(|bytes| Self { text: text.to_owned(), bytes }).ok_or_else(invalid)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_shown_as_it_was_written() {
        for text in ["3044", "aBcD", "00"] {
            assert_eq!(text.parse::<Signature>().unwrap().to_string(), text);
        }
        assert_eq!("aBcD".parse::<Signature>().unwrap().bytes(), [0xab, 0xcd]);
        for bad in ["", "3", "3g", "30 4", "0x30", "é1", &"0".repeat(258)] {
            assert!(bad.parse::<Signature>().is_err(), "{bad:?} was accepted");
        }
    }
}
