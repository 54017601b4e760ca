//! `wharf plugin push` and `list`.

use serde_json::json;
use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Plugin, pe};

use super::super::super::plugin::{BELOW, Pair, connector, hex, upload};
use super::{Desk, here, told};
use crate::harness::Shell;

#[tokio::test]
async fn a_folder_is_signed_and_pushed_and_each_file_told_of() {
    let desk = Desk::open().await;
    let (one, two) = (here("one", "1.0.0"), pe(Architecture::X86_64, &[Plugin::connector("two", "2.0.0")]));
    desk.file("plugins/README.md", b"# plugins");
    desk.file("plugins/broken.so", &one[..one.len() / 2]);
    desk.file("plugins/libone.so", &one);
    let folder = desk.shell.path().join("plugins").display().to_string();
    let alone = desk.file("two.dll", &two);
    let key = desk.shop.key.secret.display().to_string();

    let pushed = desk.plugin("push", &["--key", &key, &folder, &alone]).await.ends_with(3);
    assert_eq!(pushed.outcomes(), ["skipped", "failed", "added", "added"]);
    assert!(pushed.reason().contains("the file cannot be read"), "{}", pushed.reason());
    assert_eq!(pushed.lines[2]["digest"], hex(&one));
    assert_eq!(pushed.lines[4], json!({ "event": "summary", "added": 2, "skipped": 1, "failed": 1 }));
    let shown = desk.shop.variants("one").await;
    assert_eq!((&shown[0]["digest"], &shown[0]["verified"]), (&json!(hex(&one)), &json!(true)));

    let again = desk.plugin("push", &["--key", &key, &alone]).await.ends_with(0);
    assert_eq!(again.outcomes(), ["present"]);
}

#[tokio::test]
async fn a_plugin_that_the_registry_refuses_is_named_with_its_words() {
    let desk = Desk::open().await;
    let file = desk.file("one.so", &here("one", "1.0.0"));
    let stranger = Pair::secp256k1(&desk.shop.wharf.directory("strangers")).secret.display().to_string();
    let refused = desk.plugin("push", &["--key", &stranger, &file]).await.ends_with(3);
    assert!(refused.reason().contains("by none of the registry's keys"), "{}", refused.reason());

    let key = desk.shop.key.secret.display().to_string();
    let registry = desk.registry();
    let nobody = Shell::new();
    let push = ["plugin", "push", "--registry", &registry, "--key", &key, &file];
    let refused = told(&nobody, &push).await.ends_with(3);
    assert!(refused.reason().contains("see `wharf login`"), "{}", refused.reason());

    let public = desk.public_key();
    let refused = desk.plugin("push", &["--key", &public, &file]).await.ends_with(1);
    assert!(refused.errors.contains("a private key is PEM"), "{}", refused.errors);
}

/// More of them than one page holds.
#[tokio::test]
async fn plugins_and_all_their_variants_are_listed() {
    let desk = Desk::open().await;
    let (shop, signature) = (&desk.shop, b"none");
    shop.wharf.revoke_key("acme/main", "first");
    assert!(
        shop.wharf
            .try_command(&["registry", "set", "acme/main", "--unverified", "accept"], "")
            .status
            .success()
    );
    for number in 0..51 {
        let file = connector("dump", &format!("0.{number}.0"));
        upload(&shop.alice, BELOW, &[("file", &file), ("signature", signature)]).await.is(200);
    }
    assert_eq!(desk.plugin("list", &[]).await.ends_with(0).lines[0]["name"], "dump");
    let listed = desk.plugin("list", &["dump"]).await.ends_with(0);
    assert_eq!(listed.lines.len(), 51);
    assert_eq!(listed.lines[50]["descriptor"]["version"], "0.0.0");
    assert_eq!(desk.plugin("list", &["dump", "--limit", "3"]).await.lines.len(), 3);
    assert!(desk.plugin("list", &["dump", "--file-type", "pe"]).await.lines.is_empty());

    let registry = desk.registry();
    let table = async |arguments: &[&str]| {
        let output = desk.shell.run(&[&["plugin", "list", "-r", &registry], arguments].concat(), "").await;
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(table(&[]).await, "NAME  DESCRIPTION\ndump  the connector dump\n");
    let variants = table(&["dump", "--limit", "1"]).await;
    let lines: Vec<_> = variants.lines().collect();
    assert_eq!(lines[0], "VERSION  FILE  ARCHITECTURE  ABI  DIGEST   VERIFIED  CREATED");
    let short = listed.lines[0]["digest"].as_str().unwrap().split_at(7).0;
    assert!(
        lines[1].starts_with(&format!("0.50.0   elf   x86_64        1    {short}  no        ")),
        "{variants}"
    );
}
