//! A map that holds no more than it may: what nobody asked for lately goes, and what is asked for stays, however much else
//! comes. So nobody who fills it with things of their own makes everybody else's forgotten.
//!
//! It is two maps, a young one and an old one. What is asked for moves to the young one; when that holds half of the
//! whole, it becomes the old one, and what was still in that is gone. So each entry costs one look, and no call ever goes
//! through all of them to make room.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, mem};

/// A map that holds no more than it may.
pub struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// Of the young one.
    weight: usize,
    half: usize,
    weigh: fn(&V) -> usize,
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// An empty one for so many entries, which are two at least.
    pub fn of(most: usize) -> Self {
        Self::weighing(most, |_| 1)
    }

    /// An empty one whose entries may weigh so much together. `weigh` tells what one does, and of one value always the same.
    pub fn weighing(most: usize, weigh: fn(&V) -> usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), weight: 0, half: most / 2, weigh }
    }

    /// What lies under a key.
    pub fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let Some(value) = self.young.get(key) {
            return Some(value.clone());
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.insert(key, value.clone());
        Some(value)
    }

    /// Puts something under a key, in the place of what lay there. What weighs more than half of all may is not kept.
    pub fn insert(&mut self, key: K, value: V) {
        let weight = (self.weigh)(&value);
        if weight > self.half {
            self.remove(&key);
            return;
        }
        if self.weight + weight > self.half {
            self.old = mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += weight;
        if let Some(replaced) = self.young.insert(key, value) {
            self.weight -= (self.weigh)(&replaced);
        }
    }

    /// Removes what lies under a key.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(removed) = self.young.remove(key) {
            self.weight -= (self.weigh)(&removed);
        }
        self.old.remove(key);
    }

    /// Removes all whose key is not such.
    pub fn retain(&mut self, is_such: impl Fn(&K) -> bool) {
        self.young.retain(|key, _| is_such(key));
        self.old.retain(|key, _| is_such(key));
        self.weight = self.young.values().map(self.weigh).sum();
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Self::weighing(2 * self.half, self.weigh);
    }

    /// How many entries take room, those counted twice that were put in anew.
    pub fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_goes() {
        let mut recent = Recent::of(100);
        recent.insert(0, "kept");
        for key in 1..1000 {
            recent.insert(key, "flood");
            assert_eq!(recent.get(&0), Some("kept"), "after {key} others");
            assert!(recent.len() <= 100);
        }
        assert_eq!(recent.get(&1), None);
        assert_eq!(recent.get(&999), Some("flood"));
    }

    #[test]
    fn many_that_are_used_now_and_then_stay_through_a_flood() {
        let mut recent = Recent::of(100);
        (0..20).for_each(|key| recent.insert(key, ()));
        for flood in 1000..3000 {
            recent.insert(flood, ());
            if flood % 20 == 0 {
                (0..20).for_each(|key| assert!(recent.get(&key).is_some(), "{key} at {flood}"));
            }
        }
    }

    #[test]
    fn what_is_put_in_anew_or_removed_takes_no_room_of_others() {
        let mut recent = Recent::of(100);
        recent.insert("other", 0);
        (0..1000).for_each(|value| recent.insert("same", value));
        for value in 0..1000 {
            recent.insert("gone", value);
            recent.remove("gone");
        }
        assert_eq!((recent.get("other"), recent.get("same")), (Some(0), Some(999)));
        assert_eq!(recent.len(), 2);
    }

    #[test]
    fn a_large_value_takes_the_place_of_many_and_none_takes_more_than_half() {
        let mut recent = Recent::weighing(100, |value: &usize| *value);
        recent.insert(0, 7);
        recent.insert(0, 51);
        assert!(recent.is_empty(), "what was there is not what lies there now");
        for key in 0..1000 {
            recent.insert(key, 24);
            assert!((1..=4).contains(&recent.len()));
        }
    }

    #[test]
    fn what_was_removed_is_gone_from_both_halves() {
        let mut recent = Recent::of(10);
        (0..8).for_each(|key| recent.insert(key, ()));
        recent.remove(&1);
        recent.remove(&7);
        assert_eq!((recent.get(&1), recent.get(&7), recent.get(&6)), (None, None, Some(())));
        recent.retain(|key| *key != 6);
        assert_eq!((recent.get(&6), recent.get(&5)), (None, Some(())));
        recent.clear();
        assert!(recent.get(&5).is_none() && recent.is_empty());
        (0..5).for_each(|key| recent.insert(key, ()));
        (0..5).for_each(|key| assert!(recent.get(&key).is_some()));
    }
}
