//! Users who have their password at a provider: who gets in, as whom, with which roles, and what ends that.

use serde_json::{Value, json};

use crate::harness::issuer::Issuer;
use crate::harness::{ADMIN_PASSWORD, Caller, Image, Wharf};

const PROVIDERS: &str = "/api/v1/issuers";
const ME: &str = "/api/v1/me";

async fn started() -> (Wharf, Issuer) {
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_ISSUER_HOSTS", "127.0.0.1:*")];
    let wharf = Wharf::start_with(&settings).await;
    wharf.found(&["acme", "zoo"]).await;
    (wharf, Issuer::start().await)
}

fn provider(issuer: &Issuer, password: &str) -> Value {
    let groups = json!([
        { "group": "devs", "organisation": "acme", "role": "writer" },
        { "group": "leads", "organisation": "acme", "role": "admin" },
        { "group": "readers", "organisation": "zoo", "role": "viewer" },
    ]);
    json!({
        "name": "corp", "url": issuer.url, "client_id": "wharf", "client_secret": "the-clients-secret",
        "password": password, "groups": groups,
    })
}

async fn believe(wharf: &Wharf, provider: &Value) {
    wharf.admin().send_json("POST", PROVIDERS, provider).await.is(201);
}

async fn role(wharf: &Wharf, organisation: &str, user: &str) -> Option<String> {
    let member =
        wharf.admin().get(&format!("/api/v1/orgs/{organisation}/members/{user}")).await.any_of(&[200, 404]);
    (member.status == 200).then(|| member.json()["role"].as_str().unwrap().to_owned())
}

/// Somebody who logs in as docker does, and fetches a token.
async fn log_in(wharf: &Wharf, user: &str, password: &str) -> Caller {
    wharf.caller(user, password).with_token(&["repository:acme/app:pull,push"]).await
}

#[tokio::test]
async fn whom_the_provider_lets_in_gets_an_account_and_the_roles_of_the_groups() {
    let (wharf, issuer) = started().await;
    issuer.enrol("alice", "right", &["devs", "strangers"]);
    let alice = wharf.caller("alice", "right");
    alice.get(ME).await.is(401);
    assert_eq!(issuer.asked(), 0, "no password is shown to anybody by itself");
    let made = wharf.admin().send_json("POST", PROVIDERS, &provider(&issuer, "off")).await.is(201).json();
    assert_eq!(made["password"], "off");
    assert!(!made.to_string().contains("secret"), "{made}");
    alice.get(ME).await.is(401);
    assert_eq!(issuer.asked(), 0);
    wharf.admin().delete(&format!("{PROVIDERS}/corp")).await.is(204);
    believe(&wharf, &provider(&issuer, "grant")).await;

    for wrong in ["wrong", "", "Right"] {
        wharf.caller("alice", wrong).get(ME).await.is(401);
    }
    assert_eq!(wharf.admin().get("/api/v1/users/alice").await.status, 404, "a wrong password makes nobody");
    log_in(&wharf, "alice", "right").await.repository("acme/app").push_image(&Image::oci(1), "v1").await;

    assert_eq!(alice.get(ME).await.is(200).json()["name"], "alice");
    assert_eq!(
        (role(&wharf, "acme", "alice").await.as_deref(), role(&wharf, "zoo", "alice").await),
        (Some("writer"), None)
    );
    let asked = issuer.asked();
    for _ in 0..5 {
        alice.repository("acme/app").manifest("v1").await.is(200);
    }
    assert_eq!(issuer.asked(), asked, "what was right a moment ago is not asked again");
    let token = alice.get("/token?service=wharf&offline_token=true").await.is(200).json();
    assert!(token["refresh_token"].is_null(), "who has no password here must show it again: {token}");
    assert!(!wharf.log().contains("right\""));
}

