//! Signatures: made, verified, and the keys a registry believes.
//!
//! [`PublicKey`] and [`SecretKey`] are words without a world: secp256k1, P-256 and Ed25519, as `openssl` writes keys and
//! signatures. [`Signing`] knows which keys a registry believes; what is signed by them is the formats' affair.
//! [`AttestationRoots`] verifies what is signed by a certificate of a few minutes.

mod attestation;
#[cfg(feature = "contract")]
pub mod contract;
mod key;
mod key_ring;
pub mod port;
mod public_key;
mod secret_key;
mod signature;

pub use crate::{
    attestation::{AttestationRoots, Certificate, SignedStatement},
    key::{KeyName, NewKey, RegistryKey},
    key_ring::{Parts, Signing, Trust, Verified},
    public_key::{KeyAlgorithm, PublicKey},
    secret_key::SecretKey,
    signature::Signature,
};

use sha2::{Digest as _, Sha256};

/// What is signed. Curves of ECDSA sign its SHA-256, Ed25519 the bytes themselves.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    sha256: [u8; 32],
}

impl<'a> Message<'a> {
    /// A message, hashed once for all keys.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::hashed(bytes, Sha256::digest(bytes).into())
    }

    /// A message whose SHA-256 is known, because it was hashed when it came.
    pub const fn hashed(bytes: &'a [u8], sha256: [u8; 32]) -> Self {
        Self { bytes, sha256 }
    }

    /// Its SHA-256.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}
