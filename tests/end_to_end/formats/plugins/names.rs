//! Names that a repository cannot have, and names that begin like others.

use serde_json::Value;

use super::super::plugin::{BELOW, Shop, connector, hex};

fn digests(variants: &[Value]) -> Vec<&str> {
    variants.iter().map(|variant| variant["digest"].as_str().unwrap()).collect()
}

/// Name and version stand beside each other in the index, with a blank between, and both may hold blanks.
#[tokio::test]
async fn a_plugin_is_not_found_under_the_name_of_another_that_begins_alike() {
    let shop = Shop::open().await;
    let (dump, evil) = (connector("dump", "evil 1.0"), connector("dump evil", "1.0"));
    let (of_dump, of_evil) = (shop.add(&dump).await, shop.add(&evil).await);
    for (query, expected) in [
        ("dump", &of_dump),
        ("dump?version=evil%201.0", &of_dump),
        ("dump%20evil", &of_evil),
        ("dump%20evil?version=1.0", &of_evil),
    ] {
        assert_eq!(digests(&shop.variants(query).await), [expected], "{query}");
    }
    for nothing in ["dump?version=1.0", "dump%20evil?version=evil%201.0", "dump%20", "dump%20evil%201.0"] {
        assert!(shop.variants(nothing).await.is_empty(), "{nothing}");
    }
    shop.alice.delete(&format!("{BELOW}/files/{of_evil}")).await.is(200);
    assert_eq!(digests(&shop.variants("dump").await), [&of_dump]);
}

#[tokio::test]
async fn every_name_is_kept_as_it_is_whatever_its_repository_is_called() {
    let shop = Shop::open().await;
    let names =
        ["dump", "Dump", "DUMP", "../../other", "a/b", "caf\u{e9}", "x".repeat(128).as_str(), "%2e%2e"]
            .map(str::to_owned);
    let mut all = Vec::new();
    for name in &names {
        all.push((name, shop.add(&connector(name, "1.0")).await));
    }
    let listed = shop.alice.get(&format!("{BELOW}/plugins")).await.is(200).json();
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let listed = listed["plugins"].as_array().unwrap().clone();
    assert_eq!(listed.iter().map(|plugin| plugin["name"].as_str().unwrap()).collect::<Vec<_>>(), sorted);
    for (name, digest) in &all {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(digests(&shop.variants(&encoded).await), [digest], "{name}");
    }
    // Three of them share a repository, and each goes alone.
    shop.alice.delete(&format!("{BELOW}/files/{}", hex(&connector("Dump", "1.0")))).await.is(200);
    for (name, left) in [("dump", 1), ("Dump", 0), ("DUMP", 1)] {
        assert_eq!(shop.variants(name).await.len(), left, "{name}");
    }
}
