//! What a browser keeps of a login that it began: sealed in a cookie, so that any node can finish it, nothing is written
//! for strangers, and only the browser that began it comes back.

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{Context, SHA256, digest},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use wharf_core::{Entropy, Error, Kind, Result, Secret, Timestamp};

use super::LocalPath;
use crate::{port::ProviderRow, seal::Sealer};

/// How long a login may take, in seconds.
pub(super) const LIFETIME: i64 = 600;

/// What is known only to who began, but for what the issuer is told.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    provider: i64,
    /// What the issuer sends back, so that nobody has another's login finished here.
    pub(super) state: String,
    /// What the issuer's token holds, so that it is of this login.
    pub(super) nonce: String,
    /// What only who began can show for the code (RFC 7636).
    pub(super) verifier: String,
    to: String,
    until: i64,
}

impl Kept {
    pub(super) fn new(
        provider: &ProviderRow,
        to: &LocalPath,
        (entropy, now): (&dyn Entropy, Timestamp),
    ) -> Self {
        let chance = || BASE64_URL_SAFE_NO_PAD.encode(entropy.bytes::<32>());
        let (state, nonce, verifier) = (chance(), chance(), chance());
        let until = now.seconds() + LIFETIME;
        Self { provider: provider.id, state, nonce, verifier, to: to.as_str().to_owned(), until }
    }

    /// For the issuer: what the verifier will be held against.
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }

    /// For the browser.
    pub(super) fn seal(
        &self,
        provider: &ProviderRow,
        (sealer, entropy): (&Sealer, &dyn Entropy),
    ) -> Result<Secret<String>> {
        let plain = serde_json::to_vec(self).map_err(Error::internal)?;
        let sealed = sealer.seal(entropy, &purpose(provider), &plain)?;
        Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// What a browser brings back: begun at this provider, not too long ago, and with this state.
    ///
    /// # Errors
    /// `Denied`.
    pub(super) fn open(
        provider: &ProviderRow,
        (sealer, now): (&Sealer, Timestamp),
        (text, state): (&Secret<String>, &str),
    ) -> Result<Self> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text.expose()).map_err(|_| not_begun())?;
        let plain = sealer.open(&purpose(provider), &sealed).ok_or_else(not_begun)?;
        let kept: Self = serde_json::from_slice(plain.expose()).map_err(|_| not_begun())?;
        let is_same = verify_slices_are_equal(kept.state.as_bytes(), state.as_bytes()).is_ok();
        let is_here = kept.provider == provider.id && kept.until > now.seconds();
        if is_same && is_here { Ok(kept) } else { Err(not_begun()) }
    }

    pub(super) fn to(&self) -> LocalPath {
        self.to.parse().unwrap_or_else(|_| LocalPath::home())
    }

    /// What this login is known by, and until when that is remembered: it is finished once.
    pub(super) fn fingerprint(&self) -> ([u8; 32], Timestamp) {
        let mut context = Context::new(&SHA256);
        context.update(b"a login begun with ");
        context.update(self.state.as_bytes());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        // Longer than it can be brought, for a clock may be behind.
        (fingerprint, Timestamp::from_microseconds(0).plus_seconds(self.until + LIFETIME))
    }
}

/// What is sealed for one provider opens for no other, so that none can answer in another's place.
fn purpose(provider: &ProviderRow) -> String {
    format!("login begun at {} {}", provider.name, provider.issuer.url)
}

pub(super) fn not_begun() -> Error {
    let words = "this login was not begun in this browser, or more than ten minutes ago: begin it again";
    Error::new(Kind::Denied, words)
}
