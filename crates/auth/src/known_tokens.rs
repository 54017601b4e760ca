//! Bearer tokens whose signature was found good, so that a client that sends the same one with every request of a
//! push costs one verification. Only the signature is remembered: times and the account are looked at each time.

use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use wharf_core::Recent;

use crate::token::Claims;

/// How many are remembered at most.
const MOST: usize = 4096;

type Fingerprint = [u8; 32];

pub(crate) struct KnownTokens(Mutex<Recent<Fingerprint, Arc<Claims>>>);

impl Default for KnownTokens {
    fn default() -> Self {
        Self(Mutex::new(Recent::of(MOST)))
    }
}

impl KnownTokens {
    pub(crate) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        let fingerprint = fingerprint(token);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&fingerprint)
    }

    /// Remembers a token that was verified.
    pub(crate) fn insert(&self, token: &str, claims: Arc<Claims>) {
        let fingerprint = fingerprint(token);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(fingerprint, claims);
    }
}

fn fingerprint(token: &str) -> Fingerprint {
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    fingerprint
}
