//! What a token of an issuer is known by once it was used, so that it is used once.

use wharf_core::Secret;

use super::hearing::Heard;
use crate::{
    fingerprint::fingerprint,
    issuers::{Issuer, Thumbprint},
};

/// The fingerprints of a token: of its words at every key that signed them, wherever that key was read; and of its id at every
/// source that signed it, so that the issuer's other words under the same id are not taken either. Both count for those
/// keys alone: who has others believed in the issuer's name uses up none of the issuer's own, whatever words he guesses.
pub(super) fn fingerprints(heard: &Heard, token: &Secret<String>) -> Vec<[u8; 32]> {
    // Not with its signature, of which there may be another one for the same words.
    let words = token.expose().rsplit_once('.').map_or(token.expose().as_str(), |(words, _)| words);
    let mut fingerprints = Vec::new();
    for (source, Thumbprint(key)) in heard.signers() {
        fingerprints.push(fingerprint(&[b"words".as_slice(), key.as_slice(), words.as_bytes()]));
        if let Some(id) = heard.claims.text("jti") {
            let Issuer { url, keys_url, .. } = &source.issuer;
            let keys_url = keys_url.as_ref().map_or("", |url| url.as_str());
            fingerprints.push(fingerprint(&["id", url.as_str(), keys_url, id]));
        }
    }
    // Several sources may have read the same key, and two may differ by their authorities alone.
    fingerprints.sort_unstable();
    fingerprints.dedup();
    fingerprints
}
