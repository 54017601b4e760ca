//! The index of charts and the files it names, whichever door the charts came through.

use serde_json::{Value, json};

use super::chart::Chart;
use crate::harness::{Caller, Image, Repository, Wharf, sha256};

pub(super) const BASE: &str = "/helm/acme/main";

/// A server with an organisation `acme`, and alice, who may write there.
pub(super) async fn acme() -> (Wharf, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    (wharf, alice)
}

pub(super) async fn index(caller: &Caller) -> Value {
    let answer = caller.get(&format!("{BASE}/index.yaml")).await.is(200);
    answer.has_header("content-type", "application/yaml").json()
}

/// The versions that the index lists of a chart.
pub(super) async fn versions(caller: &Caller, name: &str) -> Vec<String> {
    let index = index(caller).await;
    let entries = index["entries"][name].as_array().cloned().unwrap_or_default();
    entries.iter().map(|entry| entry["version"].as_str().unwrap().to_owned()).collect()
}

fn charts(caller: &Caller, path: &str) -> Repository {
    caller.repository(&format!("acme/main/{path}"))
}

#[tokio::test]
async fn charts_that_were_pushed_are_in_the_index_and_are_served() {
    let (_wharf, alice) = acme().await;
    let mut chart = Chart::new("app", "1.2.3+build");
    let digest = sha256(&chart.packaged());
    let signed = format!("-----BEGIN PGP SIGNED MESSAGE-----\n\n...\nfiles:\n  app-1.2.3.tgz: {digest}\n");
    chart.provenance = Some(signed.clone());
    chart.push(&charts(&alice, "team/app"), "1.2.3_build").await.is(201);
    Chart::new("app", "1.10.0").push(&charts(&alice, "team/app"), "1.10.0").await.is(201);

    let index = index(&alice).await;
    assert_eq!((&index["apiVersion"], &index["serverInfo"]["contextPath"]), (&json!("v1"), &json!(BASE)));
    let [newest, entry] = index["entries"]["app"].as_array().unwrap().as_slice() else { panic!("{index}") };
    assert_eq!((&newest["version"], &entry["version"]), (&json!("1.10.0"), &json!("1.2.3+build")));
    assert_eq!(format!("sha256:{}", entry["digest"].as_str().unwrap()), digest);
    assert_eq!(entry["dependencies"][0]["name"], "redis");
    assert!(entry["created"].as_str().unwrap().ends_with('Z') && entry.get("content").is_none(), "{entry}");

    let url = format!("{BASE}/{}", entry["urls"][0].as_str().unwrap());
    alice.get(&url).await.is(200).has_body(&chart.packaged()).has_header("content-type", "application/gzip");
    alice.head(&url).await.is(200).has_header("content-length", &chart.packaged().len().to_string());
    let known = alice.request("GET", &url).header("if-none-match", &format!("\"{digest}\"")).send().await;
    known.is(304);
    let tail = alice.request("GET", &url).header("range", "bytes=-9").send().await.is(206);
    tail.has_body(&chart.packaged()[chart.packaged().len() - 9..]);
    alice.get(&format!("{url}.prov")).await.is(200).has_body(signed.as_bytes());
    for missing in ["app-1.2.3.tgz", "app-1.2.3_build.tgz", "app-1.10.0.tgz.prov", "app-2.0.0.tgz"] {
        alice.get(&format!("{BASE}/charts/team/app/{missing}")).await.is(404);
    }
    alice.get(&format!("{BASE}/charts/app-1.10.0.tgz")).await.is(404);
    Chart::new("web", "1.0.0").push(&charts(&alice, "web"), "1.0.0").await.is(201);
    alice.get(&format!("{BASE}/charts/web-1.0.0.tgz")).await.is(200);
}

