//! Plugins of an upstream registry of memflow: fetched on a miss, held against a key that is pinned here, and served while
//! the upstream is away.

use serde_json::{Value, json};

use super::{make, near};
use crate::formats::plugin::{Pair, Shop, connector, hex, upload};
use crate::harness::{Caller, Image, Wharf};
use crate::import::stage::{Said, Stage};

const MIRROR: &str = "/memflow/acme/mirror";

/// A proxy of another server's plugins, which believes these keys.
async fn proxy(url: &str, keys: &[&Pair]) -> (Wharf, Caller) {
    let (wharf, admin) = near().await;
    let upstream = json!({ "url": url, "protocol": "memflow" });
    make(&admin, json!({ "name": "mirror", "kind": "proxy", "upstream": upstream })).await;
    for (number, key) in keys.iter().enumerate() {
        wharf.believe("acme/mirror", &format!("pinned-{number}"), &key.public, &[]);
    }
    (wharf, admin)
}

async fn variants(caller: &Caller, query: &str) -> Vec<Value> {
    let answer = caller.get(&format!("{MIRROR}/plugins/{query}")).await.is(200).json();
    answer["plugins"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_plugin_is_fetched_verified_stored_and_served_while_the_upstream_is_away() {
    let mut shop = Shop::open().await;
    shop.wharf.set_public("acme/main", true);
    let (old, new) = (connector("coredump", "0.1.0"), connector("coredump", "0.2.0"));
    let (first, second) = (shop.add(&old).await, shop.add(&new).await);
    let (_wharf, admin) = proxy(&format!("{}/memflow/acme/main", shop.wharf.base()), &[&shop.key]).await;

    let plugins = admin.get(&format!("{MIRROR}/plugins")).await.is(200).json();
    assert_eq!(plugins["plugins"][0]["name"], "coredump");
    let listed = variants(&admin, "coredump").await;
    assert_eq!((listed.len(), &listed[0]["digest"]), (2, &json!(second)));
    assert_eq!(variants(&admin, "coredump?version=0.1.0").await[0]["digest"], json!(first));
    assert_eq!(variants(&admin, &format!("coredump?version={}", &first[..7])).await.len(), 1);
    assert_eq!(variants(&admin, "coredump?limit=1&skip=1").await.len(), 1);
    assert!(variants(&admin, "coredump?file_type=pe").await.is_empty());
    assert!(variants(&admin, "nothing").await.is_empty());
    assert_eq!(listed[0]["verified"], false, "what is not here was not verified here");

    let file = format!("{MIRROR}/files/{second}");
    admin.get(&file).await.is(200).has_body(&new);
    let metadata = admin.get(&format!("{file}/metadata")).await.is(200).json();
    assert_eq!((&metadata["verified"], &metadata["signature"]), (&json!(true), &listed[0]["signature"]));
    assert!(shop.key.verifies(&new, metadata["signature"].as_str().unwrap()));
    assert_eq!(variants(&admin, "coredump").await[0]["verified"], true);

    shop.wharf.kill();
    assert_eq!(variants(&admin, "coredump").await.len(), 2);
    admin.get(&file).await.is(200).has_body(&new);
    admin.get(&format!("{MIRROR}/files/{first}")).await.is(503);
    let tags = admin.get("/v2/acme/mirror/memflow/coredump/tags/list").await.is(200).json();
    assert!(tags["tags"].as_array().unwrap().iter().any(|tag| tag == &format!("file-{second}")));
}

#[tokio::test]
async fn what_no_pinned_key_signed_is_never_stored() {
    let shop = Shop::open().await;
    shop.wharf.set_public("acme/main", true);
    let plugin = connector("coredump", "0.2.0");
    let digest = shop.add(&plugin).await;
    let url = format!("{}/memflow/acme/main", shop.wharf.base());
    let (wharf, admin) = proxy(&url, &[]).await;
    let file = format!("{MIRROR}/files/{digest}");
    wharf.command(&["registry", "set", "acme/mirror", "--unverified", "accept"], "");
    admin.get(&file).await.is(403);
    let other = Pair::secp256k1(&wharf.directory("keys"));
    wharf.believe("acme/mirror", "other", &other.public, &[]);
    admin.get(&file).await.is(403);
    admin.get("/v2/acme/mirror/memflow/coredump/tags/list").await.is(404);
    wharf.believe("acme/mirror", "right", &shop.key.public, &[]);
    admin.get(&file).await.is(200).has_body(&plugin);
    let refused = upload(&admin, MIRROR, &[("file", &plugin), ("signature", b"00")]).await.is(405);
    assert!(String::from_utf8_lossy(&refused.body).contains("is a proxy"));
}

#[tokio::test]
async fn an_upstream_that_sends_another_plugin_is_found_out() {
    let shop = Shop::open().await;
    let (wanted, sent) = (connector("coredump", "0.2.0"), connector("coredump", "0.1.0"));
    let (digest, signature) = (hex(&wanted), shop.key.sign(&sent));
    let known = json!({ "digest": digest, "signature": signature, "descriptors": [] }).to_string();
    let bytes = sent.clone();
    let stage = Stage::start(&Image::oci(1), move |heard, _| {
        let is_metadata = heard.target.ends_with("/metadata");
        Some(Said::new(200, if is_metadata { known.clone().into() } else { bytes.clone() }))
    })
    .await;
    let (_wharf, admin) = proxy(&format!("http://{}", stage.host), &[&shop.key]).await;
    admin.get(&format!("{MIRROR}/files/{digest}")).await.is(503);
    admin.get(&format!("{MIRROR}/files/{}", hex(&sent))).await.is(503);
    admin.get("/v2/acme/mirror/memflow/coredump/tags/list").await.is(404);
}
