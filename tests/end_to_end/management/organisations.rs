//! Organisations and their registries: who sees them, who makes them, and what becomes of one that is removed.

use serde_json::json;

use super::items;
use crate::harness::{ADMIN_PASSWORD, Wharf};

/// Where nobody finds an organisation that was not made by hand.
const WITHOUT_PERSONAL: [(&str, &str); 2] =
    [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_PERSONAL_ORGS", "off")];

#[tokio::test]
async fn an_organisation_is_made_with_its_registry_and_seen_by_who_belongs_to_it() {
    let wharf = Wharf::start_with(&WITHOUT_PERSONAL).await;
    let (admin, stranger) = (wharf.admin(), wharf.add_user("stranger", &[]));

    let made = admin.send_json("POST", "/api/v1/orgs", &json!({ "name": "acme" })).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/orgs/acme");
    assert_eq!((&made.json()["name"], &made.json()["role"]), (&json!("acme"), &json!("admin")));
    admin.send_json("POST", "/api/v1/orgs", &json!({ "name": "acme" })).await.is(409);
    admin.send_json("POST", "/api/v1/orgs", &json!({ "name": "v2" })).await.is(400);
    assert_eq!(items(&admin.get("/api/v1/orgs/acme/registries").await.is(200), "name"), ["main"]);

    for path in ["/api/v1/orgs/acme", "/api/v1/orgs/acme/registries", "/api/v1/orgs/acme/members"] {
        stranger.get(path).await.is(404);
        wharf.anonymous().get(path).await.is(401);
    }
    assert!(items(&stranger.get("/api/v1/orgs").await.is(200), "name").is_empty());
    stranger.send_json("POST", "/api/v1/orgs", &json!({ "name": "mine" })).await.is(403);
    wharf.set_public("acme/open", true);
    assert_eq!(items(&stranger.get("/api/v1/orgs").await.is(200), "name"), ["acme"]);
    assert_eq!(items(&stranger.get("/api/v1/orgs/acme/registries").await.is(200), "name"), ["open"]);
    stranger.get("/api/v1/orgs/acme/registries/main").await.is(404);
    stranger.get("/api/v1/orgs/acme/members").await.is(403);
}

#[tokio::test]
async fn users_make_organisations_where_that_is_set_but_not_by_the_name_of_another() {
    let wharf =
        Wharf::start_with(&[WITHOUT_PERSONAL[0], WITHOUT_PERSONAL[1], ("WHARF_ORG_CREATE", "users")]).await;
    let (alice, bob) = (wharf.add_user("alice", &[]), wharf.add_user("bob", &[]));

    bob.send_json("POST", "/api/v1/orgs", &json!({ "name": "alice" })).await.is(409);
    alice.send_json("POST", "/api/v1/orgs", &json!({ "name": "alice" })).await.is(201);
    alice.delete("/api/v1/orgs/alice").await.is(204);
    alice.send_json("POST", "/api/v1/orgs", &json!({ "name": "alice" })).await.is(409);
    bob.send_json("POST", "/api/v1/orgs", &json!({ "name": "alice" })).await.is(409);
    wharf.admin().send_json("POST", "/api/v1/orgs", &json!({ "name": "alice" })).await.is(201);
    alice.get("/api/v1/orgs/alice").await.is(404);
}

#[tokio::test]
async fn a_registry_is_made_changed_and_removed_by_an_admin() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let (owner, writer) =
        (wharf.add_user("owner", &["acme:admin"]), wharf.add_user("writer", &["acme:writer"]));
    let (all, team) = ("/api/v1/orgs/acme/registries", "/api/v1/orgs/acme/registries/team");

    writer.send_json("POST", all, &json!({ "name": "team" })).await.is(403);
    let made = owner.send_json("POST", all, &json!({ "name": "team", "missing_content": "accept" })).await;
    let made = made.is(201).has_header("location", team).json();
    assert_eq!((&made["public"], &made["missing_content"]), (&json!(false), &json!("accept")));
    owner.send_json("POST", all, &json!({ "name": "team" })).await.is(409);
    writer.send_json("PATCH", team, &json!({ "public": true })).await.is(403);
    let changed = owner.send_json("PATCH", team, &json!({ "public": true })).await.is(200).json();
    assert_eq!((&changed["public"], &changed["missing_content"]), (&json!(true), &json!("accept")));
    wharf.anonymous().get(team).await.is(200);
    owner.send_json("PATCH", team, &json!({ "public": false })).await.is(200);
    wharf.anonymous().get(team).await.is(401);
    owner.send_json("PATCH", "/api/v1/orgs/acme/registries/none", &json!({ "public": true })).await.is(404);
    owner.delete(team).await.is(204);
    owner.get(team).await.is(404);
    owner.delete("/api/v1/orgs/acme/registries/main").await.is(409);
}

#[tokio::test]
async fn what_belongs_to_one_tenant_is_not_found_under_another() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme", "acme/team", "other"]).await;
    let owner = wharf.add_user("owner", &["other:admin"]);

    for path in [
        "/api/v1/orgs/acme",
        "/api/v1/orgs/acme/registries/team",
        "/api/v1/orgs/other/registries/team",
        "/api/v1/orgs/other/registries/team/repositories",
        "/api/v1/orgs/acme/registries/main/repositories/founding",
        "/api/v1/orgs/other/registries/team/repositories/founding/tags",
        "/api/v1/orgs/other/members/admin",
    ] {
        owner.get(path).await.is(404);
    }
    owner.send_json("PATCH", "/api/v1/orgs/acme/registries/team", &json!({ "public": true })).await.is(404);
    owner.delete("/api/v1/orgs/acme").await.is(404);
}

#[tokio::test]
async fn a_command_names_what_it_makes_along_the_way() {
    let wharf = Wharf::start().await;
    let told = |arguments: &[&str]| {
        let output = wharf.try_command(arguments, "a-good-password");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let open = |registry| told(&["registry", "set", registry, "--public", "true"]);
    let made = |organisation: &str| format!("there was no organisation {organisation}, so it was made");
    assert_eq!(open("acem/main"), format!("{}; registry acem/main is set", made("acem")));
    assert_eq!(open("acem/tema"), "registry acem/tema was made");
    assert_eq!(open("acem/tema"), "registry acem/tema is set");
    let bob =
        ["user", "add", "bob", "--password-stdin", "--member", "acem:writer", "--member", "other:writer"];
    assert_eq!(told(&bob), format!("user bob was made; {}", made("other")));
}
