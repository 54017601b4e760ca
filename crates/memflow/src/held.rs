//! Files that are being taken in. They lie in memory until they are stored, so the format that lists them takes them from
//! here and not out of the store, however many manifests name them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use wharf_core::Digest;
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
pub(crate) struct HeldFiles(Mutex<HashMap<Digest, Weak<Held>>>);

impl HeldFiles {
    /// Holds a file. Of several who bring the same at the same time, all hold the first one's.
    pub(crate) fn hold(&self, held: Held) -> Arc<Held> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(held.file.digest()).and_then(Weak::upgrade) {
            return known;
        }
        files.retain(|_, held| held.strong_count() > 0);
        let held = Arc::new(held);
        files.insert(*held.file.digest(), Arc::downgrade(&held));
        held
    }

    /// A file that somebody holds now.
    pub(crate) fn find(&self, digest: &Digest) -> Option<Arc<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).and_then(Weak::upgrade)
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
        let _other = files.hold(held(b"two"));
        assert_eq!(files.0.lock().unwrap().len(), 1, "what nobody holds is not forgotten");
    }
}
