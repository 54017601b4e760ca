//! The end of a file: of every manifest that holds it, however many ask for that at once.

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;
use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Addends, Plugin, elf};

use super::super::plugin::{BELOW, Shop, connector};
use crate::harness::{media_type::OCI_MANIFEST, sha256};

#[tokio::test]
async fn a_file_goes_with_every_manifest_that_holds_it() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let digest = shop.add(&file).await;
    let repository = shop.alice.repository("acme/main/memflow/fixture");
    let first = repository.manifest("0.2.0-elf-x86_64").await.is(200).json();
    // As `oras` would push the same file, with an annotation of its own.
    let mut second = first.clone();
    second["annotations"]["org.example.build"] = json!("2");
    let second = Bytes::from(second.to_string());
    repository.put_manifest("nightly", OCI_MANIFEST, &second).await.is(201);
    assert_eq!(shop.variants("fixture").await.len(), 1, "a file is listed once");

    shop.alice.delete(&format!("{BELOW}/files/{digest}")).await.is(200);
    assert!(shop.variants("fixture").await.is_empty());
    repository.manifest("nightly").await.is(404);
    repository.manifest(&sha256(&second)).await.is(404);
    shop.alice.get(&format!("{BELOW}/files/{digest}")).await.is(404);
}

#[tokio::test]
async fn of_many_who_delete_a_file_at_once_one_did_and_the_others_find_none() {
    let shop = Shop::open().await;
    for version in ["0.1.0", "0.2.0", "0.3.0"] {
        let path = format!("{BELOW}/files/{}", shop.add(&connector("fixture", version)).await);
        let answers = join_all((0..6).map(|_| shop.alice.delete(&path))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 404, 404, 404, 404, 404]);
    }
    assert!(shop.variants("fixture").await.is_empty());
}

/// A file of several plugins has a manifest for each: whoever removed one of them did remove something.
#[tokio::test]
async fn who_is_told_that_a_file_is_gone_finds_none_of_it() {
    let shop = Shop::open().await;
    let plugins = ["one", "two", "three", "four"].map(|name| Plugin::connector(name, "1.0.0"));
    let file = Bytes::from(elf(Architecture::X86_64, Addends::Apart, &plugins));
    let path = format!("{BELOW}/files/{}", shop.add(&file).await);
    let answers = join_all((0..6).map(|_| async {
        let answer = shop.alice.delete(&path).await.any_of(&[200, 404]);
        if answer.status == 200 {
            shop.alice.get(&path).await.is(404);
        }
        answer.status
    }))
    .await;
    assert!(answers.contains(&200), "{answers:?}");
    for name in ["one", "two", "three", "four"] {
        assert!(shop.variants(name).await.is_empty(), "{name}");
    }
    assert_eq!(shop.add(&file).await.len(), 64, "it may come again");
}
