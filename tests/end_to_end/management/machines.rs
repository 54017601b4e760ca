//! API tokens and robots: what they reach, what they make, and how they end.

use serde_json::{Value, json};

use super::items;
use crate::harness::{Caller, Image, Wharf};

const TOKENS: &str = "/api/v1/tokens";

async fn make(caller: &Caller, path: &str, body: &Value) -> (String, String) {
    let made = caller.send_json("POST", path, body).await.is(201).json();
    (made["token"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

fn reach(patterns: &[&str], actions: &[&str]) -> Value {
    let one = |pattern: &&str| json!({ "repositories": pattern, "actions": actions });
    Value::Array(patterns.iter().map(one).collect())
}

#[tokio::test]
async fn a_token_is_a_password_and_a_bearer_until_it_is_ended() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let tags = "/v2/acme/founding/tags/list";

    let (text, id) = make(&alice, TOKENS, &json!({ "name": "laptop" })).await;

    assert!(text.starts_with("wharf_") && text.len() == 55, "{text}");
    let bearer = alice.bearing(&text);
    let fetched = wharf.caller("alice", &text).with_token(&["repository:acme/founding:pull,push"]).await;
    let callers = [wharf.caller("alice", &text), wharf.caller("__token__", &text), bearer.clone(), fetched];
    for caller in &callers {
        caller.get(tags).await.is(200);
    }
    let me = bearer.get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["name"], &me["credential"]), (&json!("alice"), &json!("token")));
    let listed = alice.get(TOKENS).await.is(200);
    assert_eq!((items(&listed, "id"), items(&listed, "name")), (vec![id.clone()], vec!["laptop".to_owned()]));
    assert!(!String::from_utf8_lossy(&listed.body).contains(&text));
    assert!(!wharf.log().contains(&text));

    alice.delete(&format!("{TOKENS}/{id}")).await.is(204);
    for caller in &callers {
        caller.get(tags).await.is(401);
    }
    alice.delete(&format!("{TOKENS}/{id}")).await.is(404);
}

#[tokio::test]
async fn an_answer_is_given_again_to_the_same_credential_only() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let narrow = json!({ "name": "ci", "access": reach(&["acme/app"], &["pull"]) });
    let (text, _) = make(&alice, TOKENS, &narrow).await;
    let ask = async |caller: &Caller| {
        let request = caller.request("POST", TOKENS).header("idempotency-key", "k1");
        request.body(json!({ "name": "laptop" }).to_string()).send().await
    };

    let first = ask(&alice).await.is(201).json();
    assert_eq!(ask(&alice).await.is(201).json(), first);

    ask(&alice.bearing(&text)).await.is(409);
    let fetched = wharf.caller("alice", &text).with_token(&["repository:acme/app:pull"]).await;
    ask(&fetched).await.is(403);
}

#[tokio::test]
async fn what_a_token_made_lives_no_longer_than_itself() {
    let wharf = Wharf::start().await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let (parent, id) = make(&alice, TOKENS, &json!({ "name": "parent" })).await;
    let (child, _) = make(&alice.bearing(&parent), TOKENS, &json!({ "name": "child" })).await;
    alice.bearing(&child).get("/api/v1/me").await.is(200);

    alice.delete(&format!("{TOKENS}/{id}")).await.is(204);

    alice.bearing(&child).get("/api/v1/me").await.is(401);
    let soon = json!({ "name": "soon", "expires_at": "2100-01-01T00:00:00Z" });
    a_robots_token_ends_with_the_token_that_made_it(&wharf, &soon).await;
    let (parent, _) = make(&alice, TOKENS, &soon).await;
    let made = alice.bearing(&parent).send_json("POST", TOKENS, &json!({ "name": "late" })).await.is(201);
    assert_eq!(made.json()["expires_at"], "2100-01-01T00:00:00.000000Z");
}

