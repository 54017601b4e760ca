//! Which signatures a registry takes in, and which it shows.

use bytes::Bytes;
use serde_json::json;

use super::super::plugin::{BELOW, Half, Pair, Shop, connector, half, hex, shell, upload};
use crate::harness::{ADMIN_PASSWORD, Answer, Wharf};

impl Shop {
    async fn signed(&self, file: &Bytes, signature: &str) -> Answer {
        upload(&self.alice, BELOW, &[("signature", signature.as_bytes()), ("file", file)]).await
    }

    async fn shown(&self, file: &Bytes) -> serde_json::Value {
        self.alice.get(&format!("{BELOW}/files/{}/metadata", hex(file))).await.is(200).json()
    }
}

/// `openssl` makes a high S half of the time, which memflow's clients do not take.
#[tokio::test]
async fn a_signature_with_a_high_s_is_taken_and_shown_with_the_low_one() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let high = shop.key.sign_with(Half::High, &file).to_uppercase();
    assert_eq!(shop.signed(&file, &high).await.is(200).json(), "Added");
    let shown = shop.shown(&file).await["signature"].as_str().unwrap().to_owned();
    assert_eq!((half(&shown), shown.to_uppercase()), (Half::Low, shown.clone()));
    assert!(shop.key.verifies(&file, &shown));
}

#[tokio::test]
async fn a_signature_that_is_wrong_is_refused_in_words() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let stranger = Pair::secp256k1(&shop.wharf.directory("keys"));
    let good = shop.key.sign(&file);
    let other = "the signature is by none of the registry's keys, or of another file";
    for (signature, words) in [
        (stranger.sign(&file), other),
        (shop.key.sign(b"another file"), other),
        (good[..good.len() - 2].to_owned(), other),
        (format!("{good}00"), other),
        ("not hex".to_owned(), "a signature is written in hex digits"),
        (String::new(), "a signature is written in hex digits"),
    ] {
        shop.signed(&file, &signature).await.is(400).has_body(words.as_bytes());
    }
    assert!(shop.variants("fixture").await.is_empty());
}

#[tokio::test]
async fn keys_of_other_curves_are_believed_too() {
    let shop = Shop::open().await;
    let keys = shop.wharf.directory("keys");
    let p256 = Pair::of(&keys, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    shop.wharf.believe("acme/main", "p256", &p256.public, &[]);
    let file = connector("fixture", "0.2.0");
    let signature = p256.sign(&file);
    shop.signed(&file, &signature).await.is(200);
    assert_eq!(shop.shown(&file).await["signature"], signature);

    let edwards = Pair::of(&keys, "openssl genpkey -algorithm ed25519");
    shop.wharf.believe("acme/main", "ed25519", &edwards.public, &["--primary"]);
    let path = keys.join("plugin");
    std::fs::write(&path, &file).unwrap();
    let (secret, path) = (edwards.secret.display(), path.display());
    let signature = shell(&format!(
        "openssl pkeyutl -sign -rawin -inkey {secret} -in {path} | od -An -tx1 | tr -d ' \\n'"
    ));
    assert_eq!(shop.signed(&file, &signature).await.is(200).json(), "AlreadyExists");
    assert_eq!(shop.shown(&file).await["signature"], signature);
}

/// The file stays where it is, whoever signs it.
#[tokio::test]
async fn a_plugin_is_signed_again_and_a_revoked_key_counts_no_more() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    shop.add(&file).await;
    let first = shop.shown(&file).await["signature"].clone();
    let second = Pair::secp256k1(&shop.wharf.directory("keys"));
    shop.wharf.believe("acme/main", "second", &second.public, &[]);
    let again = second.sign_with(Half::Low, &file);
    assert_eq!(shop.signed(&file, &again).await.is(200).json(), "AlreadyExists");
    assert_eq!(shop.shown(&file).await["signature"], first, "the first key is the one that clients know");

    let signatures = |shown: &serde_json::Value| {
        let signatures = shown["signatures"].as_array().unwrap().iter();
        signatures.map(|signed| signed["signature"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        signatures(&shop.shown(&file).await),
        [first.clone(), json!(again)],
        "in the order of the keys"
    );

    shop.wharf.revoke_key("acme/main", "first");
    let shown = shop.shown(&file).await;
    assert_eq!((&shown["signature"], &shown["verified"]), (&json!(again), &json!(true)));
    assert_eq!(signatures(&shown), [json!(again)]);
    shop.signed(&file, first.as_str().unwrap()).await.is(400);
    shop.wharf.revoke_key("acme/main", "second");
    let shown = shop.shown(&file).await;
    assert_eq!((&shown["signature"], &shown["verified"]), (&json!(""), &json!(false)));
    let keys = shop.alice.get(&format!("{BELOW}/keys")).await.is(200).json();
    let revoked: Vec<_> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["revoked_at"].is_string()).collect();
    assert_eq!(revoked, [true, true]);
}

#[tokio::test]
async fn what_an_expired_key_signed_stays_good_and_nothing_new_is_taken_in() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let old = Pair::secp256k1(&shop.wharf.directory("keys"));
    shop.wharf.believe("acme/main", "old", &old.public, &["--expires", "2001-01-31T00:00:00Z", "--primary"]);
    shop.signed(&file, &old.sign(&file)).await.is(400);
    let keys = shop.alice.get(&format!("{BELOW}/keys")).await.is(200).json();
    let key = &keys["keys"][0];
    assert_eq!((&key["name"], &key["primary"]), (&json!("old"), &json!(true)));
    assert_eq!((&key["algorithm"], &key["expires_at"]), (&json!("secp256k1"), &json!("2001-01-31T00:00:00")));
    assert_eq!(key["pem"].as_str().unwrap(), std::fs::read_to_string(&old.public).unwrap());
}

