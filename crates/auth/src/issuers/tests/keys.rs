//! What counts as a key of an issuer.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::{
    issuer::{KEYS, Signer, Standing, text},
    *,
};
use crate::issuers::key_set::KeySet;

async fn counts(signer: &Signer, jwk: Value) -> bool {
    let standing = Standing::of(&[]);
    standing.put(KEYS, json!({ "keys": [jwk] }));
    standing.verify(&signer.sign(&good())).await.is_ok()
}

#[tokio::test]
async fn a_key_is_used_for_what_its_issuer_says_it_is_for() {
    let signer = Signer::p256("a");
    let jwk = |name: &str, value: Value| {
        let mut jwk = signer.jwk();
        jwk[name] = value;
        jwk
    };
    for (name, value) in
        [("use", json!("sig")), ("alg", json!("ES256")), ("key_ops", json!(["verify"])), ("more", json!({}))]
    {
        assert!(counts(&signer, jwk(name, value)).await, "{name}");
    }
    let bad = [
        ("use", json!("enc")),
        ("alg", json!("ES384")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("ECDH-ES")),
        ("key_ops", json!(["sign"])),
        ("kty", json!("oct")),
        ("crv", json!("P-384")),
        ("crv", json!("P-521")),
        ("crv", json!("secp256k1")),
        ("kid", json!("b")),
        ("x", json!("AA")),
    ];
    for (name, value) in bad {
        assert!(!counts(&signer, jwk(name, value.clone())).await, "{name} {value}");
    }
}

#[tokio::test]
async fn a_short_rsa_key_is_none() {
    let signer = Signer::rsa("a");
    let mut jwk = signer.jwk();
    assert!(counts(&signer, jwk.clone()).await);
    jwk["n"] = json!(text(&[0xFF; 255]));
    assert!(!counts(&signer, jwk).await);
}

#[tokio::test]
async fn keys_that_cannot_be_read_stand_in_nobodys_way() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[]);
    let strange = [
        json!(7),
        json!({}),
        json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": "AA" }),
        json!({ "kty": "RSA" }),
    ];
    let keys: Vec<Value> = strange.into_iter().chain([signer.jwk()]).collect();
    standing.put(KEYS, json!({ "keys": keys }));
    standing.verify(&signer.sign(&good())).await.unwrap();
}

#[tokio::test]
async fn a_shared_secret_is_no_key() {
    let standing = Standing::of(&[]);
    standing
        .put(KEYS, json!({ "keys": [{ "kty": "oct", "k": text(b"secret"), "alg": "HS256", "kid": "a" }] }));
    let header = json!({ "alg": "HS256", "kid": "a" });
    let message = format!("{}.{}", text(header.to_string().as_bytes()), text(good().to_string().as_bytes()));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"secret");
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    refusal(&standing, &format!("{message}.{}", text(tag.as_ref()))).await;
}

#[test]
fn a_key_has_one_thumbprint_however_it_is_written() {
    let thumbprint = |jwk: &Value| {
        let set = KeySet::parse(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
        set.meant_by(None).next().unwrap().thumbprint()
    };
    let signer = Signer::rsa("a");
    let plain = signer.jwk();
    let mut padded = plain.clone();
    let n = BASE64_URL_SAFE_NO_PAD.decode(plain["n"].as_str().unwrap()).unwrap();
    padded["n"] = json!(text(&[&[0, 0], n.as_slice()].concat()));
    padded["e"] = json!(text(&[0, 1, 0, 1]));
    padded["kid"] = json!("b");
    assert_eq!(thumbprint(&plain), thumbprint(&padded));
    let others = [Signer::rsa("a").jwk(), Signer::p256("a").jwk(), Signer::p256("a").jwk()];
    let [rsa, one, another] = others.map(|jwk| thumbprint(&jwk));
    assert!(rsa != thumbprint(&plain) && one != another && one != rsa);
}