#[tokio::test]
async fn who_leaves_a_group_loses_what_it_gave_and_keeps_what_was_given_by_hand() {
    let (wharf, issuer) = started().await;
    believe(&wharf, &provider(&issuer, "grant")).await;
    issuer.enrol("alice", "first", &["devs", "leads", "readers"]);
    wharf.caller("alice", "first").get(ME).await.is(200);
    assert_eq!(role(&wharf, "acme", "alice").await.as_deref(), Some("admin"), "the greater role counts");
    wharf.found(&["third"]).await;
    let hand = |role: &str| json!({ "role": role });
    wharf.admin().send_json("PUT", "/api/v1/orgs/third/members/alice", &hand("viewer")).await.is(200);

    // Another password, so that the provider is asked at once.
    issuer.enrol("alice", "second", &["devs"]);
    let alice = wharf.caller("alice", "second");
    alice.get(ME).await.is(200);

    let roles = [
        role(&wharf, "acme", "alice").await,
        role(&wharf, "zoo", "alice").await,
        role(&wharf, "third", "alice").await,
    ];
    assert_eq!(roles, [Some("writer".to_owned()), None, Some("viewer".to_owned())]);
    alice.repository("zoo/founding").manifest("stone").await.is(404);
    wharf.admin().send_json("PUT", "/api/v1/orgs/acme/members/alice", &hand("viewer")).await.is(200);
    issuer.enrol("alice", "third", &[]);
    wharf.caller("alice", "third").get(ME).await.is(200);
    assert_eq!(
        role(&wharf, "acme", "alice").await.as_deref(),
        Some("viewer"),
        "what an admin said since stands"
    );
    let log = wharf.admin().get("/api/v1/orgs/zoo/audit?action=member.delete").await.is(200).json();
    assert!(log["items"][0].to_string().contains("alice"), "{log}");

    wharf
        .admin()
        .send_json("PUT", &format!("{PROVIDERS}/corp/groups"), &json!({ "groups": [] }))
        .await
        .is(204);
    wharf.admin().delete(&format!("{PROVIDERS}/corp")).await.is(204);
    for password in ["first", "second", "third"] {
        wharf.caller("alice", password).get(ME).await.is(401);
    }
}

#[tokio::test]
async fn a_provider_speaks_for_nobody_who_is_somebody_else_here() {
    let (wharf, issuer) = started().await;
    believe(&wharf, &provider(&issuer, "grant")).await;
    let local = wharf.add_user("bob", &["acme:writer"]);
    issuer.enrol("bob", "of-another-bob", &["leads"]);
    issuer.enrol("admin", "of-another-admin", &["leads"]);
    issuer.enrol("eve@corp.example", "right", &["leads"]);
    issuer.enrol("sneaky", "right", &["leads"]);

    for (user, password) in [("bob", "of-another-bob"), ("admin", "of-another-admin")] {
        wharf.caller(user, password).get(ME).await.is(401);
    }
    assert_eq!(issuer.asked(), 0, "whose password lies here is asked for nowhere else");
    local.get(ME).await.is(200);
    issuer.rename("sneaky", "bob");
    wharf.caller("sneaky", "right").get(ME).await.is(409);
    assert_eq!(role(&wharf, "acme", "bob").await.as_deref(), Some("writer"));
    wharf.caller("eve@corp.example", "right").get(ME).await.is(401);
    issuer.rename("eve@corp.example", "Eve");
    let eve = wharf.caller("eve@corp.example", "right");
    assert_eq!(eve.get(ME).await.is(200).json()["name"], "eve");
    wharf.admin().send_json("PATCH", "/api/v1/users/eve", &json!({ "disabled": true })).await.is(200);
    eve.get(ME).await.is(401);
    wharf.admin().delete("/api/v1/users/eve").await.is(204);
    assert!(eve.get(ME).await.status >= 400, "who was removed does not come back");
    let second = json!({ "name": "other", "url": issuer.url, "client_id": "wharf", "password": "cognito" });
    wharf.admin().send_json("POST", PROVIDERS, &second).await.is(409);
}

