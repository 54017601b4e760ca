//! What several hold together: one thing for each key, as long as somebody holds it.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// Things that are found by a key while somebody holds them, and forgotten after. There is room for as many as were ever
/// held at once.
#[derive(Debug)]
pub struct Shared<K, T>(Mutex<HashMap<K, Weak<T>>>);

impl<K, T> Default for Shared<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, T> Shared<K, T> {
    /// What goes by a key: what somebody holds, else what is made now.
    pub fn hold(&self, key: K, make: impl FnOnce() -> T) -> Arc<T> {
        let mut things = self.things();
        if let Some(held) = things.get(&key).and_then(Weak::upgrade) {
            return held;
        }
        // Only where it would grow: so one that comes costs the same however many there are.
        if things.len() == things.capacity() {
            things.retain(|_, thing| thing.strong_count() > 0);
        }
        let made = Arc::new(make());
        things.insert(key, Arc::downgrade(&made));
        made
    }

    /// What somebody holds by a key.
    pub fn find(&self, key: &K) -> Option<Arc<T>> {
        self.things().get(key).and_then(Weak::upgrade)
    }

    fn things(&self) -> MutexGuard<'_, HashMap<K, Weak<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_holds_is_there_once_and_what_nobody_holds_is_not() {
        let shared = Shared::default();
        let first = shared.hold("a", || 1);
        let second = shared.hold("a", || 2);
        assert!(Arc::ptr_eq(&first, &second));
        drop(first);
        assert_eq!(shared.find(&"a").as_deref(), Some(&1));
        drop(second);
        assert_eq!(shared.find(&"a"), None);
        assert_eq!(*shared.hold("a", || 3), 3);
    }

    #[test]
    fn what_nobody_holds_takes_no_room() {
        let shared = Shared::default();
        let held: Vec<_> = (0..3).map(|key| shared.hold(key, || ())).collect();
        for key in 3..1000 {
            shared.hold(key, || ());
        }
        assert!(shared.things().len() < 10, "{} things of {}", shared.things().len(), held.len());
        assert!((0..3).all(|key| shared.find(&key).is_some()), "and what is held stays");
    }
}
