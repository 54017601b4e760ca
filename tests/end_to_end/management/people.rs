//! People: where a user's own things lie, and how users come.

use serde_json::json;

use super::items;
use crate::harness::{ADMIN_PASSWORD, Image, Wharf};

#[tokio::test]
async fn a_user_pushes_to_an_organisation_of_his_own_from_his_first_login_on() {
    let wharf = Wharf::start().await;
    let (alice, image) = (wharf.add_user("alice", &[]), Image::oci(1));
    let admin = wharf.admin();
    admin.get("/api/v1/orgs/alice").await.is(404);

    alice.repository("alice/app").push_image(&image, "v1").await;
    assert_eq!(items(&alice.get("/api/v1/orgs").await.is(200), "name"), ["alice"]);
    assert_eq!(alice.get("/api/v1/orgs/alice").await.is(200).json()["role"], "admin");
    wharf.add_user("bob", &[]).get("/v2/alice/app/tags/list").await.is(404);
    let records = admin.get("/api/v1/audit?action=organisation.create&actor=alice").await.is(200);
    assert_eq!(items(&records, "organisation"), ["alice"]);

    alice.delete("/api/v1/orgs/alice?force=true").await.is(204);
    alice.get("/api/v1/orgs/alice").await.is(404);
    assert!(items(&admin.get("/api/v1/orgs").await, "name").iter().all(|name| name != "admin"));
}

#[tokio::test]
async fn a_name_that_is_taken_and_a_server_without_personal_organisations_give_none() {
    let wharf =
        Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_PERSONAL_ORGS", "off")]).await;
    wharf.add_user("alice", &[]).get("/api/v1/orgs/alice").await.is(404);

    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let acme = wharf.add_user("acme", &[]);
    acme.get("/api/v1/me").await.is(200);
    acme.get("/api/v1/orgs/acme").await.is(404);
}

#[tokio::test]
async fn who_changes_his_address_must_know_the_password_and_no_two_have_the_same() {
    let wharf = Wharf::start().await;
    let (admin, alice, bob) = (wharf.admin(), wharf.add_user("alice", &[]), wharf.add_user("bob", &[]));
    let path = "/api/v1/me/person";
    let known = json!({ "email": "Alice@mail.example", "given_name": "Alice", "family_name": "Łuk" });
    alice.send_json("PUT", path, &known).await.is(403);
    let mut with_password = known.clone();
    with_password["password"] = json!("the-password-of-alice");
    alice.send_json("PUT", path, &with_password).await.is(200);
    alice.send_json("PUT", path, &known).await.is(200);
    let me = alice.get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["email"], &me["email_verified"]), (&known["email"], &json!(false)));
    assert_eq!((&me["given_name"], &me["family_name"]), (&known["given_name"], &known["family_name"]));

    let taken = json!({ "email": "alice@MAIL.example", "password": "the-password-of-bob" });
    bob.send_json("PUT", path, &taken).await.is(409);
    admin
        .send_json("PUT", "/api/v1/users/bob/person", &json!({ "email": "alice@MAIL.example" }))
        .await
        .is(409);
    let vouched = json!({ "email": "bob@mail.example" });
    let shown = admin.send_json("PUT", "/api/v1/users/bob/person", &vouched).await.is(200).json();
    assert_eq!((&shown["email"], &shown["email_verified"]), (&json!("bob@mail.example"), &json!(true)));
    let new = json!({ "name": "carol", "password": "a-password", "email": "BOB@mail.example" });
    admin.send_json("POST", "/api/v1/users", &new).await.is(409);
    admin.delete("/api/v1/users/bob").await.is(204);
    let carol = admin.send_json("POST", "/api/v1/users", &new).await.is(201).json();
    assert_eq!(carol["email"], "BOB@mail.example");
    for bad in [json!({ "email": "a@b\r\nc" }), json!({ "given_name": "" }), json!({ "nick": "x" })] {
        alice.send_json("PUT", path, &bad).await.is(400);
    }
    let narrow = json!({ "name": "narrow", "access": [{ "repositories": "acme/app", "actions": ["pull"] }] });
    let token = alice.send_json("POST", "/api/v1/tokens", &narrow).await.is(201).json();
    let narrow = alice.bearing(token["token"].as_str().unwrap());
    assert_eq!(narrow.get("/api/v1/me").await.is(200).json()["email"], json!(null));
}

#[tokio::test]
async fn a_password_that_is_soon_guessed_is_refused_in_words() {
    let wharf = Wharf::start().await;
    for bad in ["", "1234567", "ääääääa", "with\ttabs-in-it", &"x".repeat(1025)] {
        let new = json!({ "name": "alice", "password": bad });
        let refused = wharf.admin().send_json("POST", "/api/v1/users", &new).await.is(400).json();
        assert!(refused["detail"].as_str().unwrap().contains("at least 8 characters"), "{refused}");
    }
    let told = wharf.try_command(&["user", "add", "alice", "--password-stdin"], "short");
    assert!(!told.status.success());
    wharf.admin().get("/api/v1/users/alice").await.is(404);
}
