//! Real keys, real signatures, and an issuer that is a map.

mod forged;
pub(crate) mod issuer;
mod keys;

use serde_json::{Value, json};
use wharf_core::{Kind, Timestamp};

use self::issuer::{NOW, Signer, Standing, audiences};
use super::*;

fn good() -> Value {
    json!({
        "iss": issuer::URL, "aud": "wharf", "sub": "repo:acme/app", "jti": "1",
        "iat": NOW.seconds(), "nbf": NOW.seconds(), "exp": NOW.seconds() + 300,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

async fn refusal(standing: &Standing, token: &str) -> String {
    let error = standing.verify(token).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthenticated, "{error:?}");
    error.message().to_owned()
}

#[tokio::test]
async fn a_token_of_every_kind_of_key_is_believed() {
    for signer in [Signer::p256("a"), Signer::rsa("b"), Signer::ed25519("c")] {
        let standing = Standing::of(&[&signer]);
        let said = standing.verify(&signer.sign(&good())).await.unwrap();
        assert_eq!((said.subject(), said.text("jti")), ("repo:acme/app", Some("1")));
    }
}

#[tokio::test]
async fn a_token_is_for_one_issuer_and_one_audience() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    for audience in [json!("wharf"), json!(["other", "wharf"])] {
        standing.verify(&signer.sign(&with("aud", audience))).await.unwrap();
    }
    for audience in
        [json!("other"), json!(["other"]), json!([]), json!("wharf "), json!({"wharf": 1}), json!(null)]
    {
        let words = refusal(&standing, &signer.sign(&with("aud", audience))).await;
        assert_eq!(words, "the token is for another audience");
    }
    for other in ["https://ci.example/", "https://ci.example/x", "http://ci.example"] {
        let words = refusal(&standing, &signer.sign(&with("iss", json!(other)))).await;
        assert_eq!(words, "the token is of another issuer", "{other}");
    }
    for none in [json!(""), json!(1), json!(["https://ci.example"])] {
        refusal(&standing, &signer.sign(&with("iss", none))).await;
    }
    refusal(&standing, &signer.sign(&without("aud"))).await;
}

#[tokio::test]
async fn an_access_token_of_cognito_is_for_its_client() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    let ours = Recipient::Client("us".to_owned());
    let told = |client: &str, used: &str| {
        let mut claims = without("aud");
        (claims["client_id"], claims["token_use"]) = (json!(client), json!(used));
        claims
    };
    let verify = async |claims: &Value| {
        standing.issuers.verify(&issuer::plain(), &ours, &signer.sign(claims)).await.is_ok()
    };
    assert!(verify(&told("us", "access")).await);
    let mut with_audience = told("us", "access");
    with_audience["aud"] = json!("us");
    for claims in
        [told("them", "access"), told("us", "id"), without("aud"), with("aud", json!("us")), with_audience]
    {
        assert!(!verify(&claims).await, "{claims}");
    }
    refusal(&standing, &signer.sign(&told("us", "access"))).await;
}

#[tokio::test]
async fn a_token_counts_in_its_time_with_a_minute_around_it() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    let now = NOW.seconds();
    for (name, value) in [("exp", now - 59), ("iat", now + 60), ("nbf", now + 60)] {
        let mut claims = with(name, json!(value));
        if name == "exp" {
            (claims["iat"], claims["nbf"]) = (json!(now - 300), json!(now - 300));
        }
        standing.verify(&signer.sign(&claims)).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let mut ended = with("exp", json!(now - 60));
    ended["iat"] = json!(now - 300);
    assert_eq!(refusal(&standing, &signer.sign(&ended)).await, "the token has expired");
    for (name, value) in [("iat", now + 61), ("nbf", now + 61)] {
        assert_eq!(
            refusal(&standing, &signer.sign(&with(name, json!(value)))).await,
            "the token is of the future"
        );
    }
    for (name, value) in [("exp", json!("soon")), ("nbf", json!("soon")), ("iat", json!(null))] {
        refusal(&standing, &signer.sign(&with(name, value))).await;
    }
    for name in ["exp", "iat"] {
        refusal(&standing, &signer.sign(&without(name))).await;
    }
    standing.verify(&signer.sign(&with("exp", json!(now as f64 + 30.5)))).await.unwrap();
    refusal(&standing, &signer.sign(&with("exp", json!(now)))).await;
}

#[tokio::test]
async fn keys_are_read_once_and_again_for_a_key_that_is_new_but_not_at_every_strangers_word() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let standing = Standing::of(&[&old]);
    for _ in 0..3 {
        standing.verify(&old.sign(&good())).await.unwrap();
    }
    assert_eq!(standing.fetched(), 2, "the document and the keys");
    standing.publish(&[&old, &new]);
    assert_eq!(refusal(&standing, &new.sign(&good())).await, "the issuer has no such key");
    assert_eq!(standing.fetched(), 2, "within the minute nobody asks again");
    standing.pass(60);
    standing.verify(&new.sign(&good())).await.unwrap();
    assert_eq!(standing.fetched(), 4);
    refusal(&standing, &Signer::p256("strange").sign(&good())).await;
    assert_eq!(standing.fetched(), 4);
}

