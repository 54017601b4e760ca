//! How many connections one client holds, so that none takes them all.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_core::Network;

/// The connections of each client.
pub(super) struct Addresses {
    most: usize,
    held: Mutex<HashMap<Network, usize>>,
}

/// A place among the connections of one client, given back when it is dropped.
pub(super) struct Place {
    addresses: Arc<Addresses>,
    client: Network,
}

impl Addresses {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default() })
    }

    /// A place for a connection from this address, if its client has one left.
    pub(super) fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let client = Network::of_client(address);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place { addresses: self.clone(), client })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.addresses.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_holds_so_many_and_what_it_gives_back_it_may_take_again() {
        let addresses = Addresses::new(2);
        let place = |text: &str| addresses.place(text.parse().unwrap());
        let first = place("2001:db8::1").unwrap();
        let second = place("2001:db8::2").unwrap();
        assert!(place("2001:db8::3").is_none(), "they are one client");
        assert!(place("2001:db8:0:1::1").is_some());
        drop(first);
        drop(place("2001:db8::3").unwrap());
        drop(second);
        assert!(addresses.held.lock().unwrap().is_empty());
    }
}
