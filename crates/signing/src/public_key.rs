//! Public keys, as `openssl … -pubout` writes them: SubjectPublicKeyInfo in PEM (RFC 5280, RFC 7468).

use ed25519_dalek as ed25519;
use k256::{
    ecdsa::signature::hazmat::PrehashVerifier as _,
    pkcs8::{DecodePublicKey as _, EncodePublicKey, LineEnding},
};
use sha2::{Digest as _, Sha256};
use wharf_core::{Error, Kind, Result, hex};

use crate::{Message, Signature};

/// The longest PEM that is read, in bytes.
const LONGEST: usize = 4096;

/// Which kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// ECDSA on secp256k1, which memflow's own clients use.
    Secp256k1,
    /// ECDSA on P-256.
    P256,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

impl KeyAlgorithm {
    /// The word in rows and in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Secp256k1 => "secp256k1",
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A key by which signatures are verified.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    point: Point,
    id: String,
    pem: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Point {
    Secp256k1(k256::ecdsa::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
    Ed25519(ed25519::VerifyingKey),
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// `Invalid` for what is none, for a kind of key that is not served, and for one that anybody could sign with.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let invalid = || {
            let words = "a public key is PEM with BEGIN PUBLIC KEY, of secp256k1, P-256 or Ed25519";
            Error::new(Kind::Invalid, words)
        };
        if pem.len() > LONGEST {
            return Err(invalid());
        }
        let pem = pem.trim();
        if let Ok(key) = k256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Self::of(Point::Secp256k1(key), &key);
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_pem(pem) {
            return Self::of(Point::P256(key), &key);
        }
        let key = ed25519::VerifyingKey::from_public_key_pem(pem).map_err(|_| invalid())?;
        if key.is_weak() {
            return Err(Error::new(Kind::Invalid, "this public key is weak: signatures by it prove nothing"));
        }
        Self::of(Point::Ed25519(key), &key)
    }

    fn of(point: Point, key: &impl EncodePublicKey) -> Result<Self> {
        let der = key.to_public_key_der().map_err(|_| Error::internal("a public key cannot be written"))?;
        let pem = key.to_public_key_pem(LineEnding::LF);
        let pem = pem.map_err(|_| Error::internal("a public key cannot be written"))?;
        let id = hex::encode(&Sha256::digest(der.as_bytes())).split_at(16).0.to_owned();
        Ok(Self { point, id, pem })
    }

    /// Which kind it is.
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self.point {
            Point::Secp256k1(_) => KeyAlgorithm::Secp256k1,
            Point::P256(_) => KeyAlgorithm::P256,
            Point::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// The same key is the same id everywhere: the first 16 hex digits of the SHA-256 of its DER.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key in PEM, as it is written everywhere.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Holds a signature against a message. What it yields is the signature as clients take it: on secp256k1 either of
    /// the two that say the same is accepted, as `openssl` makes them, and the one with the low S is yielded, which is
    /// the only one that others accept.
    pub fn verify(&self, message: &Message<'_>, signature: &Signature) -> Option<Signature> {
        let bytes = signature.bytes();
        match &self.point {
            Point::Secp256k1(key) => {
                let found = k256::ecdsa::Signature::from_der(bytes).ok()?;
                let low = found.normalize_s();
                key.verify_prehash(message.sha256(), &low).ok()?;
                if low == found {
                    return Some(signature.clone());
                }
                return Some(signature.rewritten(low.to_der().as_bytes()));
            }
            Point::P256(key) => {
                let found = p256::ecdsa::Signature::from_der(bytes).ok()?;
                key.verify_prehash(message.sha256(), &found).ok()?;
            }
            Point::Ed25519(key) => {
                let found = ed25519::Signature::from_slice(bytes).ok()?;
                key.verify_strict(message.bytes, &found).ok()?;
            }
        }
        Some(signature.clone())
    }
}
