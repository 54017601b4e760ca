//! Tokens that we did not sign. Each begins as a real one, so that the forgery is all that is wrong with it.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::token::{claims, header};
use crate::harness::{Caller, Wharf};

/// A key of our own, of the kind that the server signs with.
enum ForgedKey {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl ForgedKey {
    fn like(header: &Value) -> Self {
        match header["alg"].as_str() {
            Some("ES256") => Self::Ecdsa(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()),
            Some("EdDSA" | "Ed25519") => Self::Ed25519(Ed25519KeyPair::generate().unwrap()),
            other => panic!("teach this test to sign with {other:?}"),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ecdsa(key) => key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(message).as_ref().to_vec(),
        }
    }

    /// The public half, as a token's header would carry it.
    fn jwk(&self, kid: &Value) -> Value {
        match self {
            Self::Ecdsa(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]), "kid": kid})
            }
            Self::Ed25519(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref()), "kid": kid})
            }
        }
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = text(&self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

fn text(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", text(header.to_string().as_bytes()), text(claims.to_string().as_bytes()))
}

/// A server, and a token of its operator that opens a private repository.
async fn genuine() -> (Wharf, String) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let token = wharf.admin().token(&["repository:acme/founding:pull"]).await;
    opens(&wharf, &token).await.is(200);
    (wharf, token)
}

async fn opens(wharf: &Wharf, token: &str) -> crate::harness::Answer {
    let bearer: Caller = wharf.anonymous().bearing(token);
    bearer.repository("acme/founding").manifest("stone").await
}

async fn refused(wharf: &Wharf, token: &str) {
    let answer = opens(wharf, token).await.is(401).error("UNAUTHORIZED");
    assert_eq!(answer.challenge().scheme, "Bearer");
    wharf.anonymous().bearing(token).get("/v2/").await.is(401);
}

#[tokio::test]
async fn a_token_signed_by_another_key_is_refused() {
    let (wharf, token) = genuine().await;
    let key = ForgedKey::like(&header(&token));

    refused(&wharf, &key.token(&header(&token), &claims(&token))).await;
}

#[tokio::test]
async fn a_token_that_brings_its_own_key_under_a_known_id_is_refused() {
    let (wharf, token) = genuine().await;
    let genuine = header(&token);
    assert!(genuine["kid"].is_string(), "a key that rotates needs a name: {genuine}");
    let key = ForgedKey::like(&genuine);

    let mut forged = genuine.clone();
    forged["jwk"] = key.jwk(&genuine["kid"]);
    refused(&wharf, &key.token(&forged, &claims(&token))).await;
    forged["kid"] = json!("a-key-of-ours");
    refused(&wharf, &key.token(&forged, &claims(&token))).await;
    forged["x5c"] = json!([text(b"no certificate")]);
    forged["jku"] = json!("http://127.0.0.1:1/keys");
    refused(&wharf, &key.token(&forged, &claims(&token))).await;
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let (wharf, token) = genuine().await;
    let message = token.rsplit_once('.').unwrap().0;

    refused(&wharf, message).await;
    refused(&wharf, &format!("{message}.")).await;
    for algorithm in ["none", "None", "NONE", ""] {
        let mut forged = header(&token);
        forged["alg"] = json!(algorithm);
        refused(&wharf, &format!("{}.", unsigned(&forged, &claims(&token)))).await;
        let signature = token.rsplit_once('.').unwrap().1;
        refused(&wharf, &format!("{}.{signature}", unsigned(&forged, &claims(&token)))).await;
    }
}

#[tokio::test]
async fn a_token_whose_claims_were_changed_is_refused() {
    let (wharf, token) = genuine().await;
    let signature = token.rsplit_once('.').unwrap().1;

    for (claim, value) in [
        ("exp", json!(4_102_444_800_u64)),
        ("exp", json!(1_000_000_000)),
        ("sub", json!("someone-else")),
        ("aud", json!("another-service")),
        (
            "access",
            json!([{"type": "repository", "name": "acme/founding", "actions": ["pull", "push", "delete"]}]),
        ),
    ] {
        let mut forged = claims(&token);
        forged[claim] = value;
        refused(&wharf, &format!("{}.{signature}", unsigned(&header(&token), &forged))).await;
    }
}

#[tokio::test]
async fn an_expired_token_of_our_own_making_is_refused() {
    let (wharf, token) = genuine().await;
    let key = ForgedKey::like(&header(&token));
    let mut expired = claims(&token);
    expired["exp"] = json!(1_000_000_000);

    refused(&wharf, &key.token(&header(&token), &expired)).await;
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let (wharf, token) = genuine().await;
    let half = &token[..token.len() / 2];
    let long = "x".repeat(6_000);

    for text in ["", "x", "a.b.c", "...", half, &long, "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"] {
        wharf.anonymous().bearing(text).get("/v2/").await.is(401).error("UNAUTHORIZED");
    }
}

#[tokio::test]
async fn a_token_of_another_server_is_refused() {
    let (wharf, _token) = genuine().await;
    let (_other, foreign) = genuine().await;

    refused(&wharf, &foreign).await;
}

#[tokio::test]
async fn a_header_that_is_no_credential_is_refused() {
    let wharf = Wharf::start().await;

    for header in ["Basic", "Basic !!!", "Basic bm8tY29sb24=", "Digest abc", "Bearer", "nonsense"] {
        let request = wharf.anonymous().request("GET", "/v2/").header("authorization", header);
        request.send().await.any_of(&[400, 401]).first_error();
    }
}

#[tokio::test]
async fn a_token_outlives_a_restart() {
    let (mut wharf, token) = genuine().await;

    wharf.kill();
    wharf.restart().await;

    opens(&wharf, &token).await.is(200);
}