#[tokio::test]
async fn a_key_that_its_issuer_withdrew_counts_for_an_hour_at_most() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let standing = Standing::of(&[&old]);
    let later = |signer: &Signer, seconds: i64| {
        let mut claims = with("exp", json!(NOW.seconds() + seconds + 300));
        claims["iat"] = json!(NOW.seconds());
        signer.sign(&claims)
    };
    standing.verify(&old.sign(&good())).await.unwrap();
    standing.publish(&[&new]);
    standing.pass(3599);
    standing.verify(&later(&old, 3599)).await.unwrap();
    standing.pass(1);
    refusal(&standing, &later(&old, 3600)).await;
}

#[tokio::test]
async fn an_issuer_that_is_away_is_believed_for_a_day_and_asked_once_a_minute() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    let at = |seconds: i64| signer.sign(&with("exp", json!(NOW.seconds() + seconds + 300)));
    standing.verify(&at(0)).await.unwrap();
    standing.go_away();
    standing.pass(3600);
    for _ in 0..3 {
        standing.verify(&at(3600)).await.unwrap();
    }
    assert_eq!(standing.fetched(), 3, "one try");
    standing.pass(24 * 3600 - 3600);
    assert_eq!(standing.verify(&at(24 * 3600)).await.unwrap_err().kind(), Kind::Unavailable);
    let never = Standing::of(&[&signer]);
    never.go_away();
    for _ in 0..3 {
        assert_eq!(never.verify(&at(0)).await.unwrap_err().kind(), Kind::Unavailable);
    }
    assert_eq!(never.fetched(), 1);
}

#[tokio::test]
async fn those_who_come_at_once_ask_once() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    let token = signer.sign(&good());
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (issuers, token) = (standing.issuers.clone(), token.clone());
            tokio::spawn(async move { issuers.verify(&issuer::plain(), &audiences(), &token).await.is_ok() })
        })
        .collect();
    for one in all {
        assert!(one.await.unwrap());
    }
    assert_eq!(standing.fetched(), 2);
}

#[tokio::test]
async fn what_one_organisation_names_pushes_out_nothing_of_another_and_nothing_that_was_asked() {
    let signer = Signer::p256("a");
    let (standing, token) = (Standing::of(&[&signer]), signer.sign(&good()));
    let asker = |number: i64| Asker::Organisation(OrganisationId(number));
    let claims = async |issuer: &Issuer, number: i64| {
        standing
            .issuers
            .signed(&[asker(number)], issuer, &token)
            .await
            .map(drop)
            .map_err(|error| error.kind())
    };
    let nowhere = |number: usize| Issuer {
        keys_url: Some(format!("https://nowhere.example/{number}").parse().unwrap()),
        ..issuer::plain()
    };
    claims(&issuer::plain(), 1).await.unwrap();
    for number in 0..100 {
        assert_eq!(claims(&nowhere(number), 2).await, Err(Kind::Unavailable));
    }
    let asked = standing.fetched();
    assert_eq!(asked, 2 + 40, "beyond its bound an organisation has nobody asked");
    claims(&issuer::plain(), 1).await.unwrap();
    assert_eq!(claims(&nowhere(0), 2).await, Err(Kind::Unavailable));
    assert_eq!(standing.fetched(), asked, "and the pause after a failure stands");
    let shared = [asker(2), asker(3)];
    standing
        .issuers
        .signed(&shared, &issuer::plain(), &token)
        .await
        .expect("another who believes it has room");
    let asked = asked + 2;
    standing.pass(60);
    assert_eq!(claims(&nowhere(99), 2).await, Err(Kind::Unavailable));
    assert_eq!(standing.fetched(), asked + 1);
}

#[tokio::test]
async fn a_document_that_speaks_of_another_issuer_is_not_believed() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[&signer]);
    standing.put(
        "https://ci.example/.well-known/openid-configuration",
        json!({
            "issuer": "https://ci.example/", "jwks_uri": issuer::KEYS,
        }),
    );
    let error = standing.verify(&signer.sign(&good())).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn keys_that_are_named_are_read_without_the_document() {
    let signer = Signer::p256("a");
    let standing = Standing::of(&[]);
    standing.put("https://elsewhere.example/keys", json!({ "keys": [signer.jwk()] }));
    let issuer =
        Issuer { keys_url: Some("https://elsewhere.example/keys".parse().unwrap()), ..issuer::plain() };
    standing.issuers.verify(&issuer, &audiences(), &signer.sign(&good())).await.unwrap();
    assert_eq!(standing.fetched(), 1);
    // What is believed where the keys are named says nothing where they are not.
    refusal(&standing, &signer.sign(&good())).await;
}
