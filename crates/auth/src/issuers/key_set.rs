//! The keys of an issuer (RFC 7517): those that sign, each with the algorithms that its own type allows.
//!
//! What cannot be read, is of another kind, or is meant for something else is left out, for issuers publish such keys
//! beside those that count. A key that is a shared secret is never one.

use std::slice;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use wharf_core::{Error, Kind, Result};

use crate::fingerprint::fingerprint;

/// The largest set, in bytes.
pub(super) const LARGEST: usize = 256 * 1024;
/// The most keys that are looked at.
const MOST: usize = 100;
/// How long the modulus of an RSA key may be, in bytes.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// What one key has and no other: of its numbers, however a document writes them (in JSON they can be written in several ways).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thumbprint(pub [u8; 32]);

/// A key, ready for use.
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) decoding: DecodingKey,
}

impl Key {
    pub(super) fn allows(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    pub(super) fn thumbprint(&self) -> Thumbprint {
        Thumbprint(match self.decoding.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => fingerprint(&[significant(n), significant(e)]),
            DecodingKeyKind::SecretOrDer(point) => fingerprint(&[point]),
        })
    }
}

/// The keys of an issuer.
#[derive(Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let document: Document = serde_json::from_slice(bytes).map_err(|error| {
            Error::new(Kind::Unavailable, "the issuer's keys cannot be read").because(error)
        })?;
        Ok(Self(document.keys.into_iter().take(MOST).filter_map(key).collect()))
    }

    /// The keys that a token may mean: those of its id, or the only one where it names none.
    pub(super) fn meant_by(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let keys: slice::Iter<'_, Key> = match (id, self.0.as_slice()) {
            (None, [only]) => slice::from_ref(only).iter(),
            (None, _) => [].iter(),
            (Some(_), keys) => keys.iter(),
        };
        keys.filter(move |key| id.is_none() || key.id.as_deref() == id)
    }
}

/// A number without the zeros before it.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn key(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let common = &jwk.common;
    let signs = common.public_key_use.as_ref().is_none_or(|use_| *use_ == PublicKeyUse::Signature);
    let verifies =
        common.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !signs || !verifies {
        return None;
    }
    let of_type = algorithms_of(&jwk.algorithm);
    let algorithms: Vec<Algorithm> = match &common.key_algorithm {
        // What its own issuer says it is for narrows that, and never widens it.
        Some(named) => of_type.iter().copied().filter(|one| KeyAlgorithm::from(*one) == *named).collect(),
        None => of_type.to_vec(),
    };
    if algorithms.is_empty() {
        return None;
    }
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: common.key_id.clone(), algorithms, decoding })
}

/// What a key of a type may have signed with. Everything else is a confusion, or worse.
fn algorithms_of(parameters: &AlgorithmParameters) -> &'static [Algorithm] {
    match parameters {
        AlgorithmParameters::RSA(rsa) => match BASE64_URL_SAFE_NO_PAD.decode(&rsa.n) {
            Ok(modulus) if MODULUS.contains(&modulus.len()) => RSA,
            _ => &[],
        },
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            EllipticCurve::P256 => &[Algorithm::ES256],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(pair) => match pair.curve {
            EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
            _ => &[],
        },
        _ => &[],
    }
}
