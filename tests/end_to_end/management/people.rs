//! People: where a user's own things lie, and how users come.

use serde_json::{Value, json};

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
async fn who_changes_his_address_must_know_the_password_and_no_two_are_known_to_have_the_same() {
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
    let said = bob.send_json("PUT", path, &taken).await.is(200).json();
    assert_eq!((&said["email"], &said["email_verified"]), (&taken["email"], &json!(false)), "nobody is told");
    let vouched = json!({ "email": "ALICE@mail.example" });
    admin.send_json("PUT", "/api/v1/users/alice/person", &vouched).await.is(200);
    let again = json!({ "email": null, "password": "the-password-of-bob" });
    bob.send_json("PUT", path, &again).await.is(200);
    assert_eq!(
        bob.send_json("PUT", path, &taken).await.is(200).json(),
        said,
        "nor when it is known to be another's"
    );
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

fn applicant(name: &str) -> Value {
    json!({
        "name": name, "password": "the-password-of-mine", "email": format!("{name}@mail.example"),
        "given_name": "Given", "family_name": "Family",
    })
}

async fn with_sign_up(policy: &str) -> Wharf {
    Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_SIGN_UP", policy)]).await
}

#[tokio::test]
async fn where_nobody_signs_up_that_is_said_before_anything_else() {
    let wharf = Wharf::start().await;
    for body in [json!({}), json!({ "name": "V2" }), applicant("alice")] {
        let refused = wharf.anonymous().send_json("POST", "/api/v1/sign-up", &body).await.is(403).json();
        assert!(refused["detail"].as_str().unwrap().contains("nobody signs up here"), "{refused}");
    }
}

#[tokio::test]
async fn where_sign_up_is_open_a_stranger_becomes_a_user() {
    let wharf = with_sign_up("open").await;
    wharf.found(&["acme"]).await;
    let nobody = wharf.anonymous();
    assert_eq!(nobody.get("/api/v1/sign-up").await.is(200).json()["sign_up"], "open");

    nobody.send_json("POST", "/api/v1/sign-up", &applicant("alice")).await.is(204);
    let alice = wharf.caller("alice", "the-password-of-mine");
    let me = alice.get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["email"], &me["email_verified"]), (&json!("alice@mail.example"), &json!(false)));
    assert_eq!((&me["operator"], &me["memberships"][0]["name"]), (&json!(false), &json!("alice")));
    let mut same_address = applicant("other");
    same_address["email"] = json!("ALICE@mail.example");
    let mut short = applicant("other");
    short["password"] = json!("short");
    let mut nameless = applicant("other");
    nameless["given_name"] = json!("");
    for (refused, status) in
        [(applicant("alice"), 409), (applicant("acme"), 409), (short, 400), (nameless, 400)]
    {
        nobody.send_json("POST", "/api/v1/sign-up", &refused).await.is(status);
    }
    nobody.send_json("POST", "/api/v1/sign-up", &same_address).await.is(204);
    let records = wharf.admin().get("/api/v1/audit?action=user.sign-up").await.is(200);
    assert_eq!(items(&records, "target"), ["other", "alice"]);
    for _ in 0..10 {
        nobody.send_json("POST", "/api/v1/sign-up", &applicant("alice")).await;
    }
    nobody.send_json("POST", "/api/v1/sign-up", &applicant("late")).await.is(429);
}

