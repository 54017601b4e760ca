//! A proxy of another Wharf's index.

use serde_json::{Value, json};

use super::{JSON, NEAR, file, mirror, names, near, page};
use crate::formats::wheel::{Distribution, metadata};
use crate::harness::{Caller, Wharf};

/// An upstream that everybody may read, its publisher, and its address.
async fn upstream() -> (Wharf, Caller, String) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    wharf.set_public("acme/main", true);
    let (alice, url) =
        (wharf.add_user("alice", &["acme:writer"]), format!("{}/pypi/acme/main/simple", wharf.base()));
    (wharf, alice, url)
}

#[tokio::test]
async fn what_the_upstream_has_is_shown_fetched_and_stored_like_an_upload() {
    let ((_upstream, alice, url), (_wharf, admin)) = tokio::join!(upstream(), near());
    let wheel = Distribution::wheel("foo", "1.0");
    wheel.upload(&alice).await.is(200);
    Distribution::source("foo", "0.9").upload(&alice).await.is(200);
    mirror(&admin, &url, json!({})).await;

    let theirs = page(&alice, "main", "foo").await.is(200).json();
    let ours = page(&admin, "mirror", "foo").await.is(200).has_header("content-type", JSON).json();
    for field in ["hashes", "size", "upload-time", "requires-python", "yanked", "core-metadata", "url"] {
        assert_eq!(ours["files"][0][field], theirs["files"][0][field], "{field}");
        assert_eq!(ours["files"][1][field], theirs["files"][1][field], "{field}");
    }
    assert_eq!(ours["versions"], json!(["0.9", "1.0"]));
    let html = admin.get("/pypi/acme/mirror/simple/foo/").await.is(200);
    assert!(String::from_utf8_lossy(&html.body).contains("data-core-metadata"));
    page(&admin, "mirror", "nothing").await.is(404);

    let path = file("mirror", "foo", &wheel.filename);
    admin.head(&path).await.is(200).has_header("content-length", &wheel.bytes.len().to_string());
    // Before the file is here its metadata comes from the upstream.
    let served = admin.get(&format!("{path}.metadata")).await.is(200);
    assert_eq!(served.body, metadata("foo", "1.0"));
    let fetched =
        admin.get(&path).await.is(200).has_header("cache-control", "private, max-age=0, must-revalidate");
    fetched.has_body(&wheel.bytes);
    let tail = admin.request("GET", &path).header("range", "bytes=-9").send().await.is(206);
    tail.has_body(&wheel.bytes[wheel.bytes.len() - 9..]);
    admin.get(&format!("{path}.metadata")).await.is(200).has_body(&served.body);

    let release = admin.repository("acme/mirror/pypi/foo").manifest("1.0").await.is(200).json();
    assert_eq!(release["manifests"].as_array().unwrap().len(), 1);
    let root = admin.get(&format!("/pypi/acme/mirror/simple/?format={JSON}")).await.is(200).json();
    assert_eq!(root["projects"], json!([{ "name": "foo" }]), "what is known here");
    admin.get(&file("mirror", "foo", "foo-7.0-py3-none-any.whl")).await.is(404);
}

#[tokio::test]
async fn a_range_of_a_file_that_was_never_fetched_is_served_too() {
    let ((_upstream, alice, url), (_wharf, admin)) = tokio::join!(upstream(), near());
    let wheel = Distribution::wheel("foo", "1.0");
    wheel.upload(&alice).await.is(200);
    mirror(&admin, &url, json!({})).await;
    let path = file("mirror", "foo", &wheel.filename);
    let part = admin.request("GET", &path).header("range", "bytes=1-4").send().await.is(206);
    part.has_body(&wheel.bytes[1..5]);
}

#[tokio::test]
async fn what_is_known_is_served_while_the_upstream_is_away() {
    let ((mut upstream, alice, url), (wharf, admin)) = tokio::join!(upstream(), near());
    let (wheel, newer) = (Distribution::wheel("foo", "1.0"), Distribution::wheel("foo", "2.0"));
    wheel.upload(&alice).await.is(200);
    mirror(&admin, &url, json!({})).await;
    let path = file("mirror", "foo", &wheel.filename);
    admin.get(&path).await.is(200);
    page(&admin, "mirror", "foo").await.is(200).lacks_header("wharf-upstream");
    newer.upload(&alice).await.is(200);
    assert_eq!(names(&page(&admin, "mirror", "foo").await).len(), 2, "what was published is found at once");

    upstream.kill();
    let stale = page(&admin, "mirror", "foo").await.is(200).has_header("wharf-upstream", "stale");
    assert_eq!(names(&stale).len(), 2);
    admin.get(&path).await.is(200).has_body(&wheel.bytes);
    admin.get(&file("mirror", "foo", &newer.filename)).await.is(503);
    page(&admin, "mirror", "other").await.is(503);
    assert!(wharf.log().contains("an upstream could not be asked"));
}

