//! Bearer tokens whose signature was found good, so that a client that sends the same one with every request of a
//! push costs one verification. Only the signature is remembered: times and the account are looked at each time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::digest::{SHA256, digest};

use crate::token::Claims;

/// How many are remembered at most.
const MOST: usize = 4096;

type Fingerprint = [u8; 32];

#[derive(Default)]
pub(crate) struct KnownTokens(Mutex<HashMap<Fingerprint, Arc<Claims>>>);

impl KnownTokens {
    pub(crate) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint(token)).cloned()
    }

    /// Remembers a token that was verified at `now`, in seconds.
    pub(crate) fn insert(&self, token: &str, claims: Arc<Claims>, now: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, claims| claims.exp > now);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(fingerprint(token), claims);
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    fingerprint
}