#[tokio::test]
async fn the_index_follows_every_move_of_a_tag() {
    let (_wharf, alice) = acme().await;
    let repository = charts(&alice, "app");
    assert_eq!(index(&alice).await["entries"], json!({}));
    let (chart, mut other) = (Chart::new("app", "1.0.0"), Chart::new("app", "1.0.0"));
    other.files[1].1 = b"# another\n".to_vec();
    let digest_of = async |caller: &Caller| index(caller).await["entries"]["app"][0]["digest"].clone();
    let of = |chart: &Chart| json!(sha256(&chart.packaged()).trim_start_matches("sha256:"));

    chart.push(&repository, "latest").await.is(201);
    assert_eq!(versions(&alice, "app").await, [""; 0], "it has no tag of its version");
    let first = chart.push(&repository, "1.0.0").await.is(201);
    assert_eq!(digest_of(&alice).await, of(&chart));
    other.push(&repository, "1.0.0").await.is(201);
    assert_eq!(digest_of(&alice).await, of(&other));
    let moves = "/api/v1/orgs/acme/registries/main/repositories/app/tags/1.0.0/rollback";
    let back = json!({ "digest": first.header("docker-content-digest") });
    alice.send_json("POST", moves, &back).await.any_of(&[200, 204]);
    assert_eq!(digest_of(&alice).await, of(&chart));
    repository.push_image(&Image::oci(1), "1.0.0").await;
    assert_eq!(versions(&alice, "app").await, [""; 0], "an image took its place");
    chart.push(&repository, "1.0.0").await.is(201);
    assert_eq!(versions(&alice, "app").await, ["1.0.0"]);
    repository.delete_manifest("1.0.0").await.is(202);
    assert_eq!(versions(&alice, "app").await, [""; 0]);
    let again = chart.push(&repository, "1.0.0").await.is(201);
    repository.delete_manifest(again.header("docker-content-digest")).await.is(202);
    assert_eq!(index(&alice).await["entries"], json!({}));
}

#[tokio::test]
async fn a_reader_who_has_the_index_is_sent_nothing_and_others_get_it_compressed() {
    let (_wharf, alice) = acme().await;
    Chart::new("app", "1.0.0").push(&charts(&alice, "app"), "1.0.0").await.is(201);
    let path = format!("{BASE}/index.yaml");
    let gzip = async || alice.request("GET", &path).header("accept-encoding", "gzip").send().await;
    let answer = gzip().await.is(200).has_header("content-encoding", "gzip");
    let etag = answer.has_header("vary", "Accept-Encoding").header("etag").to_owned();
    let known = alice.request("GET", &path).header("accept-encoding", "gzip").header("if-none-match", &etag);
    known.send().await.is(304).has_body(b"");
    let plain = alice.request("GET", &path).header("accept-encoding", "identity").send().await.is(200);
    assert_ne!(plain.lacks_header("content-encoding").header("etag"), etag);
    alice.repository("acme/main/image").push_image(&Image::oci(1), "1.0.0").await;
    assert_eq!(gzip().await.header("etag"), etag, "an image changes nothing");
    Chart::new("app", "1.1.0").push(&charts(&alice, "app"), "1.1.0").await.is(201);
    assert_ne!(gzip().await.header("etag"), etag);
}

#[tokio::test]
async fn a_chart_says_what_it_likes_and_the_index_stays_whole() {
    let (_wharf, alice) = acme().await;
    let odd = "a: \"b\"\n---\n...\n- {x} \u{85} \u{2028} \u{feff} # \u{1f600} \t%TAG !!python/object";
    let mut chart = Chart::new("app", "1.0.0");
    let text = json!({ "apiVersion": "v2", "name": "app", "version": "1.0.0", "description": odd });
    chart.files[0].1 = text.to_string().into_bytes();
    chart.config = text;
    chart.push(&charts(&alice, "app"), "1.0.0").await.is(201);
    Chart::new("web", "1.0.0").push(&charts(&alice, "web"), "1.0.0").await.is(201);
    let index = index(&alice).await;
    assert_eq!(index["entries"]["app"][0]["description"], odd);
    assert_eq!(index["entries"]["web"][0]["version"], "1.0.0");
}

#[tokio::test]
async fn a_narrowed_token_has_an_index_of_what_it_reaches() {
    let (wharf, alice) = acme().await;
    for name in ["app", "web"] {
        Chart::new(name, "1.0.0").push(&charts(&alice, name), "1.0.0").await.is(201);
    }
    let narrowed = async |pattern: &str| {
        let access = json!([{ "repositories": pattern, "actions": ["pull"] }]);
        let token = json!({ "name": pattern.replace(['/', '*'], "-"), "access": access });
        let made = alice.send_json("POST", "/api/v1/tokens", &token).await.is(201).json();
        wharf.caller("alice", made["token"].as_str().unwrap())
    };
    let some = narrowed("acme/main/a*").await;
    assert_eq!(versions(&some, "app").await, ["1.0.0"]);
    assert_eq!(versions(&some, "web").await, [""; 0]);
    some.get(&format!("{BASE}/charts/app/app-1.0.0.tgz")).await.is(200);
    some.get(&format!("{BASE}/charts/web/web-1.0.0.tgz")).await.is(404);
    some.get(&format!("{BASE}/api/charts/web")).await.is(404);
    assert_eq!(versions(&narrowed("acme/*").await, "web").await, ["1.0.0"]);
    let elsewhere = narrowed("acme/other/*").await;
    elsewhere.get(&format!("{BASE}/index.yaml")).await.is(404);
}