#[tokio::test]
async fn a_proxy_keeps_so_much_of_its_upstream_and_what_is_newest() {
    let (mut upstream, alice, url) = upstream().await;
    let wharf = Wharf::start_with(&[&NEAR[..], &[("WHARF_UPSTREAM_KEPT", "1KiB")]].concat()).await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    mirror(&admin, &url, json!({})).await;
    let projects = ["one", "two", "three", "four", "five", "six"];
    for project in projects {
        Distribution::wheel(project, "1.0").upload(&alice).await.is(200);
        page(&admin, "mirror", project).await.is(200);
    }

    upstream.kill();

    // What is kept can be served while the upstream is away.
    let mut kept = Vec::new();
    for project in projects {
        kept.extend((page(&admin, "mirror", project).await.status == 200).then_some(project));
    }
    assert!((1..projects.len()).contains(&kept.len()), "{kept:?}");
    assert_eq!(kept, projects[projects.len() - kept.len()..], "the newest stay");
}

#[tokio::test]
async fn a_private_upstream_is_read_with_its_login_and_by_nobody_else() {
    let ((upstream, alice, url), (wharf, admin)) = tokio::join!(upstream(), near());
    upstream.set_public("acme/main", false);
    Distribution::wheel("foo", "1.0").upload(&alice).await.is(200);
    let login = json!({
        "url": url, "protocol": "python", "username": "alice", "password": "the-password-of-alice",
    });
    mirror(&admin, &url, json!({ "upstream": login })).await;
    page(&admin, "mirror", "foo").await.is(200);
    let (viewer, stranger) = (wharf.add_user("viewer", &["acme:viewer"]), wharf.add_user("stranger", &[]));
    page(&viewer, "mirror", "foo").await.is(200);
    page(&stranger, "mirror", "foo").await.is(404);
    page(&wharf.anonymous(), "mirror", "foo").await.is(401);
    let bare = json!({ "upstream": { "url": url, "protocol": "python" } });
    admin.send_json("PATCH", "/api/v1/orgs/acme/registries/mirror", &bare).await.is(200);
    page(&admin, "mirror", "other").await.is(503);
}

#[tokio::test]
async fn files_are_hidden_while_they_are_too_young() {
    let ((_upstream, alice, url), (_wharf, admin)) = tokio::join!(upstream(), near());
    let wheel = Distribution::wheel("foo", "1.0");
    wheel.upload(&alice).await.is(200);
    mirror(&admin, &url, json!({ "cooldown_days": 1 })).await;
    assert_eq!(names(&page(&admin, "mirror", "foo").await.is(200)), Vec::<String>::new());
    admin.get(&file("mirror", "foo", &wheel.filename)).await.is(404);
    let off: Value = json!({ "cooldown_days": 0 });
    admin.send_json("PATCH", "/api/v1/orgs/acme/registries/mirror", &off).await.is(200);
    assert_eq!(names(&page(&admin, "mirror", "foo").await.is(200)), [wheel.filename]);
}

#[tokio::test]
async fn names_that_look_like_another_are_told_or_refused() {
    let ((_upstream, alice, url), (_wharf, admin)) = tokio::join!(upstream(), near());
    for project in ["requests", "reqeusts"] {
        Distribution::wheel(project, "1.0").upload(&alice).await.is(200);
    }
    mirror(&admin, &url, json!({ "lookalikes": "warn", "popular": ["requests"] })).await;
    page(&admin, "mirror", "requests").await.is(200).lacks_header("wharf-warning");
    let warned = page(&admin, "mirror", "reqeusts").await.is(200);
    assert!(warned.header("wharf-warning").contains("requests"));
    let refuse = json!({ "lookalikes": "refuse" });
    admin.send_json("PATCH", "/api/v1/orgs/acme/registries/mirror", &refuse).await.is(200);
    page(&admin, "mirror", "requests").await.is(200);
    page(&admin, "mirror", "reqeusts").await.is(403);
}
