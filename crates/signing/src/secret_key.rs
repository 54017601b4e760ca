//! Private keys, as `openssl pkcs8 -topk8 -nocrypt` writes them: PKCS#8 in PEM.

use std::fmt;

use ed25519_dalek::{self as ed25519, Signer as _};
use k256::{ecdsa::signature::hazmat::PrehashSigner as _, pkcs8::DecodePrivateKey as _};
use wharf_core::{Error, Kind, Result};

use crate::{Message, Signature};

/// A key that signs. It cannot be printed.
pub struct SecretKey(Scalar);

enum Scalar {
    Secp256k1(k256::ecdsa::SigningKey),
    P256(p256::ecdsa::SigningKey),
    Ed25519(Box<ed25519::SigningKey>),
}

impl SecretKey {
    /// Reads `-----BEGIN PRIVATE KEY-----`.
    ///
    /// # Errors
    /// `Invalid` for what is none, or a kind of key that is not served.
    pub fn from_pem(pem: &str) -> Result<Self> {
        let pem = pem.trim();
        if let Ok(key) = k256::ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self(Scalar::Secp256k1(key)));
        }
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_pem(pem) {
            return Ok(Self(Scalar::P256(key)));
        }
        let words = "a private key is PEM with BEGIN PRIVATE KEY (PKCS#8, not encrypted), of secp256k1, P-256 or Ed25519";
        let key = ed25519::SigningKey::from_pkcs8_pem(pem).map_err(|_| Error::new(Kind::Invalid, words))?;
        Ok(Self(Scalar::Ed25519(Box::new(key))))
    }

    /// Signs a message. The same message gives the same signature, and that of secp256k1 has a low S.
    ///
    /// # Errors
    /// `Internal`, where the curve yields none.
    pub fn sign(&self, message: &Message<'_>) -> Result<Signature> {
        let fault = |_| Error::internal("a message cannot be signed");
        match &self.0 {
            Scalar::Secp256k1(key) => {
                let signature: k256::ecdsa::Signature = key.sign_prehash(message.sha256()).map_err(fault)?;
                Ok(Signature::of(signature.to_der().as_bytes()))
            }
            Scalar::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(message.sha256()).map_err(fault)?;
                Ok(Signature::of(signature.to_der().as_bytes()))
            }
            Scalar::Ed25519(key) => Ok(Signature::of(&key.sign(message.bytes).to_bytes())),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KeyAlgorithm, PublicKey};

    /// Made by `openssl`, each of them.
    const KEYS: [(KeyAlgorithm, &str, &str); 3] = [
        (
            KeyAlgorithm::Secp256k1,
            include_str!("samples/secp256k1.pem"),
            include_str!("samples/secp256k1.pub.pem"),
        ),
        (KeyAlgorithm::P256, include_str!("samples/p256.pem"), include_str!("samples/p256.pub.pem")),
        (KeyAlgorithm::Ed25519, include_str!("samples/ed25519.pem"), include_str!("samples/ed25519.pub.pem")),
    ];
    const MESSAGE: &[u8] = b"a plugin\n";

    #[test]
    fn what_a_key_signs_its_public_half_verifies_and_no_other() {
        let message = Message::new(MESSAGE);
        for (algorithm, secret, public) in KEYS {
            let signature = SecretKey::from_pem(secret).unwrap().sign(&message).unwrap();
            let key = PublicKey::from_pem(public).unwrap();
            assert_eq!((key.algorithm(), key.pem()), (algorithm, public));
            assert_eq!(key.verify(&message, &signature), Some(signature.clone()));
            assert_eq!(key.verify(&Message::new(b"another"), &signature), None);
            let others = KEYS.iter().filter(|(other, ..)| *other != algorithm);
            for (_, _, other) in others {
                assert_eq!(PublicKey::from_pem(other).unwrap().verify(&message, &signature), None);
            }
        }
    }

    #[test]
    fn what_openssl_signed_is_verified_and_a_high_s_made_low() {
        let message = Message::new(MESSAGE);
        let key = PublicKey::from_pem(KEYS[0].2).unwrap();
        let [high, low] = [include_str!("samples/high.hex"), include_str!("samples/low.hex")];
        let [high, low] = [high, low].map(|text| text.trim().parse::<Signature>().unwrap());
        assert_eq!(key.verify(&message, &low), Some(low));
        let lowered = key.verify(&message, &high).unwrap();
        assert_ne!(lowered, high);
        assert_eq!(key.verify(&message, &lowered), Some(lowered.clone()));
        let upper: Signature = high.to_string().to_uppercase().parse().unwrap();
        assert_eq!(key.verify(&message, &upper).unwrap().to_string(), lowered.to_string().to_uppercase());
    }

    #[test]
    fn a_signature_that_is_cut_or_longer_is_none() {
        let (message, key) = (Message::new(MESSAGE), PublicKey::from_pem(KEYS[0].2).unwrap());
        let good = SecretKey::from_pem(KEYS[0].1).unwrap().sign(&message).unwrap().to_string();
        for bad in [&good[..good.len() - 2], &format!("{good}00"), "3006020100020100"] {
            assert_eq!(key.verify(&message, &bad.parse().unwrap()), None, "{bad}");
        }
    }

    #[test]
    fn other_keys_are_refused() {
        let (secret, public) = (KEYS[0].1, KEYS[0].2);
        for bad in ["", "no key", secret, &public[..60], &public.replace("PUBLIC KEY", "EC KEY")] {
            assert!(PublicKey::from_pem(bad).is_err(), "{bad} was accepted");
        }
        assert!(SecretKey::from_pem(public).is_err());
        assert!(SecretKey::from_pem(include_str!("samples/sec1.pem")).is_err());
        assert_eq!(format!("{:?}", SecretKey::from_pem(secret).unwrap()), "SecretKey");
    }
}
