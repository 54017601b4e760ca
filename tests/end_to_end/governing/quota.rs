//! How much an organisation may store, and how a client is told.

use serde_json::json;

use super::send;
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, noise, sha256};

#[tokio::test]
async fn a_quota_refuses_in_words_and_what_is_there_stays() {
    let wharf = Wharf::start().await;
    let admin = wharf.admin();
    let image = Image::oci(1);
    admin.repository("acme/app").push_image(&image, "v1").await;
    admin.repository("acme/team/app").push_image(&image, "v1").await;
    let owner = wharf.add_user("owner", &["acme:admin"]);
    let stranger = wharf.add_user("stranger", &[]);
    let usage = async || owner.get("/api/v1/orgs/acme/usage").await.is(200).json();
    let blobs: usize = image.blobs.iter().map(|blob| blob.len()).sum();
    let used = blobs + 2 * image.manifest.len();
    let expected = json!({
        "blob_bytes": blobs, "manifest_bytes": 2 * image.manifest.len(), "used_bytes": used, "quota_bytes": null,
    });
    assert_eq!(usage().await, expected);

    let quota = "/api/v1/orgs/acme/quota";
    send(&owner, "PUT", quota, &json!({ "quota_bytes": 1_u64 << 40 })).await.is(403);
    send(&admin, "PUT", quota, &json!({})).await.is(400);
    send(&admin, "PUT", quota, &json!({ "quota_bytes": used + 10 })).await.is(204);
    send(&admin, "PUT", "/api/v1/orgs/nothing/quota", &json!({ "quota_bytes": 1 })).await.is(404);
    stranger.get("/api/v1/orgs/acme/usage").await.is(404);

    let repository = owner.repository("acme/app");
    let (blob, digest) = (noise(7, 1000), sha256(&noise(7, 1000)));
    let upload = repository.upload().await;
    let path = format!("{}?digest={digest}", upload.location);
    let refused = owner.request("PUT", &path).body(blob.clone()).send().await.is(403).json();
    let (code, words) = (&refused["errors"][0]["code"], refused["errors"][0]["message"].as_str().unwrap());
    assert_eq!(code, "DENIED");
    assert!(words.contains(&format!("{used} of {} bytes", used + 10)), "{words}");
    owner.delete(&upload.location).await.is(204);
    repository.manifest("v1").await.is(200);
    owner.repository("acme/third").mount(&sha256(&image.blobs[0]), Some("acme/app")).await.is(201);
    assert_eq!(usage().await["used_bytes"], json!(used), "a mount within the organisation costs nothing");

    send(&admin, "PUT", quota, &json!({ "quota_bytes": null })).await.is(204);
    repository.push_blob(&blob).await;
    assert_eq!(usage().await["used_bytes"], json!(used + 1000));
}

/// Whoever makes it, and by whatever road.
#[tokio::test]
async fn an_organisation_begins_with_the_quota_that_is_set() {
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_ORGANISATION_QUOTA", "1MiB")];
    let wharf = Wharf::start_with(&settings).await;
    let admin = wharf.admin();
    send(&admin, "POST", "/api/v1/orgs", &json!({ "name": "asked" })).await.is(201);
    admin.repository("pushed/app").push_image(&Image::oci(1), "v1").await;
    wharf.command(&["registry", "set", "set/main", "--public", "true"], "");
    wharf.add_user("bob", &["joined:writer"]).get("/v2/").await.is(200);

    for organisation in ["asked", "pushed", "set", "joined", "bob"] {
        let usage = admin.get(&format!("/api/v1/orgs/{organisation}/usage")).await.is(200).json();
        assert_eq!(usage["quota_bytes"], 1 << 20, "{organisation}");
    }
    send(&admin, "PUT", "/api/v1/orgs/asked/quota", &json!({ "quota_bytes": null })).await.is(204);
    admin.delete("/api/v1/orgs/set?force=true").await.is(204);
    send(&admin, "POST", "/api/v1/orgs", &json!({ "name": "set" })).await.is(201);
    for (organisation, quota) in [("asked", json!(null)), ("set", json!(1 << 20))] {
        let usage = admin.get(&format!("/api/v1/orgs/{organisation}/usage")).await.is(200).json();
        assert_eq!(usage["quota_bytes"], quota, "{organisation}");
    }
}
