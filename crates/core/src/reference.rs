//! Tags and references.

use std::{fmt, str::FromStr};

use crate::{Detail, Digest, Error, Kind};

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}` (distribution-spec, pulling manifests).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(word);
        if first && text.len() <= 128 && bytes.all(|c| word(c) || c == b'.' || c == b'-') {
            return Ok(Self(text.to_owned()));
        }
        let message = "tag must be up to 128 letters, digits, '_', '.' or '-', not beginning with '.' or '-'";
        Err(Error::new(Kind::Invalid, message).with(Detail::Manifest))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What names a manifest within its repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By tag: may move.
    Tag(Tag),
    /// By digest: never changes.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = Error;

    /// A text with a `:` is a digest, for no tag can hold one.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.contains(':') {
            return text.parse().map(Self::Digest).map_err(|error: Error| error.with(Detail::Digest));
        }
        text.parse().map(Self::Tag)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_outside_the_grammar_are_refused() {
        for bad in ["", ".a", "-a", "a b", "a/b", "é", &"a".repeat(129)] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?} was accepted");
        }
        for good in ["a", "_", "1.2.3-rc1_x", &"a".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn a_text_with_a_colon_is_a_digest_or_nothing() {
        assert!(matches!(format!("sha256:{}", "0".repeat(64)).parse(), Ok(Reference::Digest(_))));
        assert!("sha256:baddigeststring".parse::<Reference>().is_err());
    }
}
