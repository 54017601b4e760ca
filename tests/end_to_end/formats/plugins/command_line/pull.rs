//! `wharf plugin pull` and `update`.

use std::fs;

use serde_json::{Value, json};
use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Addends, Plugin, elf, pe};

use super::super::super::plugin::{BELOW, Pair, hex, upload};
use super::{Desk, here};

/// Where memflow's own clients look for plugins.
const INSTALLED: &str = ".local/lib/memflow";

#[tokio::test]
async fn the_variant_for_this_machine_is_pulled_verified_and_laid_where_memflow_looks() {
    let desk = Desk::open().await;
    let plugins = [Plugin::connector("fixture", "0.2.0")];
    let (file, library) = (here("fixture", "0.2.0"), pe(Architecture::Arm64, &plugins));
    for file in
        [file.clone(), library.clone().into(), elf(Architecture::Arm, Addends::Apart, &plugins).into()]
    {
        desk.shop.add(&file).await;
    }
    let key = desk.public_key();

    let pulled = desk.plugin("pull", &["fixture", "--public-key", &key]).await.ends_with(0);
    assert_eq!(pulled.outcomes(), ["installed"]);
    let name = format!("libmemflow_fixture_{}", &hex(&file)[..7]);
    let expected = [format!("{name}.meta"), format!("{name}.so")]
        .map(|name| desk.shell.path().join(INSTALLED).join(name));
    assert_eq!(desk.files(INSTALLED), expected);
    assert_eq!(fs::read(&expected[1]).unwrap(), file);
    let beside: Value = serde_json::from_slice(&fs::read(&expected[0]).unwrap()).unwrap();
    assert_eq!(
        (&beside["digest"], &beside["descriptors"][0]["name"]),
        (&json!(hex(&file)), &json!("fixture"))
    );
    assert!(desk.shop.key.verifies(&file, beside["signature"].as_str().unwrap()));

    let short = format!("fixture:{}", &hex(&file)[..7]);
    let again = desk.plugin("pull", &["fixture:0.2.0", &short, "--public-key", &key]).await.ends_with(0);
    assert_eq!(again.outcomes(), ["present", "present"]);
    fs::write(&expected[1], b"damaged").unwrap();
    assert_eq!(desk.plugin("pull", &["fixture", "--public-key", &key]).await.outcomes(), ["installed"]);
    assert_eq!(fs::read(&expected[1]).unwrap(), file);

    let other =
        ["fixture", "--file-type", "pe", "--architecture", "arm64", "--into", "dlls", "--public-key", &key];
    desk.plugin("pull", &other).await.ends_with(0);
    assert_eq!(fs::read(&desk.files("dlls")[0]).unwrap(), library);
    for missing in ["fixture:9.9.9", "nothing"] {
        let missing = desk.plugin("pull", &[missing, "--public-key", &key]).await.ends_with(3);
        assert_eq!(missing.reason(), "the registry has none for this machine");
    }
    let missing = desk.plugin("pull", &["fixture", "--abi", "2", "--public-key", &key]).await.ends_with(3);
    assert_eq!(missing.reason(), "the registry has none for this machine");
}

#[tokio::test]
async fn a_key_is_pinned_once_and_then_counts_and_no_other() {
    let desk = Desk::open().await;
    desk.shop.add(&here("fixture", "0.2.0")).await;
    let refused = desk.plugin("pull", &["fixture"]).await.ends_with(1);
    assert!(refused.errors.contains("no key is known that signs for"), "{}", refused.errors);

    let pinned = desk.plugin("pull", &["fixture", "--pin"]).await.ends_with(0);
    assert!(pinned.errors.contains("names the key first"), "{}", pinned.errors);
    assert_eq!(desk.plugin("pull", &["fixture"]).await.ends_with(0).outcomes(), ["present"]);

    let second = Pair::secp256k1(&desk.shop.wharf.directory("seconds"));
    desk.shop.wharf.believe("acme/main", "second", &second.public, &["--primary"]);
    let file = here("fixture", "0.3.0");
    let signature = second.sign(&file);
    upload(&desk.shop.alice, BELOW, &[("file", &file), ("signature", signature.as_bytes())]).await.is(200);
    let refused = desk.plugin("pull", &["fixture", "--into", "new"]).await.ends_with(3);
    assert!(refused.reason().contains("no signature by a key that is believed"), "{}", refused.reason());
    assert!(desk.files("new").is_empty(), "nothing lies there, under any name");

    // Signed again by the key that is pinned, it is good: clients are told of every signature.
    let signature = desk.shop.key.sign(&file);
    upload(&desk.shop.alice, BELOW, &[("file", &file), ("signature", signature.as_bytes())]).await.is(200);
    desk.plugin("pull", &["fixture", "--into", "new"]).await.ends_with(0);
    let given = second.public.display().to_string();
    desk.plugin("pull", &["fixture", "--into", "other", "--public-key", &given]).await.ends_with(0);
}

#[tokio::test]
async fn every_plugin_of_a_folder_is_brought_up_to_date_but_not_back() {
    let desk = Desk::open().await;
    for (name, version) in [("fixture", "0.2.0"), ("older", "0.2.0"), ("same", "0.2.0")] {
        desk.shop.add(&here(name, version)).await;
    }
    desk.plugin("pull", &["fixture", "same", "--pin", "--into", "here"]).await.ends_with(0);
    desk.file("here/libmemflow_older.so", &here("older", "0.10.0"));
    desk.file("here/libmemflow_own.so", &here("own", "1.0.0"));
    desk.file("here/notes.txt", b"mine");
    let newer = here("fixture", "0.3.0");
    desk.shop.add(&newer).await;

    let updated = desk.plugin("update", &["--folder", "here"]).await.ends_with(0);
    let said: Vec<_> =
        updated.lines.iter().map(|line| (line["subject"].as_str(), line["outcome"].as_str())).collect();
    let expected = [("fixture", "installed"), ("older", "skipped"), ("own", "skipped"), ("same", "present")];
    assert_eq!(said[..4], expected.map(|(name, outcome)| (Some(name), Some(outcome))));
    assert!(
        updated.lines[1]["reason"].as_str().unwrap().contains("older than 0.10.0"),
        "{:?}",
        updated.lines[1]
    );
    let name = format!("libmemflow_fixture_{}.so", &hex(&newer)[..7]);
    assert_eq!(fs::read(desk.shell.path().join("here").join(name)).unwrap(), newer);
    let again = desk.plugin("update", &["--folder", "here"]).await.ends_with(0);
    assert_eq!(again.outcomes(), ["present", "skipped", "skipped", "present"]);
}
