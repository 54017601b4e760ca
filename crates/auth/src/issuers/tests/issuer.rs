//! An issuer that signs with real keys, and documents that are a map.

#![expect(clippy::disallowed_methods, reason = "a test signs with chance of the system")]

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RsaKeyPair,
    },
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::*;

pub(crate) const URL: &str = "https://ci.example";
pub(super) const KEYS: &str = "https://ci.example/keys";
pub(crate) const NOW: Timestamp = Timestamp::from_microseconds(1_700_000_000_000_000);

pub(super) fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn plain() -> Issuer {
    Issuer { url: URL.parse().unwrap(), keys_url: None, authorities: None }
}

pub(super) fn audiences() -> Recipient {
    Recipient::Audiences(["wharf".to_owned()].into())
}

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A key of an issuer.
pub(crate) struct Signer {
    id: &'static str,
    pair: Pair,
}

impl Signer {
    pub(crate) fn p256(id: &'static str) -> Self {
        Self { id, pair: Pair::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()) }
    }

    pub(crate) fn rsa(id: &'static str) -> Self {
        Self { id, pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(super) fn ed25519(id: &'static str) -> Self {
        Self { id, pair: Pair::Ed25519(Ed25519KeyPair::generate().unwrap()) }
    }

    pub(super) const fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::P256(_) => "ES256",
            Pair::Rsa(_) => "RS256",
            Pair::Ed25519(_) => "EdDSA",
        }
    }

    pub(super) fn header(&self) -> Value {
        json!({ "alg": self.algorithm(), "kid": self.id, "typ": "JWT" })
    }

    /// The public half in DER, as somebody would use it for a shared secret.
    pub(super) fn public_der(&self) -> Vec<u8> {
        match &self.pair {
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
                der.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub(crate) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::P256(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]), "kid": self.id })
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let (n, e) = (key.modulus(), key.exponent());
                let (n, e) =
                    (text(n.big_endian_without_leading_zero()), text(e.big_endian_without_leading_zero()));
                json!({ "kty": "RSA", "n": n, "e": e, "kid": self.id, "use": "sig", "alg": "RS256" })
            }
            Pair::Ed25519(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()), "kid": self.id })
            }
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_under(&self.header(), claims)
    }

    pub(super) fn sign_under(&self, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        format!("{message}.{}", text(&self.signature(message.as_bytes())))
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let chance = SystemRandom::new();
        match &self.pair {
            Pair::P256(pair) => pair.sign(&chance, message).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, message, &mut signature).unwrap();
                signature
            }
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

#[derive(Default)]
struct World {
    documents: Mutex<HashMap<String, Vec<u8>>>,
    fetched: AtomicUsize,
    passed: AtomicI64,
}

#[async_trait]
impl Documents for World {
    async fn fetch(&self, wanted: Wanted, most: usize) -> Result<Vec<u8>> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        let found = self.documents.lock().unwrap().get(&wanted.url).cloned();
        found
            .filter(|bytes| bytes.len() <= most)
            .ok_or_else(|| Error::new(Kind::Unavailable, "nobody answers"))
    }

    fn expect_open(&self, _: &Wanted) -> Result<()> {
        Ok(())
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        NOW.plus_seconds(self.passed.load(Ordering::Relaxed))
    }
}

/// An issuer that publishes some keys, and who judges its tokens.
pub(super) struct Standing {
    pub(super) issuers: Issuers,
    world: Arc<World>,
}

impl Standing {
    pub(super) fn of(signers: &[&Signer]) -> Self {
        let world = Arc::<World>::default();
        let standing = Self { issuers: Issuers::new(world.clone(), world.clone()), world };
        standing.put(
            "https://ci.example/.well-known/openid-configuration",
            json!({ "issuer": URL, "jwks_uri": KEYS, "response_types_supported": ["id_token"] }),
        );
        standing.publish(signers);
        standing
    }

    pub(super) fn publish(&self, signers: &[&Signer]) {
        self.put(KEYS, json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() }));
    }

    pub(super) fn put(&self, url: &str, document: Value) {
        self.world.documents.lock().unwrap().insert(url.to_owned(), document.to_string().into_bytes());
    }

    pub(super) fn go_away(&self) {
        self.world.documents.lock().unwrap().clear();
    }

    pub(super) fn pass(&self, seconds: i64) {
        self.world.passed.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn fetched(&self) -> usize {
        self.world.fetched.load(Ordering::Relaxed)
    }

    pub(super) async fn verify(&self, token: &str) -> Result<Claims> {
        self.issuers.verify(&plain(), &audiences(), token).await
    }
}
