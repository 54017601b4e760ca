//! When API tokens and logins were last used: noted in memory, and written down by the housekeeping, so that no pull writes.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use wharf_core::{Timestamp, TokenHash};

/// How many are noted between two rounds; of more, some uses are not.
const MOST: usize = 10_000;

#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<TokenHash, Timestamp>>);

impl Uses {
    /// Notes that one was used.
    pub(crate) fn note(&self, hash: TokenHash, now: Timestamp) {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.len() < MOST || uses.contains_key(&hash) {
            uses.insert(hash, now);
        }
    }

    /// When something was last used, as far as that is noted and not yet taken.
    pub(crate) fn latest(&self, hash: TokenHash) -> Option<Timestamp> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).copied()
    }

    /// What was noted since the last time.
    pub(crate) fn take(&self) -> Vec<(TokenHash, Timestamp)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().collect()
    }
}
