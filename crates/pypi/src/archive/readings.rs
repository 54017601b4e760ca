//! What was read inside files that are about to be listed, so that each is read once: by the door that takes it in, and not
//! again by the format that lists it.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use wharf_core::Digest;

use super::Inside;
use crate::filename::FileName;

/// How many are remembered: no more than there are uploads between the one reading and the other.
const MOST: usize = 16;

/// What was read lately, by the digest of the bytes and the name they were held to.
#[derive(Default)]
pub(crate) struct Readings(Mutex<VecDeque<(Digest, String, Inside)>>);

impl Readings {
    /// Remembers what a file says of itself.
    pub(crate) fn put(&self, digest: Digest, file: &FileName, inside: Inside) {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readings.len() >= MOST {
            readings.pop_front();
        }
        readings.push_back((digest, file.text.clone(), inside));
    }

    /// Takes what was remembered of exactly these bytes under this name.
    pub(crate) fn take(&self, digest: &Digest, file: &FileName) -> Option<Inside> {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = readings.iter().position(|(known, name, _)| known == digest && *name == file.text)?;
        readings.remove(at).map(|(_, _, inside)| inside)
    }
}

#[cfg(test)]
mod tests {
    use wharf_core::Algorithm;

    use super::*;
    use crate::metadata::Metadata;

    #[test]
    fn what_was_read_is_taken_once_and_the_oldest_goes_first() {
        let (readings, digest) =
            (Readings::default(), |byte: u8| wharf_hash::digest(Algorithm::Sha256, &[byte]));
        let name = |version: u8| FileName::parse(&format!("foo-{version}.tar.gz")).unwrap();
        let text = b"Metadata-Version: 2.1\nName: foo\nVersion: 1\n";
        for number in 0..=MOST as u8 {
            let inside = Inside { bytes: text.to_vec(), metadata: Metadata::parse(text).unwrap() };
            readings.put(digest(number), &name(number), inside);
        }
        assert!(readings.take(&digest(0), &name(0)).is_none(), "more are remembered than there should be");
        assert!(readings.take(&digest(2), &name(1)).is_none(), "other bytes");
        assert!(readings.take(&digest(1), &name(2)).is_none(), "another name");
        assert!(readings.take(&digest(1), &name(1)).is_some());
        assert!(readings.take(&digest(1), &name(1)).is_none());
    }
}
