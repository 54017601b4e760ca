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
use crate::{
    port::{ProviderRow, Spent},
    seal::Sealer,
};

/// How long a login may take, in seconds.
pub(super) const LIFETIME: i64 = 600;

/// What is known only to who began, but for what the provider is told.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    provider: i64,
    /// What the provider sends back, so that nobody has another's login finished here.
    pub(super) state: String,
    /// What the provider's token holds, so that it is of this login.
    pub(super) nonce: String,
    /// What only who began can show for the code (RFC 7636).
    pub(super) verifier: String,
    to: String,
    until: i64,
}

impl Kept {
    pub(super) fn new(provider: &ProviderRow, to: &LocalPath, entropy: &dyn Entropy, now: Timestamp) -> Self {
        let chance = || BASE64_URL_SAFE_NO_PAD.encode(entropy.bytes::<32>());
        let (state, nonce, verifier) = (chance(), chance(), chance());
        let until = now.seconds() + LIFETIME;
        Self { provider: provider.id, state, nonce, verifier, to: to.as_str().to_owned(), until }
    }

    /// For the provider: what the verifier will be held against.
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }

    /// For the browser.
    pub(super) fn seal(
        &self,
        provider: &ProviderRow,
        sealer: &Sealer,
        entropy: &dyn Entropy,
    ) -> Result<Secret<String>> {
        let plain = serde_json::to_vec(self).map_err(Error::internal)?;
        let sealed = sealer.seal_for_stranger(entropy, &purpose(provider), &plain)?;
        Ok(Secret::new(BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    /// What a browser brings back that was begun at this provider.
    ///
    /// # Errors
    /// `Denied`.
    pub(super) fn open(provider: &ProviderRow, sealer: &Sealer, text: &Secret<String>) -> Result<Self> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text.expose()).map_err(|_| not_begun())?;
        let plain = sealer.open_of_stranger(&purpose(provider), &sealed).ok_or_else(not_begun)?;
        let kept: Self = serde_json::from_slice(plain.expose()).map_err(|_| not_begun())?;
        if kept.provider == provider.id { Ok(kept) } else { Err(not_begun()) }
    }

    /// Refuses an answer to another login, and one that comes too late.
    ///
    /// # Errors
    /// `Denied`.
    pub(super) fn expect_answered_by(&self, state: &str, now: Timestamp) -> Result<()> {
        let is_same = verify_slices_are_equal(self.state.as_bytes(), state.as_bytes()).is_ok();
        if is_same && self.until > now.seconds() { Ok(()) } else { Err(not_begun()) }
    }

    pub(super) fn to(&self) -> LocalPath {
        self.to.parse().unwrap_or_else(|_| LocalPath::home())
    }

    /// That this login is finished, which it is once.
    pub(super) fn spent(&self) -> Spent {
        let mut context = Context::new(&SHA256);
        context.update(b"a login begun with ");
        context.update(self.state.as_bytes());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(context.finish().as_ref());
        // Longer than it can be brought, for a clock may be behind.
        let until = Timestamp::from_microseconds(0).plus_seconds(self.until + LIFETIME);
        Spent { fingerprint, until }
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        SealingKey,
        issuers::Issuer,
        port::{BrowserFlow, Exchange},
    };

    const NOW: Timestamp = Timestamp::from_microseconds(0);

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    pub(crate) fn provider(id: i64, name: &str) -> ProviderRow {
        let url = "https://login.example".parse().unwrap();
        ProviderRow {
            id,
            name: name.parse().unwrap(),
            issuer: Issuer { url, keys_url: None, authorities: None },
            client_id: String::new(),
            client_secret: None,
            exchange: Exchange::Off,
            endpoint: None,
            browser: BrowserFlow::Code,
            scope: String::new(),
            user_claim: String::new(),
            groups_claim: String::new(),
            groups: Vec::new(),
            created_at: NOW,
        }
    }

    #[test]
    fn what_a_browser_keeps_is_for_one_login_at_one_provider_and_under_no_key_of_what_lies_at_rest() {
        let entropy = Counting(0.into());
        let sealer = Sealer::new(&SealingKey::generate(&entropy).0).unwrap();
        let here = provider(1, "corp");
        let begun = Kept::new(&here, &"/acme".parse().unwrap(), &entropy, NOW);
        let text = begun.seal(&here, &sealer, &entropy).unwrap();

        let kept = Kept::open(&here, &sealer, &text).unwrap();
        assert_eq!(
            (kept.to().as_str(), &kept.nonce, &kept.verifier),
            ("/acme", &begun.nonce, &begun.verifier)
        );
        kept.expect_answered_by(&begun.state, NOW.plus_seconds(LIFETIME - 1)).unwrap();
        assert!(kept.expect_answered_by(&begun.state, NOW.plus_seconds(LIFETIME)).is_err());
        assert!(kept.expect_answered_by(&begun.nonce, NOW).is_err());
        // Another one, and one that was removed and made anew.
        for other in [provider(1, "other"), provider(2, "corp")] {
            assert!(Kept::open(&other, &sealer, &text).is_err());
        }
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(text.expose()).unwrap();
        for begin in 0..sealed.len() {
            assert!(
                sealer.open(&purpose(&here), &sealed[begin..]).is_none(),
                "it opens as what lies at rest"
            );
        }
    }
}