#[tokio::test]
async fn a_registry_without_keys_takes_plugins_only_if_it_says_so_and_shows_it() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let file = connector("fixture", "0.2.0");
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", b"none")];
    let words = b"the registry has no key to verify a signature by: add one first";
    upload(&alice, BELOW, &parts).await.is(400).has_body(words);
    let set = ["registry", "set", "acme/main", "--unverified", "accept"];
    assert!(wharf.try_command(&set, "").status.success());
    assert_eq!(upload(&alice, BELOW, &parts).await.is(200).json(), "Added");
    let shown = alice.get(&format!("{BELOW}/files/{}/metadata", hex(&file))).await.is(200).json();
    assert_eq!((&shown["signature"], &shown["verified"]), (&json!("none"), &json!(false)));

    let key = Pair::secp256k1(&wharf.directory("keys"));
    wharf.believe("acme/main", "first", &key.public, &[]);
    let other = connector("fixture", "0.3.0");
    let parts: [(&str, &[u8]); 2] = [("file", &other), ("signature", b"none")];
    upload(&alice, BELOW, &parts).await.is(400);
    let signature = key.sign(&file);
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
    assert_eq!(upload(&alice, BELOW, &parts).await.is(200).json(), "AlreadyExists");
    let shown = alice.get(&format!("{BELOW}/files/{}/metadata", hex(&file))).await.is(200).json();
    assert_eq!(shown["verified"], true);
}

#[tokio::test]
async fn a_key_that_is_given_at_the_start_is_believed() {
    let keys = tempfile::tempdir().unwrap();
    let key = Pair::secp256k1(keys.path());
    let given = format!("acme/main={}", key.public.display());
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_SIGNING_KEYS", given.as_str())];
    let wharf = Wharf::start_with(&settings).await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let file = connector("fixture", "0.2.0");
    let signature = key.sign(&file);
    upload(&alice, BELOW, &[("file", &file), ("signature", signature.as_bytes())]).await.is(200);
    let shown = alice.get(&format!("{BELOW}/keys")).await.is(200).json();
    assert_eq!(shown["keys"][0]["name"], "key-0.pub");
    let keys = "/api/v1/orgs/acme/registries/main/keys";
    let refused = wharf.admin().delete(&format!("{keys}/key-0.pub")).await.is(409).json();
    let words = "the key key-0.pub is given by the configuration: take it out there and restart";
    assert_eq!(refused["detail"], words);
    let pem = std::fs::read_to_string(&key.public).unwrap();
    wharf.admin().send_json("POST", keys, &json!({ "name": "other", "pem": pem })).await.is(409);
}

#[tokio::test]
async fn the_keys_of_a_registry_that_is_not_there_are_no_empty_list() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let list = |registry| wharf.try_command(&["key", "list", registry], "");
    let none = list("acme/main");
    assert!(none.status.success() && none.stdout.is_empty(), "{none:?}");
    for missing in ["acme/mian", "acem/main"] {
        let refused = list(missing);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains(&format!("no registry {missing}")), "{said}");
    }
}
