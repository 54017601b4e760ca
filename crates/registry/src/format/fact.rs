//! What a format reads of a manifest: records by which it is found, and small texts that are kept with it.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use wharf_core::{Detail, Digest, Error, Kind, Result, Tag};

/// The most facts of one manifest, pairs and documents of one fact.
const MOST: usize = 1000;
/// The largest attributes of one fact, in bytes of JSON.
const LARGEST_ATTRIBUTES: usize = 256 * 1024;
/// The largest attributes of all facts of one manifest, which are shown together.
const LARGEST_TOGETHER: usize = 4 * 1024 * 1024;
/// The largest document, in bytes.
const LARGEST_DOCUMENT: usize = 1024 * 1024;
/// The largest documents of all facts of one manifest, which are stored together.
const LARGEST_DOCUMENTS: usize = 8 * 1024 * 1024;
/// The longest subject, sort key or value of a pair, in bytes: they stand in an index.
pub(super) const LONGEST: usize = 512;

/// One record of what a manifest holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fact {
    /// What it is about: the name of the chart, the project, the plugin.
    pub subject: String,
    /// Bytes that order the facts about one subject, the newest first.
    pub sort_key: Vec<u8>,
    /// Everything that was read.
    pub attributes: Map<String, Value>,
    /// Pairs of a name and a value by which the fact is found; a name may stand several times.
    pub index: Vec<(&'static str, String)>,
    /// Texts that are kept.
    pub documents: Vec<Document>,
    /// The tag of the release it is listed in, if its format lists releases; all facts of a manifest are of one.
    pub release: Option<Tag>,
    /// The tag under which the page of the registry shows it: as long as the tag points to its manifest.
    pub shown_as: Option<Tag>,
    /// Names that are its alone in the repository, for good.
    pub claims: Vec<Claim>,
}

/// A name that stands for one content in a repository, and never for another, not even when that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of what kind the name is; names of two kinds do not meet.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// The content it stands for.
    pub digest: Digest,
}

/// A pair by which facts of a format are found.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The format.
    pub format: &'a str,
    /// The name.
    pub name: &'a str,
    /// The value.
    pub value: &'a str,
}

/// A small text kept with a fact: a README, the default values of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name within the fact: lower-case letters, digits, `.` and `-`.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// The exact bytes.
    pub bytes: Vec<u8>,
}

impl Fact {
    /// Refuses what would not fit the index, whatever format it comes from; how long the attributes are, in bytes.
    fn expect_bounded(&self) -> Result<usize> {
        let too_large = |what: &str| Err(Error::new(Kind::TooLarge, format!("{what} is too large")));
        let attributes = serde_json::to_vec(&self.attributes).map_err(Error::internal)?.len();
        if attributes > LARGEST_ATTRIBUTES {
            return too_large("what the artifact says of itself");
        }
        if self.subject.len() > LONGEST || self.sort_key.len() > LONGEST {
            return too_large("the artifact's name or version");
        }
        let is_long = |(_, value): &(&str, String)| value.len() > LONGEST;
        let is_long_name = |claim: &Claim| claim.name.len() > LONGEST;
        let most = self.index.len().max(self.documents.len()).max(self.claims.len());
        if most > MOST || self.index.iter().any(is_long) || self.claims.iter().any(is_long_name) {
            return too_large("an attribute of the artifact");
        }
        // PostgreSQL holds no text with this character.
        let names = self.claims.iter().map(|claim| &claim.name);
        let values = self.index.iter().map(|(_, value)| value).chain(names).chain([&self.subject]);
        if values.into_iter().any(|value| value.contains('\0')) {
            let message = "an attribute of the artifact holds a NUL character";
            return Err(Error::new(Kind::Invalid, message).with(Detail::Manifest));
        }
        match self.documents.iter().find(|document| document.bytes.len() > LARGEST_DOCUMENT) {
            Some(document) => too_large(document.name),
            None => Ok(attributes),
        }
    }
}

