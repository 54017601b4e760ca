//! Upstreams that delay, cut, lie about digests, send away, and ask for secrets.

use std::time::Duration;

use serde_json::json;

use super::{file, mirror, names, near, page};
use crate::formats::wheel::Distribution;
use crate::harness::{Image, Wharf, sha256};
use crate::import::stage::{Heard, Said, Stage};

/// An index that shows one file and answers for everything else as it is told.
async fn stage(
    wheel: &Distribution,
    script: impl Fn(&Heard, usize) -> Option<Said> + Send + Sync + 'static,
) -> Stage {
    let sha256 = sha256(&wheel.bytes).replace("sha256:", "");
    let (name, bytes) = (wheel.filename.clone(), wheel.bytes.clone());
    let shown = json!({ "meta": {}, "name": "foo", "files": [{
        "filename": name, "url": format!("/files/{name}"), "hashes": { "sha256": sha256 }, "size": bytes.len(),
    }] });
    Stage::start(&Image::oci(1), move |heard, before| {
        script(heard, before).or_else(|| match heard.target.as_str() {
            "/simple/foo/" => Some(Said::new(200, shown.to_string()).with("content-type", super::JSON)),
            target if target == format!("/files/{name}") => Some(Said::new(200, bytes.clone())),
            _ => Some(Said::new(404, "nothing")),
        })
    })
    .await
}

fn simple(stage: &Stage) -> String {
    format!("http://{}/simple/", stage.host)
}

#[tokio::test]
async fn bytes_of_another_digest_are_never_kept_and_never_end_cleanly() {
    let (_wharf, admin) = near().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let lie = Distribution::wheel("foo", "1.1").bytes;
    let stage = stage(&wheel, move |heard, _| {
        heard.target.starts_with("/files/").then(|| Said::new(200, lie.clone()))
    })
    .await;
    mirror(&admin, &simple(&stage), json!({})).await;
    let path = file("mirror", "foo", &wheel.filename);
    for _ in 0..2 {
        let got = admin.request("GET", &path).try_send().await;
        assert!(got.is_err(), "a lie was handed out whole: {got:?}");
    }
    let asked = stage.heard().iter().filter(|heard| heard.target.starts_with("/files/")).count();
    assert_eq!(asked, 2, "something of the lie was kept");
    admin.repository("acme/mirror/pypi/foo").manifest("1.0").await.is(404);
}

#[tokio::test]
async fn a_file_that_is_cut_is_cut_for_the_reader_and_fetched_again() {
    let (_wharf, admin) = near().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let bytes = wheel.bytes.clone();
    let stage = stage(&wheel, move |heard, before| {
        let is_first = heard.target.starts_with("/files/") && before == 0;
        is_first.then(|| Said { cut: Some(100), ..Said::new(200, bytes.clone()) })
    })
    .await;
    mirror(&admin, &simple(&stage), json!({})).await;
    let path = file("mirror", "foo", &wheel.filename);
    assert!(admin.request("GET", &path).try_send().await.is_err());
    admin.get(&path).await.is(200).has_body(&wheel.bytes);
}

