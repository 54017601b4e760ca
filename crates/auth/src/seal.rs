//! Sealing what lies at rest: AES-256-GCM under the installation's key; and marks, HMACs under a key made of that, by which
//! what is not kept is known again.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac::{self, HMAC_SHA256},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use wharf_core::{Entropy, Error, Kind, Result, Secret};

/// The installation's key: 32 bytes.
#[derive(Clone, Debug)]
pub struct SealingKey(Secret<[u8; 32]>);

impl SealingKey {
    /// Reads a key from base64, as in `WHARF_SECRET_KEY` and in the key file.
    ///
    /// # Errors
    /// `Invalid` when it is not 32 bytes of base64.
    pub fn parse(text: &str) -> Result<Self> {
        let bytes = BASE64_STANDARD.decode(text.trim()).ok();
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(|key| Self(Secret::new(key)))
            .ok_or_else(|| Error::new(Kind::Invalid, "the secret key must be 32 bytes in base64"))
    }

    /// Makes a new key; also its text for the key file.
    pub fn generate(entropy: &dyn Entropy) -> (Self, Secret<String>) {
        let key: [u8; 32] = entropy.bytes();
        (Self(Secret::new(key)), Secret::new(BASE64_STANDARD.encode(key)))
    }
}

/// What the key of marks is made for.
const MARKS: &[u8] = b"marks";

/// Seals and opens.
pub struct Sealer {
    cipher: LessSafeKey,
    marks: hmac::Key,
}

impl Sealer {
    /// A sealer under a key.
    ///
    /// # Errors
    /// `Internal` when the cipher refuses the key, which has the right length.
    pub fn new(key: &SealingKey) -> Result<Self> {
        let unbound = UnboundKey::new(&AES_256_GCM, key.0.expose()).map_err(Error::internal)?;
        let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, key.0.expose()), MARKS);
        Ok(Self { cipher: LessSafeKey::new(unbound), marks: hmac::Key::new(HMAC_SHA256, derived.as_ref()) })
    }

    /// What stands for these parts, each with its length, and says nothing of them to who has not the key: not even to who
    /// guesses them. For another purpose it is another.
    pub(crate) fn mark(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.marks);
        for part in [purpose.as_bytes()].iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }

    /// Seals: nonce, ciphertext, tag. `purpose` must be the same when opening, so that nothing sealed for one
    /// column opens in another.
    pub(crate) fn seal(&self, entropy: &dyn Entropy, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut body = plain.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(Error::internal)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    /// Opens what was sealed for this purpose; `None` when it was not, or not under this key.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let plain =
            self.cipher.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut body).ok()?.len();
        body.truncate(plain);
        Some(Secret::new(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn what_is_sealed_opens_under_the_same_key_and_purpose_only() {
        let entropy = Counting(0.into());
        let (key, text) = SealingKey::generate(&entropy);
        let sealer = Sealer::new(&key).unwrap();
        let sealed = sealer.seal(&entropy, "test", b"plain").unwrap();
        assert_eq!(sealer.open("test", &sealed).unwrap().expose(), b"plain");
        assert!(sealer.open("other", &sealed).is_none());
        let other = Sealer::new(&SealingKey::generate(&entropy).0).unwrap();
        assert!(other.open("test", &sealed).is_none());
        let mut altered = sealed.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(sealer.open("test", &altered).is_none());
        assert!(sealer.open("test", b"short").is_none());
        let again = Sealer::new(&SealingKey::parse(text.expose()).unwrap()).unwrap();
        assert_eq!(again.open("test", &sealed).unwrap().expose(), b"plain");
    }

    #[test]
    fn a_mark_is_of_one_key_one_purpose_and_one_list_of_parts() {
        let entropy = Counting(0.into());
        let sealers = [(); 2].map(|()| Sealer::new(&SealingKey::generate(&entropy).0).unwrap());
        let mark = |key: usize, purpose: &str, parts: &[&[u8]]| sealers[key].mark(purpose, parts);
        let expected = mark(0, "test", &[b"ab", b"c"]);
        assert_eq!(mark(0, "test", &[b"ab", b"c"]), expected);
        for other in [
            mark(1, "test", &[b"ab", b"c"]),
            mark(0, "tests", &[b"ab", b"c"]),
            mark(0, "test", &[b"a", b"bc"]),
            mark(0, "test", &[b"abc"]),
            mark(0, "test", &[b"ab", b"c", b""]),
        ] {
            assert_ne!(other, expected);
        }
    }

    #[test]
    fn a_key_that_is_not_32_bytes_of_base64_is_refused_without_being_printed() {
        let error = SealingKey::parse("c2hvcnQ=").unwrap_err();
        assert!(!format!("{error:?}").contains("c2hvcnQ"));
    }
}
