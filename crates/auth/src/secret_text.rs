//! Secrets of our own making that somebody keeps for us: a beginning that scanners for secrets know, and 256 bits of
//! chance. What is kept here is the hash, and equality of hashes of so much chance leaks nothing that could be searched for.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use wharf_core::{Entropy, Secret, TokenHash};

/// A new one with this beginning, and its hash.
pub(crate) fn generate(prefix: &str, entropy: &dyn Entropy) -> (Secret<String>, TokenHash) {
    let chance: [u8; 32] = entropy.bytes();
    let text = format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(chance));
    let hash = sha256(text.as_bytes());
    (Secret::new(text), hash)
}

/// The hash of a text that has this beginning; none of another.
pub(crate) fn hash_of(prefix: &str, text: &str) -> Option<TokenHash> {
    text.starts_with(prefix).then(|| sha256(text.as_bytes()))
}

fn sha256(bytes: &[u8]) -> TokenHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    TokenHash(hash)
}
