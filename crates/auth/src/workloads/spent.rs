//! What a token of an issuer is known by once it was used, so that it is used once.

use wharf_core::Secret;

use super::hearing::Heard;
use crate::{fingerprint::fingerprint, issuers::Issuer};

/// The fingerprints of a token: of its words, whoever's keys were held against it; and of its id at every source that signed
/// it, so that the issuer's other words under the same id are not taken either. The id counts for those keys alone: who
/// has others believed in the issuer's name uses up none of the issuer's own.
pub(super) fn fingerprints(heard: &Heard, token: &Secret<String>) -> Vec<[u8; 32]> {
    // Not with its signature, of which there may be another one for the same words.
    let words = token.expose().rsplit_once('.').map_or(token.expose().as_str(), |(words, _)| words);
    let mut fingerprints = vec![fingerprint(&["words", words, "", ""])];
    if let Some(id) = heard.claims.text("jti") {
        for Issuer { url, keys_url, .. } in heard.signers().map(|source| &source.issuer) {
            let keys_url = keys_url.as_ref().map_or("", |url| url.as_str());
            let fingerprint = fingerprint(&["id", url.as_str(), keys_url, id]);
            // Two sources may differ by their authorities alone.
            if !fingerprints.contains(&fingerprint) {
                fingerprints.push(fingerprint);
            }
        }
    }
    fingerprints
}