#[tokio::test]
async fn a_narrowed_token_reaches_what_it_names_and_makes_only_narrower_ones() {
    let wharf = Wharf::start().await;
    let image = Image::oci(1);
    for name in ["acme/app", "acme/team/web", "other/app"] {
        wharf.admin().repository(name).push_image(&image, "v1").await;
    }
    let alice = wharf.add_user("alice", &["acme:writer", "other:writer"]);
    let narrow = json!({ "name": "ci", "access": reach(&["acme/team/*", "acme/app"], &["pull"]) });
    let (text, _) = make(&alice, TOKENS, &narrow).await;
    let robot = wharf.caller("alice", &text);

    for (path, status) in [
        ("/v2/acme/app/manifests/v1", 200),
        ("/v2/acme/team/web/manifests/v1", 200),
        ("/v2/other/app/manifests/v1", 404),
        ("/api/v1/orgs/acme/registries/team/repositories", 200),
        ("/api/v1/orgs/acme/registries/main/repositories", 403),
        ("/api/v1/orgs/acme/registries/main/repositories/app/tags", 200),
        ("/api/v1/orgs/acme", 403),
        ("/api/v1/users", 403),
        ("/v2/_catalog", 403),
    ] {
        let answer = robot.get(path).await;
        assert_eq!(answer.status, status, "{path}");
    }
    robot.repository("acme/app").open_upload().await.is(403);
    robot.repository("acme/elsewhere").open_upload().await.is(404);
    wharf.set_public("other/main", true);
    robot.get("/v2/other/app/manifests/v1").await.is(200);

    let asked =
        robot.ask_for_token(&["repository:acme/app:pull,push", "repository:other/x:push"]).await.is(200);
    assert_eq!(asked.json()["scope"], "repository:acme/app:pull");
    let narrower = json!({ "name": "web", "access": reach(&["acme/team/web"], &["pull"]) });
    let (inner, _) = make(&robot, TOKENS, &narrower).await;
    wharf.caller("x", &inner).get("/v2/acme/team/web/manifests/v1").await.is(200);
    for wider in [
        json!({ "name": "all" }),
        json!({ "name": "push", "access": reach(&["acme/app"], &["pull", "push"]) }),
        json!({ "name": "org", "access": reach(&["acme/*"], &["pull"]) }),
    ] {
        robot.send_json("POST", TOKENS, &wider).await.is(403);
    }
    let bearer = alice.with_token(&["repository:acme/app:pull"]).await;
    bearer.send_json("POST", TOKENS, &narrower).await.is(403);
}

#[tokio::test]
async fn a_robot_works_for_its_organisation_and_nowhere_else() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme", "other"]).await;
    let (owner, viewer) =
        (wharf.add_user("owner", &["acme:admin"]), wharf.add_user("viewer", &["acme:viewer"]));
    let (robots, ci) = ("/api/v1/orgs/acme/robots", "/api/v1/orgs/acme/robots/ci");

    viewer.send_json("POST", robots, &json!({ "name": "ci", "role": "writer" })).await.is(403);
    let made = owner.send_json("POST", robots, &json!({ "name": "ci", "role": "writer" })).await.is(201);
    assert_eq!((made.header("location"), &made.json()["login"]), (ci, &json!("acme+ci")));
    owner.send_json("POST", robots, &json!({ "name": "ci", "role": "viewer" })).await.is(409);
    let (text, id) = make(&owner, &format!("{ci}/tokens"), &json!({ "name": "github" })).await;
    let robot = wharf.caller("acme+ci", &text);

    let image = Image::oci(1);
    robot
        .with_token(&["repository:acme/app:pull,push"])
        .await
        .repository("acme/app")
        .push_image(&image, "v1")
        .await;
    robot.get("/v2/acme/app/manifests/v1").await.is(200);
    robot.get("/v2/other/founding/tags/list").await.is(404);
    let me = robot.get("/api/v1/me").await.is(200).json();
    assert_eq!((&me["kind"], &me["name"]), (&json!("robot"), &json!("acme+ci")));
    robot.send_json("POST", "/api/v1/orgs/acme/registries", &json!({ "name": "x" })).await.is(403);
    assert_eq!(items(&viewer.get(robots).await.is(200), "name"), ["ci"]);
    assert_eq!(items(&viewer.get("/api/v1/orgs/acme/members").await.is(200), "user"), ["owner", "viewer"]);
    viewer.get(&format!("{ci}/tokens")).await.is(403);
    wharf.admin().delete(&format!("/api/v1/orgs/other/robots/ci/tokens/{id}")).await.is(404);

    owner.delete(ci).await.is(204);
    robot.get("/v2/acme/app/manifests/v1").await.is(401);
    owner.send_json("POST", robots, &json!({ "name": "ci", "role": "viewer" })).await.is(201);
    robot.get("/v2/acme/app/manifests/v1").await.is(401);
}

