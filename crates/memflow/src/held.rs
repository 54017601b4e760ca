//! Files that are being taken in. They lie in memory until they are stored, so the format that lists them takes them from
//! here and not out of the store, however many manifests name them.

use std::sync::Arc;

use wharf_core::{Digest, Shared};
use wharf_registry::HashedBytes;

use crate::descriptor::Descriptor;

/// A file in memory, and what it says of itself.
pub(crate) struct Held {
    /// Its bytes.
    pub(crate) file: HashedBytes,
    /// Every descriptor, in order.
    pub(crate) descriptors: Vec<Descriptor>,
}

/// The files that somebody holds, by their SHA-256. Who holds one is the only reason for it to be here.
#[derive(Default)]
pub(crate) struct HeldFiles(Shared<Digest, Held>);

impl HeldFiles {
    /// Holds a file. Of several who bring the same at the same time, all hold the first one's.
    pub(crate) fn hold(&self, held: Held) -> Arc<Held> {
        self.0.hold(*held.file.digest(), || held)
    }

    /// A file that somebody holds now.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Held>> {
        self.0.find(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bytes: &'static [u8]) -> Held {
        Held { file: HashedBytes::new(bytes), descriptors: Vec::new() }
    }

    #[test]
    fn a_file_is_here_once_and_as_long_as_somebody_holds_it() {
        let files = HeldFiles::default();
        let first = files.hold(held(b"one"));
        let second = files.hold(held(b"one"));
        assert!(Arc::ptr_eq(&first, &second), "the same bytes lie in memory twice");
        let digest = *first.file.digest();
        drop(first);
        assert!(files.find(&digest).is_some());
        drop(second);
        assert!(files.find(&digest).is_none());
    }
}
