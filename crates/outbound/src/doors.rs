//! Doors that lead to the same hosts and differ in whom they believe over TLS: a tenant may have authorities of its own.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use wharf_core::Result;

use crate::{door::Door, policy::Policy, trust::Trust};

/// The most doors that are kept open, one for each list of authorities.
const MOST: usize = 100;

pub(crate) struct Doors {
    /// Hosts that may be in private networks.
    hosts: Vec<String>,
    open: Mutex<HashMap<Option<String>, Door>>,
}

impl Doors {
    /// Doors into the internet, and to these hosts wherever they are.
    pub(crate) fn to(hosts: Vec<String>) -> Self {
        Self { hosts, open: Mutex::default() }
    }

    /// The door that believes these authorities beside those of the system.
    pub(crate) fn believing(&self, authorities: Option<&String>) -> Result<Door> {
        let mut doors = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get(&authorities.cloned()) {
            return Ok(door.clone());
        }
        let trust = match authorities {
            Some(pem) => Trust::of_system().and(pem.as_bytes())?,
            None => Trust::of_system(),
        };
        let door = Door::open(Policy::named(self.hosts.iter().cloned()), trust)?;
        if doors.len() >= MOST {
            doors.clear();
        }
        doors.insert(authorities.cloned(), door.clone());
        Ok(door)
    }
}
