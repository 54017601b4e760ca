//! Repositories and tags through the management API, and removing what holds something.

use serde_json::json;

use super::items;
use crate::harness::{Image, Wharf};

#[tokio::test]
async fn repositories_and_tags_are_listed_with_what_they_point_to() {
    let wharf = Wharf::start().await;
    let (admin, image) = (wharf.admin(), Image::oci(1));
    admin.repository("acme/main/a/b").push_image(&image, "v1").await;
    let digest = admin.repository("acme/app").push_image(&image, "v1").await;
    admin.repository("acme/app").push_image(&image, "v2").await;
    admin.repository("acme/begun").open_upload().await.is(202);
    let base = "/api/v1/orgs/acme/registries/main/repositories";

    assert_eq!(items(&admin.get(base).await.is(200), "name"), ["app", "a/b"]);
    let first = admin.get(&format!("{base}?n=1")).await.is(200);
    assert_eq!(items(&admin.get(&first.next_page().unwrap()).await.is(200), "path"), ["acme/main/a/b"]);
    for spelling in ["a/b", "a%2Fb"] {
        assert_eq!(admin.get(&format!("{base}/{spelling}")).await.is(200).json()["name"], "a/b");
        assert_eq!(items(&admin.get(&format!("{base}/{spelling}/tags")).await.is(200), "name"), ["v1"]);
    }
    let tags = admin.get(&format!("{base}/app/tags?n=1")).await.is(200);
    assert_eq!((items(&tags, "name"), items(&tags, "digest")), (vec!["v1".to_owned()], vec![digest]));
    assert_eq!(items(&admin.get(&tags.next_page().unwrap()).await.is(200), "name"), ["v2"]);
    admin.delete(&format!("{base}/app/tags/v1")).await.is(204);
    admin.delete(&format!("{base}/app/tags/v1")).await.is(404);
    let about = Image::oci(2).about(&image);
    admin.repository("acme/app").push_image(&about, &about.digest()).await;
    admin.delete(&format!("{base}/app/tags/v2")).await.is(204);
    let first = admin.get(&format!("{base}/app/manifests?n=1")).await.is(200);
    let second = admin.get(&first.next_page().unwrap()).await.is(200);
    assert_eq!(second.next_page(), None);
    let listed = [&first, &second].map(|page| page.json()["items"][0].clone());
    let of = |wanted: &Image| listed.iter().find(|one| one["digest"] == wanted.digest()).unwrap();
    assert_eq!(of(&image)["size_bytes"], image.manifest.len());
    assert_eq!((&of(&image)["subject"], &of(&about)["subject"]), (&json!(null), &json!(image.digest())));
    assert_eq!(of(&about)["media_type"], about.media_type);
    admin.get(&format!("{base}/app/manifests?last=v1")).await.is(400);
    admin.get(&format!("{base}/begun")).await.is(404);
}

#[tokio::test]
async fn a_removed_repository_is_gone_with_all_it_held() {
    let wharf = Wharf::start().await;
    let (admin, image) = (wharf.admin(), Image::oci(1));
    let (app, kept) = (admin.repository("acme/app"), admin.repository("acme/kept"));
    for tag in ["v1", "v2"] {
        app.push_image(&image, tag).await;
    }
    kept.push_image(&image, "v1").await;
    let upload = app.upload().await;
    let writer = wharf.add_user("writer", &["acme:writer"]);
    let path = "/api/v1/orgs/acme/registries/main/repositories/app";

    wharf.add_user("viewer", &["acme:viewer"]).delete(path).await.is(403);
    writer.delete(path).await.is(204);
    for gone in [path, "/v2/acme/app/tags/list", "/v2/acme/app/manifests/v1", &upload.location] {
        admin.get(gone).await.is(404);
    }
    writer.delete(path).await.is(404);
    kept.manifest("v1").await.is(200);
    app.push_image(&image, "v1").await;
    app.manifest("v1").await.is(200);
}

#[tokio::test]
async fn an_organisation_that_holds_something_goes_only_by_force() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme", "acme/team"]).await;
    wharf.admin().repository("acme/begun").open_upload().await.is(202);
    let owner = wharf.add_user("owner", &["acme:admin"]);

    owner.delete("/api/v1/orgs/acme/registries/team").await.is(409);
    owner.delete("/api/v1/orgs/acme/registries/team?force=true").await.is(204);
    owner.get("/v2/acme/team/founding/tags/list").await.is(404);
    owner.delete("/api/v1/orgs/acme").await.is(409);
    owner.delete("/api/v1/orgs/acme?force=perhaps").await.is(400);
    owner.delete("/api/v1/orgs/acme?force=true").await.is(204);
    owner.get("/v2/acme/founding/tags/list").await.is(404);
    let admin = wharf.admin();
    admin.get("/api/v1/orgs/acme").await.is(404);
    admin.repository("acme/founding").open_upload().await.is(409);
    admin.send_json("POST", "/api/v1/orgs", &json!({ "name": "acme" })).await.is(201);
    admin.repository("acme/founding").open_upload().await.is(202);
    owner.get("/api/v1/orgs/acme").await.is(404);
}

#[tokio::test]
async fn force_removes_nothing_where_a_rule_keeps_a_tag() {
    let wharf = Wharf::start().await;
    let (admin, image) = (wharf.admin(), Image::oci(1));
    for name in ["doomed/aaa", "doomed/ccc", "doomed/team/bbb"] {
        admin.repository(name).push_image(&image, "v1").await;
    }
    let rule = "/api/v1/orgs/doomed/registries/main/immutability/keep";
    let select = json!({ "select": { "repositories": ["ccc"] } });
    admin.send_json("PUT", rule, &select).await.is(200);

    let refused = admin.delete("/api/v1/orgs/doomed?force=true").await.is(409).json();

    let words = "nothing was removed: the tag v1 of doomed/ccc is immutable by the rule keep of doomed/main; \
                 take the rule away first";
    assert_eq!(refused["detail"], words);
    for name in ["doomed/aaa", "doomed/ccc", "doomed/team/bbb"] {
        admin.repository(name).manifest("v1").await.is(200);
    }
    admin.delete("/api/v1/orgs/doomed/registries/team?force=true").await.is(204);
    admin.delete(rule).await.is(204);
    admin.delete("/api/v1/orgs/doomed?force=true").await.is(204);
}
