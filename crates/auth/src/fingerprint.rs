//! What several texts are known by together, in a few bytes.

use aws_lc_rs::digest::{Context, SHA256};

/// The SHA-256 of texts, each behind its length: no other texts in a row have it.
pub(crate) fn fingerprint(parts: &[impl AsRef<[u8]>]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts.iter().map(AsRef::as_ref) {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    fingerprint
}