#[tokio::test]
async fn readers_who_come_together_share_one_fetch() {
    let (_wharf, admin) = near().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let bytes = wheel.bytes.clone();
    let stage = stage(&wheel, move |heard, _| {
        let delay = Duration::from_millis(200);
        heard.target.starts_with("/files/").then(|| Said { delay, ..Said::new(200, bytes.clone()) })
    })
    .await;
    mirror(&admin, &simple(&stage), json!({})).await;
    let path = file("mirror", "foo", &wheel.filename);
    let readers = (0..5).map(|_| admin.get(&path));
    for answer in futures_util::future::join_all(readers).await {
        answer.is(200).has_body(&wheel.bytes);
    }
    let asked = stage.heard().iter().filter(|heard| heard.target.starts_with("/files/")).count();
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_page_is_asked_for_again_by_its_tag() {
    let (_wharf, admin) = near().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let stage = stage(&wheel, |heard, _| match heard.header("if-none-match") {
        Some("\"one\"") => Some(Said::new(304, "")),
        _ if heard.target == "/simple/foo/" => {
            let shown = json!({ "files": [] }).to_string();
            Some(Said::new(200, shown).with("content-type", super::JSON).with("etag", "\"one\""))
        }
        _ => None,
    })
    .await;
    mirror(&admin, &simple(&stage), json!({})).await;
    let first = page(&admin, "mirror", "foo").await.is(200);
    let again = page(&admin, "mirror", "foo").await.is(200).lacks_header("wharf-upstream");
    assert_eq!(first.header("etag"), again.header("etag"));
    assert_eq!(stage.heard()[1].header("if-none-match"), Some("\"one\""));
}

#[tokio::test]
async fn nothing_is_fetched_from_a_private_network_that_nobody_named() {
    let (wharf, admin) = near().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let stage = stage(&wheel, |heard, _| {
        let to = match heard.target.as_str() {
            "/simple/away/" => "http://127.0.0.2:9/simple/away/",
            "/simple/metadata/" => "http://169.254.169.254/latest/meta-data/",
            _ => return None,
        };
        Some(Said::new(302, "").with("location", to))
    })
    .await;
    mirror(&admin, &simple(&stage), json!({})).await;
    let refused = page(&admin, "mirror", "away").await.is(503);
    assert!(!String::from_utf8_lossy(&refused.body).contains("127.0.0.2"), "a reader learns of the network");
    assert!(wharf.log().contains("127.0.0.2 is in a private network"));
}

#[tokio::test]
async fn an_upstream_at_a_closed_address_is_refused_when_it_is_named_and_a_name_when_it_is_looked_up() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let admin = wharf.admin();
    let inside = |url: &str| json!({ "name": "inside", "kind": "proxy", "upstream": { "url": url, "protocol": "python" } });
    let closed = ["http://127.0.0.3:9/", "http://[::1]:9/", "https://10.0.0.1/simple/", "http://0x7f.1/"];
    for url in closed {
        let refused = admin.send_json("POST", super::ALL, &inside(url)).await.is(403);
        let said = refused.json()["detail"].to_string();
        assert!(said.contains("setting upstream_hosts does not name it"), "{said}");
    }
    super::make(&admin, inside("http://localhost:9/")).await;
    page(&admin, "inside", "foo").await.is(503);
    assert!(wharf.log().contains("localhost is in a private network"));
    let moved = json!({ "upstream": { "url": closed[0], "protocol": "python" } });
    admin.send_json("PATCH", &format!("{}/inside", super::ALL), &moved).await.is(403);

    let set = ["registry", "set", "acme/other", "--kind", "proxy", "--upstream", closed[0]];
    let output = wharf.try_command(&set, "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("upstream_hosts"), "{said}");
}

#[tokio::test]
async fn a_login_goes_to_its_own_origin_and_not_along_with_a_redirect() {
    let (_wharf, admin) = near().await;
    let wheel = Distribution::wheel("foo", "1.0");
    let bytes = wheel.bytes.clone();
    let elsewhere = stage(&wheel, move |_, _| Some(Said::new(200, bytes.clone()))).await;
    let there = elsewhere.host.clone();
    let shown = json!({ "files": [{
        "filename": wheel.filename, "url": format!("http://{there}/files/{}", wheel.filename),
        "hashes": { "sha256": sha256(&wheel.bytes).replace("sha256:", "") },
    }] });
    let stage = stage(&wheel, move |heard, _| match heard.target.as_str() {
        "/simple/foo/" => Some(Said::new(200, shown.to_string()).with("content-type", super::JSON)),
        "/simple/away/" => Some(Said::new(302, "").with("location", format!("http://{there}/simple/away/"))),
        _ => None,
    })
    .await;
    let login =
        json!({ "url": simple(&stage), "protocol": "python", "username": "alice", "password": "a-word" });
    mirror(&admin, &simple(&stage), json!({ "upstream": login })).await;
    assert_eq!(names(&page(&admin, "mirror", "foo").await.is(200)), [wheel.filename.as_str()]);
    admin.get(&file("mirror", "foo", &wheel.filename)).await.is(200).has_body(&wheel.bytes);
    page(&admin, "mirror", "away").await.is(503);
    assert!(
        stage.heard().iter().all(|heard| heard.header("authorization") == Some("Basic YWxpY2U6YS13b3Jk"))
    );
    let away = elsewhere.heard();
    assert_eq!(away.len(), 2, "{away:?}");
    assert!(
        away.iter().all(|heard| heard.header("authorization").is_none()),
        "the login was told to a stranger"
    );
}

#[tokio::test]
async fn a_file_that_breaks_the_rules_of_uploads_is_served_all_the_same() {
    let (_wharf, admin) = near().await;
    let mut odd = Distribution::source("foo", "1.0");
    odd.bytes = bytes::Bytes::from_static(b"no archive at all, but what the upstream published");
    let stage = stage(&odd, |_, _| None).await;
    mirror(&admin, &simple(&stage), json!({})).await;
    let path = file("mirror", "foo", &odd.filename);
    for _ in 0..2 {
        admin.get(&path).await.is(200).has_body(&odd.bytes);
    }
    let asked = stage.heard().iter().filter(|heard| heard.target.starts_with("/files/")).count();
    assert_eq!(asked, 1, "it was not kept");
    let root = admin.get(&format!("/pypi/acme/mirror/simple/?format={}", super::JSON)).await.is(200).json();
    assert_eq!(root["projects"], json!([]), "what was not read is listed");
}
