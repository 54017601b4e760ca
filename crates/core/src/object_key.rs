//! Identifiers of uploads and of the objects that hold their bytes.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::{Error, Subject, Timestamp};

/// The id of an upload, unguessable and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(Uuid);

impl UploadId {
    /// A time-ordered id (UUID version 7) from a moment and sixteen unpredictable bytes.
    pub fn new(now: Timestamp, chance: [u8; 16]) -> Self {
        let milliseconds = u64::try_from(now.microseconds() / 1000).unwrap_or_default();
        let mut bits = u128::from_be_bytes(chance);
        bits = (bits & (u128::MAX >> 48)) | (u128::from(milliseconds) << 80);
        bits = (bits & !(0xF << 76)) | (0x7 << 76);
        bits = (bits & !(0x3 << 62)) | (0x2 << 62);
        Self(Uuid::from_u128(bits))
    }

    /// The sixteen bytes kept in rows.
    pub fn to_row(self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }

    /// Reads what [`UploadId::to_row`] wrote.
    pub fn from_row(row: &[u8]) -> Option<Self> {
        Uuid::from_slice(row).ok().map(Self)
    }

    /// Where the bytes of this upload go, and stay when it becomes a blob.
    pub fn object_key(self) -> ObjectKey {
        ObjectKey(self.0)
    }
}

impl FromStr for UploadId {
    type Err = Error;

    /// Only the hyphenated form: an id has one spelling.
    fn from_str(text: &str) -> Result<Self, Error> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 && text == uuid.hyphenated().to_string() => Ok(Self(uuid)),
            _ => Err(Error::not_found(Subject::Upload)),
        }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The physical key of an object, `objects/<2 hex>/<uuid>`: chosen when the upload begins, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey(Uuid);

impl ObjectKey {
    /// The folder, one of 256: it follows the clock, a quarter of a second each, so that uploads that begin together lie
    /// together and share the flush of their folder.
    pub fn folder(&self) -> u8 {
        self.0.as_bytes()[4]
    }

    /// The name within the folder.
    pub fn name(&self) -> String {
        self.0.hyphenated().to_string()
    }

    /// The upload that wrote, or writes, what lies here.
    pub fn upload(self) -> UploadId {
        UploadId(self.0)
    }

    /// The sixteen bytes kept in rows.
    pub fn to_row(self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }

    /// Reads what [`ObjectKey::to_row`] wrote.
    pub fn from_row(row: &[u8]) -> Option<Self> {
        Uuid::from_slice(row).ok().map(Self)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "objects/{:02x}/{}", self.folder(), self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_seven_and_read_back() {
        let id = UploadId::new(Timestamp::from_microseconds(1_700_000_000_000_000), [0xff; 16]);
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string().parse::<UploadId>().unwrap(), id);
        assert_eq!(UploadId::from_row(&id.to_row()), Some(id));
        assert!(id.to_string().to_uppercase().parse::<UploadId>().is_err());
    }

    #[test]
    fn an_object_lies_in_a_folder_of_two_hex_digits() {
        let key = |milliseconds: i64| {
            UploadId::new(Timestamp::from_microseconds(milliseconds * 1000), [0xff; 16]).object_key()
        };
        assert!(key(0x7_abcd).to_string().starts_with("objects/ab/"));
        assert_eq!(key(0x7_ab00).folder(), key(0x7_abff).folder());
        assert_ne!(key(0x7_abff).folder(), key(0x7_ac00).folder());
    }
}
