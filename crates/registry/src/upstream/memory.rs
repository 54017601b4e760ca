//! What need not be asked again for a while: what upstreams do not have, and upstreams that do not answer. It is kept in
//! memory only, so that nobody fills the database by asking for names that are nowhere.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wharf_core::{Timestamp, gate::RegistryId};

/// The most names that are remembered; with more, all are forgotten.
const MOST: usize = 10_000;

/// What need not be asked again for a while.
#[derive(Default)]
pub(super) struct Memory {
    absences: Mutex<HashMap<(RegistryId, String), Timestamp>>,
    silences: Mutex<HashMap<RegistryId, Timestamp>>,
}

impl Memory {
    /// Remembers until then that an upstream lacks something.
    pub(super) fn note_absence(&self, registry: RegistryId, name: &str, until: Timestamp) {
        let mut absences = lock(&self.absences);
        if absences.len() >= MOST {
            absences.clear();
        }
        absences.insert((registry, name.to_owned()), until);
    }

    /// Whether an upstream is known to lack something.
    pub(super) fn is_absent(&self, registry: RegistryId, name: &str, now: Timestamp) -> bool {
        lock(&self.absences).get(&(registry, name.to_owned())).is_some_and(|until| now < *until)
    }

    /// Remembers until then that an upstream does not answer.
    pub(super) fn note_silence(&self, registry: RegistryId, until: Timestamp) {
        lock(&self.silences).insert(registry, until);
    }

    /// Remembers that it answers.
    pub(super) fn note_answer(&self, registry: RegistryId) {
        lock(&self.silences).remove(&registry);
    }

    /// Whether an upstream is known not to answer.
    pub(super) fn is_silent(&self, registry: RegistryId, now: Timestamp) -> bool {
        lock(&self.silences).get(&registry).is_some_and(|until| now < *until)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
