//! What was found right a moment ago, so that it is not asked for with every request.
//!
//! What is kept is an HMAC of it, under a key made at the start: a dump of the memory shows no password.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use wharf_core::{Entropy, Recent, Timestamp};

/// For how long, in seconds.
pub(crate) const LIFETIME: i64 = 300;
/// How many at most.
pub(crate) const MOST: usize = 4096;

/// What stands for something that was found right.
pub(crate) type Proof = [u8; 32];

/// Proofs, each with what is known by it.
pub(crate) struct RightLately<V> {
    key: Key,
    known: Mutex<Recent<Proof, Known<V>>>,
}

#[derive(Clone, Copy)]
struct Known<V> {
    value: V,
    until: Timestamp,
}

impl<V: Copy> RightLately<V> {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let key: [u8; 32] = entropy.bytes();
        Self { key: Key::new(HMAC_SHA256, &key), known: Mutex::new(Recent::of(MOST)) }
    }

    /// What stands for these parts, and for no others.
    pub(crate) fn proof(&self, parts: &[&[u8]]) -> Proof {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut proof = [0; 32];
        proof.copy_from_slice(context.sign().as_ref());
        proof
    }

    /// What is known by a proof, if it was found right a moment ago.
    pub(crate) fn find(&self, proof: &Proof, now: Timestamp) -> Option<V> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(proof);
        known.filter(|known| known.until > now).map(|known| known.value)
    }

    /// Remembers what was found right.
    pub(crate) fn remember(&self, proof: Proof, value: V, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(proof, Known { value, until: now.plus_seconds(LIFETIME) });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Chance that can be had again.
    pub(crate) struct Seven;

    impl Entropy for Seven {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn parts_are_told_apart_where_they_end() {
        let lately = RightLately::<()>::new(&Seven);
        let proofs = [&[&b"a"[..], b"bc"][..], &[b"ab", b"c"], &[b"abc"], &[b"abc", b""]];
        let proofs = proofs.map(|parts| lately.proof(parts));
        for (at, proof) in proofs.iter().enumerate() {
            assert!(!proofs[at + 1..].contains(proof), "{at}");
        }
    }

    #[test]
    fn no_more_is_remembered_than_may_be() {
        let lately = RightLately::new(&Seven);
        let now = Timestamp::from_microseconds(0);
        for number in 0..=MOST {
            lately.remember(lately.proof(&[&number.to_be_bytes()]), number, now);
        }
        assert_eq!(lately.find(&lately.proof(&[&MOST.to_be_bytes()]), now), Some(MOST));
        assert!(lately.known.lock().unwrap().len() <= MOST);
    }
}
