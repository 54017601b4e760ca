//! A cache that takes so many bytes at most. Whoever puts something there says by what it is known and how many bytes it
//! takes; whether what is found still stands is his to judge.

use std::{
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_core::Recent;

/// What a cache can hold.
pub trait Weigh {
    /// How many bytes it takes.
    fn weight(&self) -> usize;
}

/// A cache.
pub struct Cache<K, V>(Mutex<Recent<K, Arc<V>>>);

impl<K: Eq + Hash, V: Weigh> Cache<K, V> {
    /// A cache of so many bytes at most. Where more come, what nobody asked for lately goes.
    pub fn new(most: usize) -> Self {
        Self(Mutex::new(Recent::weighing(most, |value| value.weight())))
    }

    /// What was put there under a key.
    pub fn find(&self, key: &K) -> Option<Arc<V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    /// Puts something there, in the place of what was there before. What takes more than half of the cache is not held, and
    /// drives nothing else out.
    pub fn put(&self, key: K, value: Arc<V>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for usize {
        fn weight(&self) -> usize {
            *self
        }
    }

    #[test]
    fn what_is_asked_for_stays_whatever_else_comes() {
        let cache = Cache::new(100);
        cache.put(1000, Arc::new(10));
        for number in 0..50 {
            cache.put(number, Arc::new(10));
            assert!(cache.find(&number).is_some() && cache.find(&1000).is_some());
        }
        let held = (0..50).filter(|number| cache.find(number).is_some()).count();
        assert!(held < 10, "{held} of ten bytes each are held");
    }

    #[test]
    fn what_takes_more_than_half_drives_nothing_out_but_what_it_is_to_replace() {
        let cache = Cache::new(100);
        cache.put("one", Arc::new(20));
        cache.put("other", Arc::new(20));
        cache.put("other", Arc::new(51));
        assert!(cache.find(&"one").is_some());
        assert!(cache.find(&"other").is_none(), "neither the old nor the new one is there");
    }
}