#[tokio::test]
async fn a_token_ends_by_itself_and_with_its_owners_password() {
    let wharf = Wharf::start().await;
    let alice = wharf.add_user("alice", &[]);
    let past = json!({ "name": "late", "expires_at": "2001-01-01T00:00:00Z" });
    alice.send_json("POST", TOKENS, &past).await.is(400);
    let forever = json!({ "name": "x", "expires_at": "2999-01-01T00:00:00Z" });
    let (text, _) = make(&alice, TOKENS, &forever).await;
    wharf.caller("alice", &text).get("/api/v1/me").await.is(200);
    wharf.change_password("alice", "another-password");
    wharf.caller("alice", &text).get("/api/v1/me").await.is(401);
    let alice = wharf.caller("alice", "another-password");
    assert!(items(&alice.get(TOKENS).await.is(200), "id").is_empty());
    let mistyped = format!("{}x", &text[..text.len() - 1]);
    wharf.caller("alice", &mistyped).get("/api/v1/me").await.is(401);
}

#[tokio::test]
async fn the_same_key_gets_the_same_answer_and_makes_one_thing() {
    let wharf = Wharf::start().await;
    let (alice, bob) = (wharf.add_user("alice", &[]), wharf.add_user("bob", &[]));
    let send = async |caller: &Caller, name: &str| {
        let request = caller.request("POST", TOKENS).header("idempotency-key", "once");
        request.body(json!({ "name": name }).to_string()).send().await
    };

    let first = send(&alice, "one").await.is(201);
    let again = send(&alice, "one").await.is(201);
    assert_eq!((first.json(), first.header("location")), (again.json(), again.header("location")));
    assert_eq!(items(&alice.get(TOKENS).await, "name"), ["one"]);
    send(&alice, "two").await.is(409);
    assert_ne!(send(&bob, "one").await.is(201).json(), first.json());
    let wrong = alice.request("POST", TOKENS).header("idempotency-key", "").body("{}").send().await;
    wrong.is(400);
    let refused = async || {
        let request = alice.request("POST", TOKENS).header("idempotency-key", "again");
        request.body("{}").send().await.is(400)
    };
    refused().await;
    refused().await;
}

async fn a_robots_token_ends_with_the_token_that_made_it(wharf: &Wharf, soon: &Value) {
    let owner = wharf.add_user("owner", &["acme:admin"]);
    let robots = "/api/v1/orgs/acme/robots";
    owner.send_json("POST", robots, &json!({ "name": "ci", "role": "writer" })).await.is(201);
    let (parent, _) = make(&owner, TOKENS, soon).await;
    let tokens = format!("{robots}/ci/tokens");
    let made = owner.bearing(&parent).send_json("POST", &tokens, &json!({ "name": "late" })).await.is(201);
    assert_eq!(made.json()["expires_at"], "2100-01-01T00:00:00.000000Z");
    let robot = wharf.caller("acme+ci", made.json()["token"].as_str().unwrap());
    robot.get("/api/v1/me").await.is(200);
    wharf.change_password("owner", "another-password");
    robot.get("/api/v1/me").await.is(401);
}
