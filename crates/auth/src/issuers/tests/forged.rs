//! Tokens that the issuer did not sign, or not so.

use proptest::prelude::*;

use super::{
    issuer::{Signer, Standing, text},
    *,
};

#[tokio::test]
async fn a_token_that_another_key_signed_under_a_known_id_is_refused() {
    let (signer, thief) = (Signer::p256("a"), Signer::p256("a"));
    let standing = Standing::of(&[&signer]);
    assert_eq!(refusal(&standing, &thief.sign(&good())).await, "no key of the issuer signed the token");
    let mut header = signer.header();
    header["jwk"] = thief.jwk();
    refusal(&standing, &thief.sign_under(&header, &good())).await;
    header["jku"] = json!("https://evil.example/keys");
    header["x5c"] = json!([text(b"no certificate")]);
    refusal(&standing, &thief.sign_under(&header, &good())).await;
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": algorithm, "kid": "a" });
        for signature in ["", "AA"] {
            let token = format!(
                "{}.{}.{signature}",
                text(header.to_string().as_bytes()),
                text(good().to_string().as_bytes())
            );
            refusal(&standing, &token).await;
        }
    }
    let signed = signer.sign(&good());
    let (unsigned, _) = signed.rsplit_once('.').unwrap();
    for token in
        [unsigned.to_owned(), format!("{unsigned}."), format!("{signed}.{signed}"), format!("{signed}=")]
    {
        refusal(&standing, &token).await;
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    for signer in [Signer::p256("a"), Signer::rsa("a"), Signer::ed25519("a")] {
        let standing = Standing::of(&[&signer]);
        let secrets = [signer.public_der(), signer.jwk().to_string().into_bytes()];
        for (algorithm, name) in [
            (aws_lc_rs::hmac::HMAC_SHA256, "HS256"),
            (aws_lc_rs::hmac::HMAC_SHA384, "HS384"),
            (aws_lc_rs::hmac::HMAC_SHA512, "HS512"),
        ] {
            for secret in &secrets {
                let header = json!({ "alg": name, "kid": "a" });
                let message = format!(
                    "{}.{}",
                    text(header.to_string().as_bytes()),
                    text(good().to_string().as_bytes())
                );
                let tag =
                    aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(algorithm, secret), message.as_bytes());
                refusal(&standing, &format!("{message}.{}", text(tag.as_ref()))).await;
            }
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_the_key_is_not_for_is_refused() {
    let signer = Signer::rsa("a");
    let standing = Standing::of(&[&signer]);
    for algorithm in ["RS384", "PS256", "ES256", "EdDSA", "ES256K", "RSA-OAEP"] {
        let header = json!({ "alg": algorithm, "kid": "a" });
        refusal(&standing, &signer.sign_under(&header, &good())).await;
    }
}

#[tokio::test]
async fn what_a_token_wants_understood_is_not() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    let mut header = signer.header();
    header["crit"] = json!(["b64"]);
    header["b64"] = json!(false);
    refusal(&standing, &signer.sign_under(&header, &good())).await;
    let long = with("padding", json!("x".repeat(16 * 1024)));
    assert_eq!(refusal(&standing, &signer.sign(&long)).await, "the token is too long");
    let mut header = signer.header();
    header["kid"] = json!("x".repeat(600));
    refusal(&standing, &signer.sign_under(&header, &good())).await;
    for header in
        [json!({ "alg": "ES256" }), json!({ "alg": "ES256", "kid": null }), json!([]), json!("ES256")]
    {
        // One key, so a token that names none may mean it; what is no header is none.
        let is_header = header.is_object();
        assert_eq!(
            standing.verify(&signer.sign_under(&header, &good())).await.is_ok(),
            is_header,
            "{header}"
        );
    }
    for claims in [json!([]), json!("x"), json!(null), json!(7)] {
        refusal(&standing, &signer.sign(&claims)).await;
    }
}

fn verified(token: &str, standing: &Standing) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(standing.verify(token)).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_token_that_was_altered_anywhere_is_refused(position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let signer = Signer::ed25519("a");
        let standing = Standing::of(&[&signer]);
        let genuine = signer.sign(&good());
        let mut altered = genuine.clone().into_bytes();
        let position = position.index(altered.len());
        altered[position] = byte;
        let Ok(altered) = String::from_utf8(altered) else { return Ok(()) };
        prop_assert_eq!(verified(&altered, &standing), altered == genuine);
    }

    #[test]
    fn no_text_is_a_token(text in "(\\PC{0,40}|[A-Za-z0-9_.-]{0,80}|e30\\.[A-Za-z0-9_-]{0,20}\\.[A-Za-z0-9_-]{0,20})") {
        prop_assert!(!verified(&text, &Standing::of(&[])));
    }

    #[test]
    fn no_header_and_no_claims_of_a_stranger_are_believed(
        algorithm in prop::sample::select(vec!["none", "HS256", "RS256", "PS512", "ES256", "ES384", "EdDSA", "x"]),
        id in prop::option::of("[a-z]{0,3}"),
        signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let keys = [Signer::p256("a"), Signer::ed25519("b")];
        let standing = Standing::of(&[&keys[0], &keys[1]]);
        let header = json!({ "alg": algorithm, "kid": id });
        let token = format!(
            "{}.{}.{}", text(header.to_string().as_bytes()), text(good().to_string().as_bytes()), text(&signature)
        );
        prop_assert!(!verified(&token, &standing));
    }
}