/// Refuses more facts, and longer ones, than any artifact has.
pub(super) fn expect_bounded(facts: &[Fact]) -> Result<()> {
    if facts.len() > MOST {
        return Err(Error::new(Kind::TooLarge, "the artifact holds too many things"));
    }
    if facts.windows(2).any(|two| matches!(two, [one, other] if one.release != other.release)) {
        let message = "all that one manifest holds must be of one release";
        return Err(Error::new(Kind::Invalid, message).with(Detail::Manifest));
    }
    let together = facts.iter().map(Fact::expect_bounded).sum::<Result<usize>>()?;
    if together > LARGEST_TOGETHER {
        return Err(Error::new(Kind::TooLarge, "what the artifact says of itself is too large"));
    }
    let documents = facts.iter().flat_map(|fact| &fact.documents);
    if documents.map(|document| document.bytes.len()).sum::<usize>() > LARGEST_DOCUMENTS {
        return Err(Error::new(Kind::TooLarge, "the texts of the artifact are too large"));
    }
    Ok(())
}

/// Where a page of facts ends. Opaque to callers, who hand it back for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactCursor {
    /// The last fact's subject.
    pub subject: String,
    /// Its sort key.
    pub sort_key: Vec<u8>,
    /// Its row.
    pub id: i64,
}

impl fmt::Display for FactCursor {
    /// base64url of the row's id in 8 bytes, the subject's length in 2, the subject, the sort key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = u16::try_from(self.subject.len()).map_err(|_| fmt::Error)?;
        let parts =
            [&self.id.to_be_bytes()[..], &length.to_be_bytes(), self.subject.as_bytes(), &self.sort_key];
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(parts.concat()))
    }
}

impl FromStr for FactCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
            let (id, rest) = bytes.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk()?;
            let (subject, sort_key) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            let subject = String::from_utf8(subject.to_vec()).ok()?;
            Some(Self { subject, sort_key: sort_key.to_vec(), id: i64::from_be_bytes(*id) })
        };
        // No fact has a subject with this character, and one of the databases cannot hold it.
        read()
            .filter(|cursor| !cursor.subject.contains('\0'))
            .ok_or_else(|| Error::new(Kind::Invalid, "last must be taken from the Link of the page before"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_printed() {
        let cursor = FactCursor { subject: "nginx".to_owned(), sort_key: vec![0, 255, 7], id: -3 };
        assert_eq!(cursor.to_string().parse::<FactCursor>().unwrap(), cursor);
        for bad in ["", "a", "%%", "AAAAAAAAAAD__w"] {
            assert!(bad.parse::<FactCursor>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn what_does_not_fit_the_index_is_refused() {
        let bounded = |fact: Fact| expect_bounded(&[fact]).map_err(|error| error.kind());
        let subject = |length: usize| Fact { subject: "x".repeat(length), ..Fact::default() };
        assert_eq!(bounded(subject(LONGEST)), Ok(()));
        assert_eq!(bounded(subject(LONGEST + 1)), Err(Kind::TooLarge));
        let document =
            |size: usize| Document { name: "readme", media_type: "text/plain", bytes: vec![0; size] };
        let kept = |size: usize| Fact { documents: vec![document(size)], ..Fact::default() };
        assert_eq!(bounded(kept(LARGEST_DOCUMENT)), Ok(()));
        assert_eq!(bounded(kept(LARGEST_DOCUMENT + 1)), Err(Kind::TooLarge));
        let full = LARGEST_DOCUMENTS / LARGEST_DOCUMENT;
        assert!(expect_bounded(&vec![kept(LARGEST_DOCUMENT); full]).is_ok());
        assert!(expect_bounded(&vec![kept(LARGEST_DOCUMENT); full + 1]).is_err(), "they are stored at once");
        let text = "x".repeat(LARGEST_ATTRIBUTES - r#"{"a":""}"#.len());
        let long = Fact { attributes: Map::from_iter([("a".to_owned(), text.into())]), ..Fact::default() };
        let most = LARGEST_TOGETHER / LARGEST_ATTRIBUTES;
        assert!(expect_bounded(&vec![long.clone(); most]).is_ok());
        assert!(expect_bounded(&vec![long; most + 1]).is_err(), "all facts of a manifest are shown at once");
    }
}
