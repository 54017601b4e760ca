//! A map that weighs no more than it may: what nobody asked for lately goes.
//!
//! It is two maps, a young one and an old one. What is asked for moves to the young one; when that weighs half of the
//! whole, it becomes the old one, and what was still in that is gone.

use std::{collections::HashMap, hash::Hash, mem};

/// What an entry is taken to weigh beside its value, in bytes: a key of the longest names, and the place in the map.
const EACH: usize = 512;

/// Something that may be large.
pub(crate) trait Weigh {
    /// What it holds beside itself, in bytes.
    fn weight(&self) -> usize {
        0
    }
}

pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Of the young one, in bytes, as if nothing was ever removed.
    weight: usize,
    half: usize,
}

impl<K: Eq + Hash, V: Clone + Weigh> Recent<K, V> {
    /// An empty one that may weigh so many bytes.
    pub(super) fn of(most: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, half: most / 2 }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        let weight = EACH + value.weight();
        self.weight += weight;
        if self.weight > self.half {
            self.old = mem::take(&mut self.young);
            self.weight = weight;
        }
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Removes all whose key is not such.
    pub(super) fn retain(&mut self, is_such: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| is_such(key));
        self.old.retain(|key, _| is_such(key));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::of(2 * self.half);
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
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut recent = Recent::of(100 * EACH);
        recent.insert(0, 0);
        for key in 1..1000 {
            recent.insert(key, 0_usize);
            assert_eq!(recent.get(&0), Some(0), "after {key} others");
            assert!(recent.young.len() + recent.old.len() <= 100);
        }
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.get(&999), Some(0));
    }

    #[test]
    fn a_large_value_takes_the_place_of_many() {
        let mut recent = Recent::of(100 * EACH);
        for key in 0..1000 {
            recent.insert(key, 24 * EACH);
            assert!(recent.young.len() + recent.old.len() <= 4);
        }
    }

    #[test]
    fn what_was_removed_is_gone_from_both_halves() {
        let mut recent = Recent::of(10 * EACH);
        for key in 0..8 {
            recent.insert(key, 0_usize);
        }
        recent.remove(&1);
        recent.remove(&7);
        assert_eq!((recent.get(&1), recent.get(&7), recent.get(&6)), (None, None, Some(0)));
        recent.retain(|key| *key != 6);
        assert_eq!((recent.get(&6), recent.get(&5)), (None, Some(0)));
        recent.clear();
        assert_eq!(recent.get(&5), None);
    }
}
