//! Virtual registries: whose a name is, and who may read it.

use serde_json::json;

use super::{JSON, file, make, mirror, names, near, page};
use crate::formats::wheel::Distribution;
use crate::harness::Wharf;

/// A server with `main`, the proxy `mirror` of another one's index, and `all`, which shows both; and that other server.
async fn all(reserved: &[&str]) -> (Wharf, Wharf) {
    let (upstream, (wharf, admin)) = tokio::join!(Wharf::start(), near());
    upstream.found(&["acme"]).await;
    upstream.set_public("acme/main", true);
    mirror(&admin, &format!("{}/pypi/acme/main/simple/", upstream.base()), json!({})).await;
    let members = ["mirror", "main"];
    make(&admin, json!({ "name": "all", "kind": "virtual", "members": members, "reserved": reserved })).await;
    (wharf, upstream)
}

#[tokio::test]
async fn a_local_name_never_falls_through_to_the_upstream() {
    let (wharf, upstream) = all(&["acme"]).await;
    let (admin, stranger) = (wharf.admin(), upstream.admin());
    for (project, version) in
        [("tool", "99.0"), ("acme-secret", "99.0"), ("acme", "99.0"), ("requests", "2.0")]
    {
        Distribution::wheel(project, version).upload(&stranger).await.is(200);
    }
    let ours = Distribution::wheel("tool", "1.0");
    ours.upload(&admin).await.is(200);

    assert_eq!(names(&page(&admin, "all", "tool").await.is(200)), [ours.filename.as_str()]);
    admin.get(&file("all", "tool", &ours.filename)).await.is(200).has_body(&ours.bytes);
    admin.get(&file("all", "tool", "tool-99.0-py3-none-any.whl")).await.is(404);
    admin.get(&file("all", "tool", "tool-99.0-py3-none-any.whl.metadata")).await.is(404);
    for reserved in ["acme-secret", "acme"] {
        page(&admin, "all", reserved).await.is(404);
    }
    let theirs = page(&admin, "all", "requests").await.is(200);
    assert_eq!(names(&theirs), ["requests-2.0-py3-none-any.whl"]);
    admin.get(&file("all", "requests", "requests-2.0-py3-none-any.whl")).await.is(200);
    admin.get(&file("all", "requests", "requests-2.0-py3-none-any.whl.metadata")).await.is(200);
    let root = async || admin.get(&format!("/pypi/acme/all/simple/?format={JSON}")).await.is(200).json();
    assert_eq!(root().await["projects"], json!([{ "name": "requests" }, { "name": "tool" }]));

    // A name stays acme's when its last file is gone.
    let repository = admin.repository("acme/main/pypi/tool");
    let release = repository.manifest("1.0").await.is(200).json();
    repository.delete_manifest(release["manifests"][0]["digest"].as_str().unwrap()).await.is(202);
    page(&admin, "all", "tool").await.is(404);
    assert_eq!(
        root().await["projects"],
        json!([{ "name": "requests" }]),
        "a root in memory stands no longer"
    );

    // Nor does it go with the repository, or with the whole registry.
    admin.delete("/api/v1/orgs/acme/registries/main/repositories/pypi/tool").await.is(204);
    page(&admin, "all", "tool").await.is(404);
    admin.get(&file("all", "tool", "tool-99.0-py3-none-any.whl")).await.is(404);
}

#[tokio::test]
async fn a_virtual_registry_opens_nothing_that_is_closed_at_its_members() {
    let (wharf, upstream) = all(&[]).await;
    let admin = wharf.admin();
    Distribution::wheel("tool", "99.0").upload(&upstream.admin()).await.is(200);
    Distribution::wheel("open", "1.0").upload(&upstream.admin()).await.is(200);
    let tool = Distribution::wheel("tool", "1.0");
    tool.upload(&admin).await.is(200);
    wharf.set_public("acme/all", true);
    let nobody = wharf.anonymous();
    page(&nobody, "all", "open").await.is(404);
    wharf.set_public("acme/mirror", true);
    page(&nobody, "all", "open").await.is(200);
    // main is closed: its name is neither shown nor looked for upstream.
    page(&nobody, "all", "tool").await.is(404);
    nobody.get(&file("all", "tool", &tool.filename)).await.is(404);
    let root = nobody.get(&format!("/pypi/acme/all/simple/?format={JSON}")).await.is(200).json();
    assert_eq!(root["projects"], json!([]));
    wharf.set_public("acme/all", false);
    wharf.set_public("acme/main", true);
    page(&nobody, "all", "tool").await.is(401);
    page(&nobody, "main", "tool").await.is(200);
}

#[tokio::test]
async fn names_like_local_ones_are_refused_and_the_local_ones_not_told() {
    let (wharf, upstream) = all(&[]).await;
    let admin = wharf.admin();
    Distribution::wheel("secret-tool", "1.0").upload(&admin).await.is(200);
    Distribution::wheel("secrettool", "1.0").upload(&upstream.admin()).await.is(200);
    page(&admin, "all", "secrettool").await.is(200);
    let refuse = json!({ "lookalikes": "refuse" });
    admin.send_json("PATCH", "/api/v1/orgs/acme/registries/all", &refuse).await.is(200);
    let refused = page(&admin, "all", "secrettool").await.is(403);
    assert!(!String::from_utf8_lossy(&refused.body).contains("secret-tool"));
    page(&admin, "all", "secret-tool").await.is(200);
}

#[tokio::test]
async fn a_name_like_one_that_the_reader_may_not_list_is_missing_for_him() {
    let (wharf, upstream) = all(&[]).await;
    let (admin, nobody) = (wharf.admin(), wharf.anonymous());
    for registry in ["acme/all", "acme/mirror"] {
        wharf.set_public(registry, true);
    }
    Distribution::wheel("secret-tool", "1.0").upload(&admin).await.is(200);
    Distribution::wheel("secrettool", "1.0").upload(&upstream.admin()).await.is(200);
    let set = async |word: &str| {
        let lookalikes = json!({ "lookalikes": word });
        admin.send_json("PATCH", "/api/v1/orgs/acme/registries/all", &lookalikes).await.is(200);
    };
    set("warn").await;
    let words = "the name secrettool is almost that of a package of this organisation";
    page(&admin, "all", "secrettool").await.is(200).has_header("wharf-warning", words);
    page(&nobody, "all", "secrettool").await.is(200).lacks_header("wharf-warning");
    set("refuse").await;
    page(&admin, "all", "secrettool").await.is(403);
    let (like, missing) = tokio::join!(page(&nobody, "all", "secrettool"), page(&nobody, "all", "nothing"));
    assert_eq!(like.is(404).body, missing.is(404).body);
    nobody.get(&file("all", "secrettool", "secrettool-1.0-py3-none-any.whl")).await.is(404);
    wharf.set_public("acme/main", true);
    page(&nobody, "all", "secrettool").await.is(403);
}
