//! Whose plugins they are: by the path, by the host, and by who asks.

use base64::prelude::*;
use serde_json::json;

use super::super::plugin::{BELOW, Pair, Shop, connector, hex, upload};
use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Wharf};

#[tokio::test]
async fn who_may_not_write_uploads_and_deletes_nothing() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let digest = shop.add(&file).await;
    let signature = shop.key.sign(&file);
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
    let (list, path) = (format!("{BELOW}/plugins/fixture"), format!("{BELOW}/files/{digest}"));
    let nobody = shop.wharf.anonymous();
    let viewer = shop.wharf.add_user("victor", &["acme:viewer"]);
    let stranger = shop.wharf.add_user("sam", &[]);
    for (caller, statuses) in
        [(&nobody, [401, 401, 401, 401]), (&stranger, [404, 404, 404, 404]), (&viewer, [200, 200, 403, 403])]
    {
        assert_eq!(caller.get(&list).await.status, statuses[0]);
        assert_eq!(caller.get(&path).await.status, statuses[1]);
        assert_eq!(caller.delete(&path).await.status, statuses[2]);
        assert_eq!(upload(caller, BELOW, &parts).await.status, statuses[3]);
    }
    nobody.get(&list).await.has_header("www-authenticate", "Basic realm=\"wharf\"");
    let wrong = nobody.bearing("some-wrong-token");
    upload(&wrong, BELOW, &parts).await.is(401);
    assert!(!shop.wharf.log().contains("some-wrong-token"));
    shop.wharf.set_public("acme/main", true);
    nobody.get(&list).await.is(200);
    nobody.get(&path).await.is(200).has_body(&file);
    nobody.delete(&path).await.is(401);
}

#[tokio::test]
async fn the_login_counts_where_a_token_follows_it() {
    let shop = Shop::open().await;
    let get =
        shop.alice.request("GET", &format!("{BELOW}/plugins")).header("authorization", "Bearer another");
    get.send().await.is(200);
    let pair = BASE64_STANDARD.encode("alice:wrong");
    let get = shop.wharf.anonymous().request("GET", &format!("{BELOW}/plugins"));
    let get = get.header("authorization", &format!("Basic {pair}")).header("authorization", "Bearer another");
    get.send().await.is(401);
}

#[tokio::test]
async fn a_token_for_one_plugin_uploads_that_and_no_other() {
    let shop = Shop::open().await;
    let bearer = shop.alice.with_token(&["repository:acme/main/memflow/fixture:pull,push"]).await;
    for (name, status) in [("fixture", 200), ("other", 401)] {
        let file = connector(name, "0.2.0");
        let signature = shop.key.sign(&file);
        let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
        upload(&bearer, BELOW, &parts).await.is(status);
    }
}

/// Each registry has its own, and the file of one is not touched by the end of the other's.
#[tokio::test]
async fn at_the_root_the_host_tells_the_registry_and_one_delete_spares_the_other() {
    let hosts = "plugins.example=acme/main,other.example:8080=acme/other";
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_REGISTRY_HOSTS", hosts)];
    let shop = Shop::of(Wharf::start_with(&settings).await).await;
    shop.wharf.found(&["acme/other", "library"]).await;
    let file = connector("fixture", "0.2.0");
    shop.add(&file).await;
    let key = Pair::secp256k1(&shop.wharf.directory("keys"));
    shop.wharf.believe("acme/other", "other", &key.public, &[]);
    let signature = key.sign(&file);
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
    upload(&shop.alice, "/memflow/acme/other", &parts).await.is(200);

    let at = async |method: &str, host: &str, path: &str| {
        shop.alice.request(method, path).header("host", host).send().await
    };
    let path = format!("/files/{}", hex(&file));
    let keys = async |host: &str| at("GET", host, "/keys").await.is(200).json()["keys"][0]["name"].clone();
    assert_eq!(
        (keys("Plugins.example:80").await, keys("other.example:8080").await),
        ("first".into(), "other".into())
    );
    at("GET", "plugins.example", "/plugins/fixture").await.is(200);
    at("DELETE", "plugins.example", &path).await.is(200);
    at("GET", "plugins.example", &path).await.is(404);
    at("GET", "other.example:8080", &path).await.is(200).has_body(&file);
    at("GET", "elsewhere.example", "/plugins").await.is(404);
    let admin = shop.wharf.admin();
    assert_eq!(admin.get("/plugins").await.is(200).json(), serde_json::json!({ "plugins": [], "total": 0 }));
    admin.get("/health").await.is(200).has_body(b"\"Ok\"");
}

/// Who reaches one registry only need not say which.
#[tokio::test]
async fn at_the_root_a_narrowed_token_is_at_home_in_its_registry() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    shop.add(&file).await;
    let token = |patterns: &[&str]| {
        let access: Vec<_> = patterns
            .iter()
            .map(|pattern| json!({ "repositories": pattern, "actions": ["pull", "push", "delete"] }))
            .collect();
        json!({ "name": patterns.join(" and ").replace(['/', '*'], "-"), "access": access })
    };
    let make = async |patterns: &[&str]| {
        let made = shop.alice.send_json("POST", "/api/v1/tokens", &token(patterns)).await.is(201).json();
        shop.wharf.caller("any", made["token"].as_str().unwrap())
    };
    let at_home = make(&["acme/main/*"]).await;
    at_home.get("/plugins/fixture").await.is(200);
    let signature = shop.key.sign(&file);
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
    assert_eq!(upload(&at_home, "", &parts).await.is(200).json(), "AlreadyExists");
    let one = shop.alice.with_token(&["repository:acme/main/memflow/fixture:pull,push"]).await;
    assert_eq!(upload(&one, "", &parts).await.is(200).json(), "AlreadyExists");
    at_home.delete(&format!("/files/{}", hex(&file))).await.is(200);
    // Whoever reaches several is in library/main, which is private.
    make(&["acme/*"]).await.get("/plugins").await.is(404);
    make(&["acme/main/*", "acme/other/*"]).await.get("/plugins").await.is(404);
}

/// Nothing of the body is waited for.
#[tokio::test]
async fn a_stranger_with_a_narrowed_token_is_told_404_before_the_body() {
    let shop = Shop::open().await;
    let stranger = shop.wharf.add_user("sam", &["library:writer"]);
    let access = json!([{ "repositories": "library/*", "actions": ["pull", "push"] }]);
    let token = json!({ "name": "narrow", "access": access });
    let made = stranger.send_json("POST", "/api/v1/tokens", &token).await.is(201).json();
    let narrowed = shop.wharf.anonymous().bearing(made["token"].as_str().unwrap());
    let headers = [("content-type", "multipart/form-data; boundary=b"), ("content-length", "20000000")];
    for caller in [&stranger, &narrowed] {
        let exchange = Exchange::begin(caller, "POST", &format!("{BELOW}/files"), &headers).await;
        let (status, text) = exchange.answer().await;
        assert_eq!(status, 404, "{text}");
    }
}
