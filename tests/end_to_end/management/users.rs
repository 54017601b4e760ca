//! Users: made, shut out and removed by the operator; and what each may do to himself.

use serde_json::json;

use super::items;
use crate::harness::Wharf;

#[tokio::test]
async fn an_operator_makes_lists_and_removes_users() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let new = json!({ "name": "alice", "password": "the-first-password" });

    let made = admin.send_json("POST", "/api/v1/users", &new).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/users/alice");
    assert!(!String::from_utf8_lossy(&made.body).contains("password"));
    let taken = admin.send_json("POST", "/api/v1/users", &new).await.is(409).json();
    assert!(taken["detail"].as_str().unwrap().contains("there is a user called alice"), "{taken}");
    assert_eq!(items(&admin.get("/api/v1/users").await.is(200), "name"), ["admin", "alice"]);
    let first = admin.get("/api/v1/users?n=1").await.is(200);
    let second = admin.get(&first.next_page().expect("a second page")).await.is(200);
    assert_eq!((items(&second, "name"), second.next_page()), (vec!["alice".to_owned()], None));

    let alice = wharf.caller("alice", "the-first-password");
    let me = alice.get("/api/v1/me").await.is(200).json();
    assert_eq!(
        (&me["name"], &me["operator"], &me["credential"]),
        (&json!("alice"), &json!(false), &json!("password"))
    );
    alice.get("/api/v1/users").await.is(403);
    alice.send_json("POST", "/api/v1/users", &new).await.is(403);
    admin.delete("/api/v1/users/alice").await.is(204);
    alice.get("/api/v1/me").await.is(401);
    admin.get("/api/v1/users/alice").await.is(404);
    let taken = admin.send_json("POST", "/api/v1/users", &new).await.is(409).json();
    assert!(taken["detail"].as_str().unwrap().contains("alice was removed, and nobody else gets"), "{taken}");
    admin.delete("/api/v1/users/admin").await.is(409);
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_its_tokens_stay_out() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let (admin, viewer) = (wharf.admin(), wharf.add_user("viewer", &["acme:viewer"]));
    let token = viewer.with_token(&["repository:acme/founding:pull"]).await;
    let tags = "/v2/acme/founding/tags/list";
    token.get(tags).await.is(200);

    admin.send_json("PATCH", "/api/v1/users/viewer", &json!({ "disabled": true })).await.is(200);
    for caller in [&viewer, &token] {
        caller.get(tags).await.is(401);
    }
    let enabled = admin.send_json("PATCH", "/api/v1/users/viewer", &json!({ "disabled": false })).await;
    assert_eq!(enabled.is(200).json()["disabled"], false);
    viewer.get(tags).await.is(200);
    token.get(tags).await.is(401);
    admin.send_json("PATCH", "/api/v1/users/admin", &json!({ "disabled": true })).await.is(409);
}

#[tokio::test]
async fn who_changes_his_password_must_know_it() {
    let wharf = Wharf::start().await;
    let alice = wharf.add_user("alice", &[]);
    let (path, new) = ("/api/v1/me/password", "another-password");

    alice.send_json("PUT", path, &json!({ "current": "wrong", "new": new })).await.is(403);
    let current = "the-password-of-alice";
    let access = json!([{ "repositories": "alice/app", "actions": ["pull"] }]);
    for made in [json!({ "name": "whole" }), json!({ "name": "narrow", "access": access })] {
        let token = alice.send_json("POST", "/api/v1/tokens", &made).await.is(201).json();
        let by_token = alice.bearing(token["token"].as_str().unwrap());
        by_token.send_json("PUT", path, &json!({ "current": current, "new": new })).await.is(403);
    }
    alice.send_json("PUT", path, &json!({ "current": current, "new": new })).await.is(204);
    alice.get("/api/v1/me").await.is(401);
    wharf.caller("alice", new).get("/api/v1/me").await.is(200);
    wharf.anonymous().get("/api/v1/me").await.is(401);
}