#[tokio::test]
async fn a_user_whom_the_provider_renames_stays_who_he_was_here() {
    let (wharf, issuer) = started().await;
    believe(&wharf, &provider(&issuer, "grant")).await;
    wharf.add_user("bob", &[]);
    issuer.enrol("alice", "first", &[]);
    wharf.caller("alice", "first").get(ME).await.is(200);

    let names =
        [("second", "alicia", "devs"), ("third", "alice@corp.example", "leads"), ("fourth", "bob", "devs")];
    for (password, name, group) in names {
        // Another password, so that the provider is asked at once.
        issuer.enrol("alice", password, &[group]);
        issuer.rename("alice", name);
        let me = wharf.caller("alice", password).get(ME).await.is(200).json();
        assert_eq!(me["name"], "alice", "the provider calls her {name}");
    }
    wharf.admin().get("/api/v1/users/alicia").await.is(404);
    assert_eq!(role(&wharf, "acme", "alice").await.as_deref(), Some("writer"));
    assert_eq!(role(&wharf, "acme", "bob").await, None);
    let log = wharf.admin().get("/api/v1/orgs/acme/audit?action=member.set").await.is(200).json();
    let targets: Vec<_> = log["items"].as_array().unwrap().iter().map(|record| &record["target"]).collect();
    assert!(targets.iter().all(|target| target.as_str().unwrap().starts_with("alice ")), "{targets:?}");
    assert_eq!(targets.len(), 3);
    // Nobody else gets the name that she has no longer there.
    issuer.enrol("another", "right", &["leads"]);
    issuer.rename("another", "alice");
    wharf.caller("another", "right").get(ME).await.is(409);
    wharf.admin().delete("/api/v1/users/alice").await.is(204);
    issuer.enrol("alice", "fifth", &["devs"]);
    issuer.rename("alice", "alicia");
    wharf.caller("alice", "fifth").get(ME).await.is(401);
    wharf.admin().get("/api/v1/users/alicia").await.is(404);
}

#[tokio::test]
async fn cognito_is_asked_in_its_own_way_and_its_challenges_are_told() {
    let (wharf, issuer) = started().await;
    issuer.enrol("alice", "right", &["devs"]);
    issuer.enrol("fresh", "given", &[]);
    issuer.challenge("fresh", "NEW_PASSWORD_REQUIRED");
    let mut cognito = provider(&issuer, "cognito");
    cognito["endpoint"] = json!(format!("{}/cognito", issuer.url));
    believe(&wharf, &cognito).await;

    log_in(&wharf, "alice", "right").await.repository("acme/app").push_image(&Image::oci(1), "v1").await;

    wharf.caller("alice", "wrong").get(ME).await.is(401);
    wharf.caller("nobody", "right").get(ME).await.is(401);
    let challenged = wharf.caller("fresh", "given").get("/token?service=wharf").await.is(401);
    assert!(String::from_utf8_lossy(&challenged.body).contains("NEW_PASSWORD_REQUIRED"));
    // A token for another client is none for us.
    issuer.answer_for("another-client");
    wharf.caller("alice", "right again").get(ME).await.is(401);
    issuer.enrol("carol", "right", &["devs"]);
    wharf.caller("carol", "right").get(ME).await.is(503);
    wharf.admin().get("/api/v1/users/carol").await.is(404);
}

#[tokio::test]
async fn a_provider_that_is_guessed_at_or_away_is_told_apart() {
    let (wharf, issuer) = started().await;
    believe(&wharf, &provider(&issuer, "grant")).await;
    issuer.enrol("alice", "right", &["devs"]);
    for _ in 0..10 {
        wharf.caller("alice", "guess").get(ME).await.is(401);
    }
    let asked = issuer.asked();
    wharf.caller("alice", "right").get(ME).await.is(429);
    assert_eq!(issuer.asked(), asked, "the provider does not hear the eleventh guess");
    issuer.enrol("bob", "right", &["devs"]);
    issuer.break_down();
    wharf.caller("bob", "right").get(ME).await.is(503);
    wharf.admin().get(ME).await.is(200);
}
