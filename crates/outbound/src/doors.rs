//! Doors under one policy that differ in whom they believe over TLS: a tenant may have authorities of its own.

use std::{
    collections::HashMap,
    sync::{Mutex, OnceLock, PoisonError},
};

use wharf_core::Result;

use crate::{door::Door, policy::Policy, trust::Trust};

/// The most doors that are kept open, one for each list of authorities; with one more, that goes which was used longest ago.
const MOST: usize = 100;

pub(crate) struct Doors {
    policy: Box<dyn Fn() -> Policy + Send + Sync>,
    /// Read once: there are hundreds, in as many files.
    system: OnceLock<Trust>,
    open: Mutex<Open>,
}

/// The doors that are open, by the authorities, and when each was last used.
#[derive(Default)]
struct Open {
    doors: HashMap<Option<String>, (Door, u64)>,
    uses: u64,
}

impl Doors {
    /// Doors that lead where a policy allows. Each has one of its own.
    pub(crate) fn under(policy: impl Fn() -> Policy + Send + Sync + 'static) -> Self {
        Self { policy: Box::new(policy), system: OnceLock::new(), open: Mutex::default() }
    }

    /// The door that believes these authorities beside those of the system.
    pub(crate) fn believing(&self, authorities: Option<&String>) -> Result<Door> {
        let open = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = open().find(authorities) {
            return Ok(door);
        }
        // Made while nobody waits for the lock: of two who make the same at once, one is thrown away.
        let system = self.system.get_or_init(Trust::of_system).clone();
        let trust = match authorities {
            Some(pem) => system.and(pem.as_bytes())?,
            None => system,
        };
        let door = Door::open((self.policy)(), trust)?;
        open().keep(authorities.cloned(), door.clone());
        Ok(door)
    }
}

impl Open {
    fn find(&mut self, authorities: Option<&String>) -> Option<Door> {
        let (door, used) = self.doors.get_mut(&authorities.cloned())?;
        self.uses += 1;
        *used = self.uses;
        Some(door.clone())
    }

    fn keep(&mut self, authorities: Option<String>, door: Door) {
        if self.doors.len() >= MOST {
            let oldest = self.doors.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.map(|oldest| self.doors.remove(&oldest));
        }
        self.uses += 1;
        self.doors.insert(authorities, (door, self.uses));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_that_is_used_stays_open_whatever_others_open() {
        let door = Door::open(Policy::public(), Trust::of_system()).unwrap();
        let mut open = Open::default();
        open.keep(None, door.clone());
        for tenant in 0..3 * MOST {
            open.keep(Some(tenant.to_string()), door.clone());
            assert!(open.find(None).is_some(), "after {tenant}");
            assert!(open.doors.len() <= MOST);
        }
        assert!(open.find(Some(&"0".to_owned())).is_none());
        assert!(open.find(Some(&(3 * MOST - 1).to_string())).is_some());
    }
}