#[tokio::test]
async fn an_invitation_makes_a_member_of_a_stranger_and_of_a_user_once() {
    let wharf = with_sign_up("invite").await;
    wharf.found(&["acme"]).await;
    let (owner, bob) = (wharf.add_user("owner", &["acme:admin"]), wharf.add_user("bob", &[]));
    let (path, nobody) = ("/api/v1/orgs/acme/invitations", wharf.anonymous());
    let invite = async |role: &str| {
        let made = owner.send_json("POST", path, &json!({ "role": role, "note": "a friend" })).await.is(201);
        made.json()
    };
    nobody.send_json("POST", "/api/v1/sign-up", &applicant("alice")).await.is(403);

    let first = invite("writer").await;
    let listed = owner.get(path).await.is(200);
    assert_eq!(
        (items(&listed, "note"), items(&listed, "invited_by")),
        (vec!["a friend".into()], vec!["owner".into()])
    );
    assert_eq!(listed.json()["items"][0].get("token"), None);
    let mut alice = applicant("alice");
    alice["invitation"] = first["token"].clone();
    nobody.send_json("POST", "/api/v1/sign-up", &alice).await.is(204);
    let role = wharf.caller("alice", "the-password-of-mine").get("/api/v1/orgs/acme").await.is(200).json();
    assert_eq!(role["role"], "writer");
    let mut again = applicant("again");
    again["invitation"] = first["token"].clone();
    nobody.send_json("POST", "/api/v1/sign-up", &again).await.is(403);

    let second = invite("viewer").await;
    let token = json!({ "token": second["token"] });
    let joined = bob.send_json("POST", "/api/v1/me/invitations", &token).await.is(200).json();
    assert_eq!((&joined["organisation"], &joined["role"]), (&json!("acme"), &json!("viewer")));
    bob.send_json("POST", "/api/v1/me/invitations", &token).await.is(403);
    let third = invite("admin").await;
    owner.delete(&format!("{path}/{}", third["id"])).await.is(204);
    for (action, target) in [
        ("invitation.create", format!("acme {} admin", third["id"])),
        ("invitation.delete", format!("acme {}", third["id"])),
    ] {
        let found = owner.get(&format!("/api/v1/orgs/acme/audit?action={action}")).await.is(200);
        assert_eq!(found.json()["items"][0]["target"], json!(target));
    }
    owner.delete(&format!("{path}/{}", third["id"])).await.is(404);
    bob.send_json("POST", "/api/v1/me/invitations", &json!({ "token": third["token"] })).await.is(403);
    bob.get(path).await.is(403);
    for bad in [
        json!({ "role": "owner" }),
        json!({ "role": "viewer", "days": 91 }),
        json!({ "role": "viewer", "note": "a\n" }),
    ] {
        owner.send_json("POST", path, &bad).await.is(400);
    }
}

#[tokio::test]
async fn a_lost_password_is_set_anew_by_a_link_that_is_good_once() {
    let wharf = Wharf::start().await;
    let (admin, alice, nobody) = (wharf.admin(), wharf.add_user("alice", &[]), wharf.anonymous());
    let token = alice.with_token(&[]).await;
    token.get("/v2/").await.is(200);
    alice.send_json("POST", "/api/v1/users/alice/reset", &json!({})).await.is(400);
    alice.post("/api/v1/users/alice/reset").await.is(403);

    let first = admin.post("/api/v1/users/alice/reset").await.is(200).json();
    let second = admin.post("/api/v1/users/alice/reset").await.is(200).json();
    let with = |link: &Value, password: &str| json!({ "token": link["token"], "password": password });
    let set = async |body: Value| nobody.send_json("POST", "/api/v1/resets", &body).await;
    set(with(&first, "another-password")).await.is(403);
    set(with(&second, "short")).await.is(400);
    set(with(&second, "another-password")).await.is(204);
    set(with(&second, "a-third-password")).await.is(403);
    for caller in [&alice, &token] {
        caller.get("/v2/").await.is(401);
    }
    let alice = wharf.caller("alice", "another-password");
    alice.get("/v2/").await.is(200);

    let stale = admin.post("/api/v1/users/alice/reset").await.is(200).json();
    wharf.change_password("alice", "set-on-the-machine");
    set(with(&stale, "another-password")).await.is(403);
    admin.post("/api/v1/users/nobody/reset").await.is(404);
    for _ in 0..10 {
        set(json!({ "token": "wharf_link_guess", "password": "a-password" })).await.any_of(&[403, 429]);
    }
    set(json!({ "token": "wharf_link_guess", "password": "a-password" })).await.is(429);
}
