//! Rules about tags: who sets them, what they refuse, and what they let go.

use serde_json::{Value, json};

use super::{MAIN, send};
use crate::harness::{ADMIN_PASSWORD, Image, Wharf};

#[tokio::test]
async fn an_immutable_tag_is_told_by_the_name_of_its_rule_behind_every_door() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let repository = admin.repository("acme/app");
    let (first, second) = (Image::oci(1), Image::oci(2));
    let digest = repository.push_image(&first, "v1").await;
    let owner = wharf.add_user("owner", &["acme:admin"]);
    let rule = format!("{MAIN}/immutability/releases");
    let body = json!({ "select": { "tags": ["v*"], "except_tags": ["*-rc*"] } });
    let set = send(&owner, "PUT", &rule, &body).await.is(200).json();
    assert_eq!(set["select"]["repositories"], json!(["**"]));

    let put = |image: &Image, reference: &str| {
        repository.manifest_push(reference, image.media_type, &image.manifest).send()
    };
    repository.push_blobs_of(&second).await;
    put(&first, "v1").await.is(201);
    let refused = put(&second, "v1").await.is(409).json();
    let told = (&refused["errors"][0]["code"], &refused["errors"][0]["detail"]["rule"]);
    assert_eq!(told, (&json!("DENIED"), &json!("releases")));
    put(&second, "v1-rc1").await.is(201);
    put(&second, &format!("{}?tag=new&tag=v1", second.digest())).await.is(409);
    repository.manifest("new").await.is(404);
    repository.delete_manifest("v1").await.is(409);
    repository.delete_manifest(&digest).await.is(409);
    let tag = format!("{MAIN}/repositories/app/tags/v1");
    let problem = owner.delete(&tag).await.is(409).json();
    assert_eq!(problem["detail"], "the tag v1 is immutable by the rule releases");
    owner.delete(&format!("{MAIN}/repositories/app")).await.is(409);
    repository.manifest("v1").await.is(200);

    owner.delete(&rule).await.is(204);
    owner.delete(&rule).await.is(404);
    put(&second, "v1").await.is(201);
}

#[tokio::test]
async fn rules_are_set_by_admins_and_read_by_members() {
    let wharf = Wharf::start().await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    wharf.admin().repository("other/app").push_image(&Image::oci(1), "v1").await;
    let [stranger, viewer, writer, owner, elsewhere] = [
        wharf.add_user("stranger", &[]),
        wharf.add_user("viewer", &["acme:viewer"]),
        wharf.add_user("writer", &["acme:writer"]),
        wharf.add_user("owner", &["acme:admin"]),
        wharf.add_user("elsewhere", &["other:admin"]),
    ];
    for kind in ["immutability", "retention"] {
        let (list, rule) = (format!("{MAIN}/{kind}"), format!("{MAIN}/{kind}/one"));
        let body = if kind == "retention" { json!({ "keep_days": 9 }) } else { json!({}) };
        let callers = [
            (wharf.anonymous(), 401, 401),
            (stranger.clone(), 404, 404),
            (elsewhere.clone(), 404, 404),
            (viewer.clone(), 200, 403),
            (writer.clone(), 200, 403),
            (owner.clone(), 200, 200),
            (wharf.admin(), 200, 200),
        ];
        for (caller, reads, sets) in callers {
            caller.get(&list).await.is(reads);
            send(&caller, "PUT", &rule, &body).await.is(sets);
        }
        assert_eq!(viewer.get(&list).await.is(200).json()["items"].as_array().unwrap().len(), 1);
        for bad in [json!({ "selects": {} }), json!({ "select": { "tags": ["a b"] } })] {
            send(&owner, "PUT", &rule, &bad).await.is(400);
        }
        send(&owner, "PUT", &format!("{MAIN}/{kind}/No"), &body).await.is(400);
        send(&owner, "PUT", &format!("/api/v1/orgs/acme/registries/none/{kind}/one"), &body).await.is(404);
        writer.delete(&rule).await.is(403);
        elsewhere.delete(&rule).await.is(404);
    }
    send(&owner, "PUT", &format!("{MAIN}/retention/two"), &json!({})).await.is(400);
}

#[tokio::test]
async fn what_would_go_is_shown_and_goes_with_the_next_round() {
    let hasty = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")];
    let mut wharf = Wharf::start_with(&hasty).await;
    let admin = wharf.admin();
    for number in 1..4 {
        admin.repository("acme/app").push_image(&Image::oci(number), &format!("v{number}")).await;
    }
    send(&admin, "PUT", &format!("{MAIN}/immutability/first"), &json!({ "select": { "tags": ["v1"] } }))
        .await
        .is(200);
    let few = json!({ "select": { "repositories": ["app"] }, "keep_newest": 1 });
    send(&admin, "PUT", &format!("{MAIN}/retention/few"), &few).await.is(200);
    let expiring = admin.get(&format!("{MAIN}/expiring")).await.is(200).json();
    assert_eq!(expiring["items"].as_array().unwrap().len(), 1);
    let row: &Value = &expiring["items"][0];
    assert_eq!((&row["tag"], &row["rule"]), (&json!("v2"), &json!("few")));
    wharf.stop().await;
    // The job looks at its start whether another node does the same, and one that stopped may be that for 3 s.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    wharf.restart().await;
    let admin = wharf.admin();
    let tags = async || admin.repository("acme/app").tags("").await.is(200).json()["tags"].clone();
    for _ in 0..100 {
        if tags().await == json!(["v1", "v3"]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{} are there", tags().await);
}

#[tokio::test]
async fn a_rule_that_nothing_will_ever_be_of_is_refused_and_none_is_set() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let owner = wharf.add_user("owner", &["acme:admin"]);
    let refused = async |kind: &str, body: &Value| {
        let answer = send(&owner, "PUT", &format!("{MAIN}/{kind}/rule"), body).await.is(400);
        answer.json()["detail"].as_str().unwrap().to_owned()
    };

    let none = refused("immutability", &json!({ "select": { "repositories": [] } })).await;
    assert!(none.contains("leave it out for all of them"), "{none}");
    let pulled = refused("immutability", &json!({ "select": { "repositories": ["acme/app"] } })).await;
    assert!(pulled.contains("acme/app is not within acme/main: say app"), "{pulled}");
    let tags = json!({ "of": "untagged", "keep_days": 7, "select": { "tags": ["v*"] } });
    let untagged = refused("retention", &tags).await;
    assert!(untagged.contains("selects repositories, and no tags"), "{untagged}");
    for kind in ["immutability", "retention"] {
        assert_eq!(owner.get(&format!("{MAIN}/{kind}")).await.is(200).json()["items"], json!([]));
    }
}
