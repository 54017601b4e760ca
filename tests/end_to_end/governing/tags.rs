//! The moves of a tag, and setting it back.

use serde_json::{Value, json};

use super::{MAIN, send};
use crate::formats::wheel::Distribution;
use crate::harness::{Image, Wharf};

/// By whatever door and under whatever tag its files come and go.
#[tokio::test]
async fn a_release_that_never_moves_neither_grows_nor_shrinks() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    for tags in ["py3-none-any", "cp311-none-any"] {
        Distribution::tagged_wheel("hull", "1.0", tags).upload(&admin).await.is(200);
    }
    let index = admin.repository("acme/main/pypi/hull").manifest("1.0").await.is(200);
    let files = index.json()["manifests"].as_array().unwrap().clone();
    send(&admin, "PUT", &format!("{MAIN}/immutability/all"), &json!({})).await.is(200);

    Distribution::tagged_wheel("hull", "1.0", "cp312-none-any").upload(&admin).await.is(400);
    let one = files[0]["digest"].as_str().unwrap();
    admin.repository("acme/main/pypi/hull").delete_manifest(one).await.is(409);

    let after = admin.repository("acme/main/pypi/hull").manifest("1.0").await.is(200);
    assert_eq!(after.body, index.body);
}

/// With everything that formats and keys keep of it.
#[tokio::test]
async fn a_registry_goes_with_its_pages_keys_and_rules() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    let registries = "/api/v1/orgs/acme/registries";
    send(&admin, "POST", registries, &json!({ "name": "team" })).await.is(201);
    let team = format!("{registries}/team");
    Distribution::wheel("hull", "1.0").upload_to(&admin, "acme/team").await.is(200);
    admin.get("/pypi/acme/team/simple/hull/").await.is(200);
    let pem = include_str!("../../../crates/signing/src/samples/secp256k1.pub.pem");
    send(&admin, "POST", &format!("{team}/keys"), &json!({ "name": "k", "pem": pem })).await.is(201);
    let nothing = json!({ "select": { "repositories": ["nothing"] }, "keep_days": 9 });
    send(&admin, "PUT", &format!("{team}/retention/r"), &nothing).await.is(200);

    admin.delete(&format!("{team}?force=true")).await.is(204);

    admin.get(&team).await.is(404);
}

#[tokio::test]
async fn a_tag_that_was_moved_by_mistake_is_set_back() {
    let wharf = Wharf::start().await;
    let (admin, images) = (wharf.admin(), [Image::oci(1), Image::oci(2)]);
    let repository = admin.repository("acme/app");
    for image in &images {
        repository.push_image(image, "latest").await;
    }
    let viewer = wharf.add_user("viewer", &["acme:viewer"]);
    let writer = wharf.add_user("writer", &["acme:writer"]);
    let stranger = wharf.add_user("stranger", &[]);
    let tag = format!("{MAIN}/repositories/app/tags/latest");
    let history = viewer.get(&format!("{tag}/history")).await.is(200).json();
    let [one, two] = images.map(|image| image.digest());
    let moves: Vec<_> = history["items"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(moves, [json!(["admin", one, two, true]), json!(["admin", null, one, true])]);

    let back = json!({ "digest": one });
    let rollback = format!("{tag}/rollback");
    send(&viewer, "POST", &rollback, &back).await.is(403);
    send(&stranger, "POST", &rollback, &back).await.is(404);
    for _ in 0..2 {
        let request = writer.request("POST", &rollback).header("idempotency-key", "back");
        request.body(back.to_string()).send().await.is(204).lacks_header("content-type").has_body(b"");
    }
    send(&writer, "POST", &rollback, &json!({ "digest": "sha256:x" })).await.is(400);
    let never = json!({ "digest": format!("sha256:{}", "0".repeat(64)) });
    send(&writer, "POST", &rollback, &never).await.is(404);
    repository.head_manifest("latest").await.is(200).has_header("docker-content-digest", &one);
    let page = viewer.get(&format!("{tag}/history?n=1")).await.is(200);
    assert_eq!(shown(&page.json()["items"][0]), json!(["writer", two, one, true]));
    let rest = viewer.get(&page.next_page().expect("a second page")).await.is(200).json();
    assert_eq!(shown(&rest["items"][0]), moves[0]);
    viewer.get(&format!("{MAIN}/repositories/app/tags/other/history")).await.is(404);
    viewer.get(&format!("{tag}/history?last=x")).await.is(400);
}

fn shown(row: &Value) -> Value {
    json!([row["by"], row["from"], row["to"], row["stands"]])
}
