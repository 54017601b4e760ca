//! Passwords and what hangs on them: refresh tokens live as long as the password they came from.

use crate::harness::{Answer, Caller, Wharf};

const SCOPE: &str = "repository:acme/app:pull,push";

async fn refresh_token(caller: &Caller) -> String {
    let path = format!("/token?service=x&offline_token=true&client_id=tests&scope={SCOPE}");
    let body = caller.get(&path).await.is(200).json();
    body["refresh_token"].as_str().unwrap_or_else(|| panic!("no refresh token in {body}")).to_owned()
}

async fn refreshed(wharf: &Wharf, token: &str) -> Answer {
    let anonymous = wharf.anonymous();
    let service = anonymous.service().await;
    let form = [
        ("grant_type", "refresh_token"),
        ("service", service.as_str()),
        ("client_id", "tests"),
        ("refresh_token", token),
        ("scope", SCOPE),
    ];
    anonymous.post_token_form(&form).await
}

async fn alice() -> (Wharf, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    (wharf, alice)
}

#[tokio::test]
async fn a_refresh_token_stands_for_the_password() {
    let (wharf, alice) = alice().await;

    let body = refreshed(&wharf, &refresh_token(&alice).await).await.is(200).json();

    let bearer = wharf.anonymous().bearing(body["access_token"].as_str().unwrap());
    bearer.repository("acme/app").push_blob(&crate::harness::noise(1, 100)).await;
}

#[tokio::test]
async fn a_form_may_ask_for_a_refresh_token() {
    let (wharf, _alice) = alice().await;
    let form = [
        ("grant_type", "password"),
        ("service", "x"),
        ("client_id", "tests"),
        ("access_type", "offline"),
        ("username", "alice"),
        ("password", "the-password-of-alice"),
    ];

    let body = wharf.anonymous().post_token_form(&form).await.is(200).json();

    refreshed(&wharf, body["refresh_token"].as_str().unwrap()).await.is(200);
}

#[tokio::test]
async fn a_changed_password_ends_refresh_tokens_and_the_old_password() {
    let (wharf, alice) = alice().await;
    let token = refresh_token(&alice).await;
    refreshed(&wharf, &token).await.is(200);
    alice.get("/v2/").await.is(200);

    wharf.change_password("alice", "another-password-of-alice");

    refreshed(&wharf, &token).await.any_of(&[400, 401]);
    alice.get("/v2/").await.is(401);
    alice.ask_for_token(&[]).await.is(401);
    wharf.caller("alice", "another-password-of-alice").get("/v2/").await.is(200);
}

#[tokio::test]
async fn a_refresh_token_outlives_a_restart() {
    let (mut wharf, alice) = alice().await;
    // Whether each use hands out another token is the server's choice: what counts is the newest.
    let token = refresh_token(&alice).await;

    wharf.kill();
    wharf.restart().await;

    refreshed(&wharf, &token).await.is(200);
}

#[tokio::test]
async fn an_invented_refresh_token_is_refused() {
    let (wharf, alice) = alice().await;
    let token = refresh_token(&alice).await;
    let mut altered = token.clone();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'B' } else { 'A' });

    for invented in ["", "invented", &altered] {
        refreshed(&wharf, invented).await.any_of(&[400, 401]);
    }
}

#[tokio::test]
async fn nobody_in_particular_gets_no_refresh_token() {
    let (wharf, _alice) = alice().await;

    let body = wharf.anonymous().get("/token?service=x&offline_token=true").await.is(200).json();

    assert_eq!(body.get("refresh_token").and_then(serde_json::Value::as_str), None, "{body}");
}

#[tokio::test]
async fn a_refresh_token_opens_nothing_by_itself() {
    let (_wharf, alice) = alice().await;
    let token = refresh_token(&alice).await;

    alice.bearing(&token).get("/v2/").await.is(401);
}

#[tokio::test]
async fn a_password_may_hold_any_character() {
    let (wharf, _alice) = alice().await;
    let odd = "pa:ss wörd%&=+\"'\\";

    wharf.change_password("alice", odd);

    wharf.caller("alice", odd).get("/v2/").await.is(200);
    let form = [("grant_type", "password"), ("username", "alice"), ("password", odd), ("client_id", "tests")];
    wharf.anonymous().post_token_form(&form).await.is(200);
}

#[tokio::test]
async fn a_user_cannot_be_added_twice_and_keeps_the_password() {
    let (wharf, alice) = alice().await;

    let again = wharf.try_command(&["user", "add", "alice", "--password-stdin"], "another-password");

    assert!(!again.status.success());
    alice.get("/v2/").await.is(200);
}

#[tokio::test]
async fn the_password_in_the_environment_counts_at_the_first_start_only() {
    let (mut wharf, _alice) = alice().await;
    wharf.change_password("admin", "chosen-by-the-operator");

    wharf.stop().await;
    wharf.restart().await;

    wharf.admin().get("/v2/").await.is(401);
    wharf.caller("admin", "chosen-by-the-operator").get("/v2/").await.is(200);
}
