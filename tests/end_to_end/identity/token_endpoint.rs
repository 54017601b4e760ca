//! `/token` by GET as docker asks it and by POST as containerd does.

use serde_json::{Value, json};

use crate::harness::token::claims;
use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Wharf};

/// The actions that a token grants on a repository, in order.
fn actions(token: &str, repository: &str) -> Vec<String> {
    let claims = claims(token);
    let access = claims["access"].as_array().cloned().unwrap_or_default();
    let on_it = access.iter().filter(|entry| entry["type"] == "repository" && entry["name"] == repository);
    let mut actions: Vec<String> = on_it
        .flat_map(|entry| entry["actions"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();
    actions.sort();
    actions
}

async fn acme() -> (Wharf, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let writer = wharf.add_user("alice", &["acme:writer"]);
    (wharf, writer)
}

#[tokio::test]
async fn a_token_says_how_long_it_lasts() {
    let (_wharf, alice) = acme().await;

    let answer = alice.ask_for_token(&["repository:acme/app:pull"]).await.is(200);

    assert!(answer.header("content-type").starts_with("application/json"));
    let body = answer.json();
    assert_eq!(body["token"], body["access_token"]);
    assert!(body["expires_in"].as_u64().unwrap() >= 60, "{body}");
    assert!(is_rfc_3339(body["issued_at"].as_str().unwrap()), "{body}");
    assert_eq!(body.get("refresh_token"), None);
}

#[tokio::test]
async fn a_token_names_one_subject_and_one_audience() {
    let (_wharf, alice) = acme().await;

    let claims = claims(&alice.token(&["repository:acme/app:pull"]).await);

    assert!(claims["sub"].is_string(), "{claims}");
    assert_eq!(claims["aud"], json!(alice.service().await));
    assert!(claims["exp"].as_u64().unwrap() >= claims["iat"].as_u64().unwrap() + 60);
}

#[tokio::test]
async fn a_token_grants_what_was_asked_and_is_allowed() {
    let (wharf, alice) = acme().await;
    let viewer = wharf.add_user("vera", &["acme:viewer"]);
    let asked = ["repository:acme/app:pull,push"];

    assert_eq!(actions(&alice.token(&asked).await, "acme/app"), ["pull", "push"]);
    assert_eq!(actions(&viewer.token(&asked).await, "acme/app"), ["pull"]);
    assert_eq!(actions(&alice.token(&["repository:acme/app:pull"]).await, "acme/app"), ["pull"]);
    assert!(actions(&alice.token(&["repository:globex/app:pull"]).await, "globex/app").is_empty());
}

#[tokio::test]
async fn several_scopes_make_one_token() {
    let (_wharf, alice) = acme().await;

    let token = alice.token(&["repository:acme/one:pull", "repository:acme/two:pull,push"]).await;

    assert_eq!(actions(&token, "acme/one"), ["pull"]);
    assert_eq!(actions(&token, "acme/two"), ["pull", "push"]);
}

#[tokio::test]
async fn a_token_without_a_scope_is_a_login() {
    let (_wharf, alice) = acme().await;

    let claims = claims(&alice.token(&[]).await);

    assert!(claims["access"].as_array().is_none_or(Vec::is_empty), "{claims}");
}

#[tokio::test]
async fn scopes_that_mean_nothing_here_are_passed_over() {
    let (_wharf, alice) = acme().await;

    let odd = ["something:else:do", "repository(plugin):acme/app:pull", "repository:acme/app:fly"];
    let token = alice.token(&odd).await;

    assert_eq!(actions(&token, "acme/app"), ["pull"]);
}

#[tokio::test]
async fn scopes_that_are_none_grant_nothing() {
    let (_wharf, alice) = acme().await;

    for odd in ["::", "text", "repository:acme/app", "repository:../app:pull", "repository:ACME/app:pull"] {
        let answer = alice.ask_for_token(&[odd]).await.any_of(&[200, 400]);
        if answer.status == 200 {
            let claims = claims(answer.json()["token"].as_str().unwrap());
            assert!(claims["access"].as_array().is_none_or(Vec::is_empty), "{odd}: {claims}");
        }
    }
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_get_the_same_refusal() {
    let (wharf, _alice) = acme().await;
    let path = "/token?service=x&scope=repository:acme/app:pull";

    let wrong = wharf.caller("alice", "wrong").get(path).await.is(401);
    let unknown = wharf.caller("nobody", "wrong").get(path).await.is(401);

    let words = |answer: &Answer| {
        let mut body = answer.json();
        // It says which request it was, and nothing else may differ.
        body.as_object_mut().unwrap().remove("request_id");
        body
    };
    assert_eq!(words(&wrong), words(&unknown));
    assert!(wrong.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn nobody_in_particular_gets_a_token_for_nothing() {
    let (wharf, _alice) = acme().await;

    for anonymous in [wharf.anonymous(), wharf.caller("", "")] {
        let token = anonymous.token(&["repository:acme/app:pull"]).await;
        assert!(actions(&token, "acme/app").is_empty());
    }
}

#[tokio::test]
async fn a_form_with_a_password_gets_a_token() {
    let (wharf, _alice) = acme().await;
    let anonymous = wharf.anonymous();
    let service = anonymous.service().await;
    let scope = "repository:acme/one:pull repository:acme/two:pull,push";

    let answer = anonymous.post_token_form(&password_form(&service, "the-password-of-alice", scope)).await;

    let body = answer.is(200).json();
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(actions(token, "acme/two"), ["pull", "push"]);
    assert!(body["scope"].is_string(), "{body}");
    assert!(body["expires_in"].as_u64().unwrap() >= 60);
    assert_eq!(body.get("refresh_token").and_then(Value::as_str), None);
    anonymous.bearing(token).get("/v2/").await.is(200);
}

#[tokio::test]
async fn a_form_with_a_wrong_password_gets_none() {
    let (wharf, _alice) = acme().await;
    let anonymous = wharf.anonymous();

    anonymous.post_token_form(&password_form("x", ADMIN_PASSWORD, "")).await.is(401);
}

#[tokio::test]
async fn a_form_that_is_none_is_refused() {
    let (wharf, _alice) = acme().await;
    let anonymous = wharf.anonymous();

    anonymous.post_token_form(&[]).await.is(400);
    anonymous.post_token_form(&[("grant_type", "magic")]).await.is(400);
    anonymous.post_token_form(&[("grant_type", "password")]).await.any_of(&[400, 401]);
    anonymous.post_token_form(&[("grant_type", "refresh_token")]).await.any_of(&[400, 401]);
    let large = "x".repeat(100_000);
    anonymous.post_token_form(&[("grant_type", "password"), ("scope", &large)]).await.any_of(&[400, 413]);
}

fn password_form<'a>(service: &'a str, password: &'a str, scope: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("grant_type", "password"),
        ("service", service),
        ("client_id", "tests"),
        ("username", "alice"),
        ("password", password),
        ("scope", scope),
    ]
}

/// `2026-11-21T14:35:00Z`, with or without a fraction or an offset.
fn is_rfc_3339(text: &str) -> bool {
    let shape: String = text.chars().take(19).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let zone = text
        .get(19..)
        .unwrap_or_default()
        .trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    shape == "0000-00-00T00:00:00" && (zone == "Z" || zone.len() == 6)
}
