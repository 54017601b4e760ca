//! Sealing what lies at rest: AES-256-GCM under the installation's key. Under keys that are made of that, each for its purpose
//! (HKDF, RFC 5869): marks, by which what is not kept is known again; and what strangers have sealed and keep themselves.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Prk, Salt},
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
/// What the keys are made of, and for, that seal for strangers.
const STRANGERS: &[u8] = b"strangers";
/// How long that is which makes each of those another one, in bytes.
const SALT_LENGTH: usize = 32;

/// Seals and opens.
pub struct Sealer {
    cipher: Cipher,
    marks: hmac::Key,
    strangers: Prk,
}

/// Seals and opens under one key.
struct Cipher(LessSafeKey);

impl Sealer {
    /// A sealer under a key.
    ///
    /// # Errors
    /// `Internal` when the cipher refuses the key, which has the right length.
    pub fn new(key: &SealingKey) -> Result<Self> {
        let unbound = UnboundKey::new(&AES_256_GCM, key.0.expose()).map_err(Error::internal)?;
        let root = Salt::none(HKDF_SHA256).extract(key.0.expose());
        let marks = root.expand(&[MARKS], HMAC_SHA256).map_err(Error::internal)?.into();
        let strangers = root.expand(&[STRANGERS], HKDF_SHA256).map_err(Error::internal)?.into();
        Ok(Self { cipher: Cipher(LessSafeKey::new(unbound)), marks, strangers })
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

    /// Seals what lies at rest. `purpose` must be the same when opening, so that nothing sealed for one column opens in
    /// another.
    pub(crate) fn seal(&self, entropy: &dyn Entropy, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.cipher.seal(entropy, purpose, plain)
    }

    /// Opens what was sealed for this purpose; `None` when it was not, or not under this key.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        self.cipher.open(purpose, sealed)
    }

    /// Seals what anybody may have sealed, as often as he likes, and keeps himself: a salt, and behind it what was sealed
    /// under the key of that salt. A key with nonces of chance is good for 2^32 of them (NIST SP 800-38D, section 8.3), and
    /// strangers are not counted: so none of theirs shares a key with another, or with what lies at rest.
    pub(crate) fn seal_for_stranger(
        &self,
        entropy: &dyn Entropy,
        purpose: &str,
        plain: &[u8],
    ) -> Result<Vec<u8>> {
        let salt: [u8; SALT_LENGTH] = entropy.bytes();
        let sealed = self.cipher_of(&salt)?.seal(entropy, purpose, plain)?;
        Ok([salt.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed so.
    pub(crate) fn open_of_stranger(&self, purpose: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT_LENGTH>()?;
        self.cipher_of(salt).ok()?.open(purpose, sealed)
    }

    fn cipher_of(&self, salt: &[u8; SALT_LENGTH]) -> Result<Cipher> {
        let key = self.strangers.expand(&[salt], &AES_256_GCM).map(UnboundKey::from);
        key.map(LessSafeKey::new).map(Cipher).map_err(Error::internal)
    }
}

impl Cipher {
    /// Nonce, ciphertext, tag.
    fn seal(&self, entropy: &dyn Entropy, purpose: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = entropy.bytes();
        let mut body = plain.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut body)
            .map_err(Error::internal)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let plain = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut body).ok()?.len();
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
    fn what_is_sealed_for_strangers_shares_no_key_with_anything() {
        let entropy = Counting(0.into());
        let sealers = [(); 2].map(|()| Sealer::new(&SealingKey::generate(&entropy).0).unwrap());
        let [sealer, other] = &sealers;
        let sealed = sealer.seal_for_stranger(&entropy, "test", b"plain").unwrap();
        assert_eq!(sealer.open_of_stranger("test", &sealed).unwrap().expose(), b"plain");
        assert!(sealer.open_of_stranger("other", &sealed).is_none());
        assert!(other.open_of_stranger("test", &sealed).is_none());
        for at_rest in [&sealed[..], &sealed[SALT_LENGTH..]] {
            assert!(sealer.open("test", at_rest).is_none());
        }
        let at_rest = sealer.seal(&entropy, "test", b"plain").unwrap();
        let salted = [&sealed[..SALT_LENGTH], &at_rest].concat();
        for at_rest in [&at_rest[..], &salted, b"short"] {
            assert!(sealer.open_of_stranger("test", at_rest).is_none());
        }
        // Under another salt it is another key.
        let again = sealer.seal_for_stranger(&entropy, "test", b"plain").unwrap();
        let mixed = [&again[..SALT_LENGTH], &sealed[SALT_LENGTH..]].concat();
        assert!(sealer.open_of_stranger("test", &mixed).is_none());
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
