//! Passwords that a provider found right a moment ago, by the login as it was typed: so that a client which sends it with
//! every request does not ask the provider each time.
//!
//! What is remembered is an HMAC, under a key made at the start, of login and password. The account's row is read on every
//! request anyway, so one that is disabled, or whose provider is removed, is refused at once.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::hmac::{self, HMAC_SHA256, Key};
use wharf_core::{AccountId, Entropy, Secret, Timestamp};

/// How long one is remembered, in seconds.
const LIFETIME: i64 = 300;
/// How many are remembered at most.
const MOST: usize = 4096;

type Proof = [u8; 32];

/// An account and its version.
type Known = (AccountId, i64);

pub(crate) struct Outsiders {
    key: Key,
    known: Mutex<HashMap<Proof, (Known, Timestamp)>>,
}

impl Outsiders {
    pub(crate) fn new(entropy: &dyn Entropy) -> Self {
        let key: [u8; 32] = entropy.bytes();
        Self { key: Key::new(HMAC_SHA256, &key), known: Mutex::default() }
    }

    /// Whose password this was a moment ago.
    pub(crate) fn knows(&self, user: &str, password: &Secret<String>, now: Timestamp) -> Option<Known> {
        let proof = self.proof(user, password);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&proof).filter(|(_, until)| *until > now).map(|(known, _)| *known)
    }

    /// Remembers whose it is.
    pub(crate) fn remember(&self, (user, password): (&str, &Secret<String>), whose: Known, now: Timestamp) {
        let proof = self.proof(user, password);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (_, until)| *until > now);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(proof, (whose, now.plus_seconds(LIFETIME)));
    }

    fn proof(&self, user: &str, password: &Secret<String>) -> Proof {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&(user.len() as u64).to_be_bytes());
        context.update(user.as_bytes());
        context.update(password.expose().as_bytes());
        let mut proof = [0; 32];
        proof.copy_from_slice(context.sign().as_ref());
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Seven;

    impl Entropy for Seven {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn only_this_login_with_this_password_is_known_and_not_for_ever() {
        let (outsiders, now) = (Outsiders::new(&Seven), Timestamp::from_microseconds(0));
        let secret = |text: &str| Secret::new(text.to_owned());
        outsiders.remember(("a", &secret("bc")), (AccountId(1), 2), now);
        assert_eq!(outsiders.knows("a", &secret("bc"), now), Some((AccountId(1), 2)));
        for (user, password) in [("a", "b"), ("ab", "c"), ("", "abc"), ("b", "bc")] {
            assert_eq!(outsiders.knows(user, &secret(password), now), None);
        }
        assert_eq!(outsiders.knows("a", &secret("bc"), now.plus_seconds(LIFETIME)), None);
    }
}
