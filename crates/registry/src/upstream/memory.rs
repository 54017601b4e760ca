//! What need not be asked again for a while: what upstreams do not have, and upstreams that do not answer. It is kept in
//! memory only, so that nobody fills the database by asking for names that are nowhere.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use wharf_core::{Recent, Timestamp, gate::RegistryId};

/// The most names that are remembered.
const MOST: usize = 10_000;

/// What need not be asked again for a while.
pub(super) struct Memory {
    absences: Mutex<Recent<(RegistryId, String), Timestamp>>,
    silences: Mutex<HashMap<RegistryId, Timestamp>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { absences: Mutex::new(Recent::of(MOST)), silences: Mutex::default() }
    }
}

impl Memory {
    /// Remembers until then that an upstream lacks something.
    pub(super) fn note_absence(&self, registry: RegistryId, name: &str, until: Timestamp) {
        lock(&self.absences).insert((registry, name.to_owned()), until);
    }

    /// Whether an upstream is known to lack something.
    pub(super) fn is_absent(&self, registry: RegistryId, name: &str, now: Timestamp) -> bool {
        lock(&self.absences).get(&(registry, name.to_owned())).is_some_and(|until| now < until)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_names_that_are_nowhere_makes_others_no_less_known() {
        let (memory, now) = (Memory::default(), Timestamp::default());
        let until = now.plus_seconds(60);
        memory.note_absence(RegistryId(1), "kept", until);
        for name in 0..3 * MOST {
            memory.note_absence(RegistryId(2), &name.to_string(), until);
            assert!(memory.is_absent(RegistryId(1), "kept", now), "after {name} others");
        }
        assert!(!memory.is_absent(RegistryId(2), "0", now), "there is no bound");
        assert!(!memory.is_absent(RegistryId(1), "kept", until), "not for ever");
        assert!(!memory.is_absent(RegistryId(2), "kept", now), "of one registry alone");
    }
}
