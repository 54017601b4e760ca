//! What stood at memflow's own registry: its storage folder, and the names of its settings.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::super::plugin::{Half, Pair, Shop, connector, hex};
use crate::harness::{ADMIN_PASSWORD, Shell, Wharf};

/// Lays a file down as the original does; says where its bytes lie.
fn store(root: &Path, (file, signature): (&[u8], &str), created_at: &str) -> std::path::PathBuf {
    let digest = hex(file);
    let descriptor = json!({
        "plugin_kind": "connector", "export_name": "MEMFLOW_CONNECTOR_FIXTURE", "file_type": "elf",
        "architecture": "x86_64", "plugin_version": 1, "name": "fixture", "version": "0.1.0", "description": "",
    });
    let metadata = json!({
        "digest": digest, "signature": signature, "created_at": created_at, "descriptors": [descriptor],
    });
    fs::write(root.join(format!("{digest}.meta")), metadata.to_string()).unwrap();
    let path = root.join(format!("{digest}.plugin"));
    fs::write(&path, file).unwrap();
    path
}

#[tokio::test]
async fn the_storage_folder_moves_in_in_its_order_and_only_once() {
    let (shop, shell, root) = (Shop::open().await, Shell::new(), TempDir::new().unwrap());
    shell.log_in_as("alice", (&shop.wharf.host(), "the-password-of-alice")).await;
    let [old, new, gone, damaged, forged] =
        ["0.3.0", "0.1.0", "0.5.0", "0.6.0", "0.7.0"].map(|version| connector("fixture", version));
    let sign = |file: &[u8]| shop.key.sign_with(Half::Low, file).to_uppercase();
    store(root.path(), (&new, &sign(&new)), "2024-04-22T18:14:53.402258600");
    store(root.path(), (&old, &sign(&old)), "2024-03-22T18:14:53");
    fs::remove_file(store(root.path(), (&gone, &sign(&gone)), "2024-03-22T18:14:53.1")).unwrap();
    fs::write(store(root.path(), (&damaged, &sign(&damaged)), "2024-03-22T18:14:53.2"), &gone).unwrap();
    let stranger = Pair::secp256k1(&shop.wharf.directory("strangers"));
    store(root.path(), (&forged, &stranger.sign(&forged)), "2024-03-22T18:14:53.3");
    fs::write(root.path().join("half.meta"), "{").unwrap();

    let (folder, to) = (root.path().display().to_string(), format!("{}/acme/main", shop.wharf.host()));
    let arguments = ["--from-memflow", &folder, &to];
    let rehearsed = shell.import(&[&arguments[..], &["--dry-run"]].concat()).await.ends_with(3);
    assert_eq!(rehearsed.count("missing"), 3, "{:#?}", rehearsed.lines);
    assert!(shop.variants("fixture").await.is_empty());

    let imported = shell.import(&arguments).await.ends_with(3);
    let counts = ["added", "skipped", "failed"].map(|word| imported.count(word));
    assert_eq!(counts, [2, 1, 3], "{:#?}", imported.lines);
    let reasons: String = imported.lines.iter().filter_map(|line| line["reason"].as_str()).collect();
    for words in [
        "only its metadata is left",
        "another digest",
        "by none of the registry's keys",
        "not what was expected",
    ] {
        assert!(reasons.contains(words), "{words}: {reasons}");
    }
    let shown: Vec<_> = shop.variants("fixture").await;
    let digests: Vec<_> =
        shown.iter().map(|variant| variant["digest"].as_str().unwrap().to_owned()).collect();
    assert_eq!(digests, [hex(&new), hex(&old)], "what came last there is the newest here");
    assert_eq!(shown[0]["signature"], sign_of(root.path(), &new));

    let again = shell.import(&arguments).await.ends_with(3);
    assert_eq!(again.count("present"), 2);
    assert!(again.lines.iter().all(|line| line["outcome"] != "added"), "{:#?}", again.lines);
    let keys = shop.wharf.directory("keys").display().to_string();
    let refused = shell.import(&["--from-memflow", &keys, &to]).await.ends_with(1);
    assert!(refused.errors.contains("there is no plugin in"), "{}", refused.errors);
}

fn sign_of(root: &Path, file: &[u8]) -> serde_json::Value {
    let metadata = fs::read(root.join(format!("{}.meta", hex(file)))).unwrap();
    serde_json::from_slice::<serde_json::Value>(&metadata).unwrap()["signature"].clone()
}

#[tokio::test]
async fn the_settings_of_the_original_are_understood_or_told_what_stands_in_their_place() {
    let keys = TempDir::new().unwrap();
    let key = Pair::secp256k1(keys.path());
    let public = key.public.display().to_string();
    let wharf = Wharf::start_with(&[
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        // The server is told of its address by a flag, which wins.
        ("MEMFLOW_ADDR", "192.0.2.1:3000"),
        ("MEMFLOW_PUBLIC_KEY_FILE", &public),
        ("MEMFLOW_BEARER_TOKEN", "the-word-of-everybody"),
        ("MEMFLOW_STORAGE_ROOT", "/srv/memflow"),
    ])
    .await;
    let listed = wharf.admin().get("/keys").await.is(200).json();
    assert_eq!(listed["keys"][0]["pem"], std::fs::read_to_string(&key.public).unwrap());
    wharf.anonymous().bearing("the-word-of-everybody").get("/plugins").await.is(401);
    let log = wharf.log();
    assert!(log.contains("MEMFLOW_BEARER_TOKEN") && log.contains("wharf import --from-memflow"), "{log}");
    assert!(!log.contains("the-word-of-everybody"));
    let shown = wharf.try_command(&["config"], "");
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("listen = \"192.0.2.1:3000\"  # MEMFLOW_ADDR"), "{shown}");
}
