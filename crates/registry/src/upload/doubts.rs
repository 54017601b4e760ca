//! Uploads of which nobody knows how they stand: the last change to one went unanswered, and its commit may still come.
//!
//! If it came while the next request writes to the same file, the row would tell of bytes that are no longer there. So the
//! row is moved before that: behind what is under way, or in its place.

use std::sync::{Mutex, PoisonError};

use wharf_core::{Error, Kind, Recent, UploadId};

/// So many are remembered. Where more go unanswered, the database does not answer, and nobody can go on.
const MOST: usize = 10_000;

pub(crate) struct Doubts(Mutex<Recent<UploadId, ()>>);

impl Default for Doubts {
    fn default() -> Self {
        Self(Mutex::new(Recent::of(MOST)))
    }
}

impl Doubts {
    /// Remembers an upload if the change to it that came to this error may still happen.
    pub(super) fn note(&self, id: UploadId, error: &Error) {
        if error.kind() == Kind::Unavailable {
            self.with(|doubts| doubts.insert(id, ()));
        }
    }

    pub(super) fn holds(&self, id: UploadId) -> bool {
        self.with(|doubts| !doubts.is_empty() && doubts.get(&id).is_some())
    }

    /// Its row was moved.
    pub(super) fn settle(&self, id: UploadId) {
        self.with(|doubts| doubts.remove(&id));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Recent<UploadId, ()>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
