//! memflow plugins: uploaded, listed, downloaded and deleted through the API of memflow's own registry.

mod command_line;
mod deletion;
mod keys;
mod moving_in;
mod names;
mod refusals;
mod tenants;

use bytes::Bytes;
use serde_json::{Value, json};
use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Addends, Plugin, Pointers, elf, mach, pe, universal};

use super::plugin::{BELOW, Shop, connector, hex, upload};
use crate::harness::{media_type::OCI_MANIFEST, sha256};

#[tokio::test]
async fn a_plugin_is_uploaded_listed_shown_downloaded_and_deleted() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let signature = shop.key.sign_with(super::plugin::Half::Low, &file).to_uppercase();
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
    assert_eq!(upload(&shop.alice, BELOW, &parts).await.is(200).json(), "Added");
    assert_eq!(upload(&shop.alice, BELOW, &parts).await.is(200).json(), "AlreadyExists");

    let plugins = shop.alice.get(&format!("{BELOW}/plugins")).await.is(200).json();
    assert_eq!(
        plugins,
        json!({ "plugins": [{ "name": "fixture", "description": "the connector fixture" }], "total": 1 })
    );
    let answer = shop.alice.get(&format!("{BELOW}/plugins/fixture")).await.is(200).json();
    let created_at = answer["plugins"][0]["created_at"].as_str().unwrap().to_owned();
    let descriptor = json!({
        "plugin_kind": "connector", "export_name": "MEMFLOW_CONNECTOR_FIXTURE", "file_type": "elf",
        "architecture": "x86_64", "plugin_version": 1, "accept_input": false, "name": "fixture",
        "version": "0.2.0", "description": "the connector fixture",
    });
    let digest = hex(&file);
    let known = json!({
        "digest": digest, "signature": signature, "created_at": created_at, "verified": true,
    });
    let with = |name: &str, value: Value| {
        let mut known = known.clone();
        known[name] = value;
        known
    };
    assert_eq!(answer, json!({ "plugins": [with("descriptor", descriptor.clone())], "skip": 0, "total": 1 }));
    let seconds = created_at.split('.').next().unwrap();
    assert!(seconds.len() == "2024-03-22T18:14:53".len() && !created_at.contains(['Z', '+']), "{created_at}");

    let path = format!("{BELOW}/files/{digest}");
    let metadata = shop.alice.get(&format!("{path}/metadata")).await.is(200).json();
    let mut expected = with("descriptors", json!([descriptor]));
    let key = shop.alice.get(&format!("{BELOW}/keys")).await.is(200).json()["keys"][0]["id"].clone();
    expected["signatures"] = json!([{ "key": key, "signature": signature }]);
    assert_eq!(metadata, expected);
    let short = &digest[..7];
    let name = format!("attachment; filename=\"libmemflow_fixture_{short}.so\"");
    let whole = shop.alice.get(&path).await.is(200).has_body(&file);
    whole.has_header("content-disposition", &name).has_header("etag", &format!("\"sha256:{digest}\""));
    let size = file.len().to_string();
    shop.alice.head(&path).await.is(200).has_header("content-length", &size).has_body(b"");
    let part = shop.alice.request("GET", &path).header("range", "bytes=1-3").send().await;
    part.is(206).has_body(b"ELF").has_header("content-range", &format!("bytes 1-3/{size}"));
    let same = shop.alice.request("GET", &path).header("if-none-match", &format!("\"sha256:{digest}\""));
    same.send().await.is(304);
    shop.alice.get(&format!("{BELOW}/files/{short}")).await.is(200).has_body(&file);
    shop.alice.get(&format!("{BELOW}/files/{}", digest.to_uppercase())).await.is(200);

    shop.alice.delete(&format!("{BELOW}/files/{short}")).await.is(200).has_body(b"");
    shop.alice.delete(&path).await.is(404).has_body(b"plugin not found");
    shop.alice.get(&path).await.is(404).has_body(b"plugin not found");
    assert!(shop.variants("fixture").await.is_empty());
    let plugins = shop.alice.get(&format!("{BELOW}/plugins")).await.is(200).json();
    assert_eq!(plugins, json!({ "plugins": [], "total": 0 }));
    assert_eq!(upload(&shop.alice, BELOW, &parts).await.is(200).json(), "Added");
}

/// Its signature lies in the registry as a referrer, whose bytes `openssl` takes.
#[tokio::test]
async fn a_plugin_is_an_artifact_and_its_signature_a_referrer() {
    let shop = Shop::open().await;
    let file = connector("Fixture", "0.2.0+build");
    shop.add(&file).await;
    let repository = shop.alice.repository("acme/main/memflow/fixture");
    let tags = repository.tags("").await.is(200).json();
    assert_eq!(tags["tags"], json!(["0.2.0_build-elf-x86_64", format!("file-{}", hex(&file))]));
    let plugin = repository.manifest("0.2.0_build-elf-x86_64").await.is(200);
    assert_eq!(plugin.json()["layers"][0]["digest"], sha256(&file));
    let digest = plugin.header("docker-content-digest").to_owned();
    let signatures = repository.referrers(&digest, "").await.is(200).json();
    let [signature] = signatures["manifests"].as_array().unwrap().as_slice() else { panic!("{signatures}") };
    assert_eq!(signature["artifactType"], "application/vnd.memflow.signature.v1");
    let manifest = repository.manifest(signature["digest"].as_str().unwrap()).await.is(200).json();
    let bytes = repository.blob(manifest["layers"][0]["digest"].as_str().unwrap()).await.is(200).body;
    let bytes: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(shop.key.verifies(&file, &bytes));

    let manifest = repository.manifest(signature["digest"].as_str().unwrap()).await.is(200).body;
    repository.put_manifest("tagged", OCI_MANIFEST, &manifest).await.is(201);
    let plugins = shop.alice.get(&format!("{BELOW}/plugins")).await.is(200).json();
    assert_eq!(plugins["plugins"].as_array().unwrap().len(), 1, "a signature is no plugin: {plugins}");

    shop.alice.delete(&format!("{BELOW}/files/{}", hex(&file))).await.is(200);
    repository.manifest(&digest).await.is(404);
    repository.manifest(signature["digest"].as_str().unwrap()).await.is(404);
}

#[tokio::test]
async fn a_file_with_many_plugins_is_listed_under_each_and_survives_a_restart() {
    let mut shop = Shop::open().await;
    let same = [Plugin::connector("one", "1.0.0"), Plugin::connector("one", "1.0.0").os()];
    let slices = [
        mach(Architecture::X86_64, Pointers::Plain, &same),
        mach(Architecture::Arm64, Pointers::Chained, &[Plugin::connector("two", "2.0.0")]),
    ];
    let file = Bytes::from(universal(&slices));
    let digest = shop.add(&file).await;
    shop.wharf.stop().await;
    shop.wharf.restart().await;
    let kinds = |variants: Vec<Value>| {
        let kind = |variant: &Value| variant["descriptor"]["plugin_kind"].as_str().unwrap().to_owned();
        variants.iter().map(kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(shop.variants("one").await), ["connector", "os"]);
    assert_eq!(kinds(shop.variants("two").await), ["connector"]);
    assert_eq!(shop.variants("one?architecture=arm64").await, Vec::<Value>::new());
    let metadata = shop.alice.get(&format!("{BELOW}/files/{digest}/metadata")).await.is(200).json();
    assert_eq!(metadata["descriptors"].as_array().unwrap().len(), 3);
    shop.alice.delete(&format!("{BELOW}/files/{digest}")).await.is(200);
    for name in ["one", "two"] {
        assert!(shop.variants(name).await.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn variants_are_filtered_skipped_and_shown_newest_first() {
    let shop = Shop::open().await;
    let plugins = |version: &str| [Plugin::connector("fixture", version)];
    let mut digests = Vec::new();
    for version in ["0.1.0", "0.2.0"] {
        let plugins = plugins(version);
        for file in [
            elf(Architecture::X86_64, Addends::Apart, &plugins),
            elf(Architecture::Unknown(243), Addends::Apart, &plugins),
            pe(Architecture::X86, &plugins),
            mach(Architecture::Arm64, Pointers::Plain, &plugins),
        ] {
            digests.push(shop.add(&file.into()).await);
        }
    }
    digests.reverse();
    let found = async |query: &str| {
        let variants = shop.variants(&format!("fixture?{query}")).await;
        let place =
            |variant: &Value| digests.iter().position(|digest| variant["digest"] == **digest).unwrap();
        variants.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(found("").await, [0, 1, 2, 3, 4]);
    assert_eq!(found("limit=51").await, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(found("limit=0").await, Vec::<usize>::new());
    assert_eq!(found("skip=6").await, [6, 7]);
    assert_eq!(found("file_type=elf").await, [2, 3, 6, 7]);
    assert_eq!(found("file_type=elf&skip=1&limit=2").await, [3, 6]);
    assert_eq!(found("architecture=arm64&file_type=mach").await, [0, 4]);
    assert_eq!(found("version=0.1.0&file_type=pe").await, [5]);
    assert_eq!(found("version=0.1.0&file_type=pe&architecture=x86&memflow_plugin_version=1").await, [5]);
    assert_eq!(found("memflow_plugin_version=2").await, Vec::<usize>::new());
    for length in [7, 20, 64] {
        let digits = &digests[3][..length];
        for query in
            [format!("version={digits}"), format!("digest={digits}"), format!("digest_short={digits}")]
        {
            assert_eq!(found(&query).await, [3], "{query}");
        }
    }
    assert!(found(&format!("version={}", &digests[3][..1])).await.contains(&3));
    assert_eq!(found(&format!("version={}", "a".repeat(65))).await, Vec::<usize>::new());
    assert_eq!(found("version=0.3.0&colour=red").await, Vec::<usize>::new());
    let unknown = shop.variants(&format!("fixture?digest={}", digests[2])).await;
    assert_eq!(unknown[0]["descriptor"]["architecture"], json!({ "unknown": 243 }));
    let page = shop.alice.get(&format!("{BELOW}/plugins/fixture?file_type=elf&limit=3")).await.is(200);
    let next = page.next_page().expect("there is one more");
    let rest = shop.alice.get(&next).await.is(200).json();
    assert_eq!((&rest["plugins"][0]["digest"], &rest["skip"]), (&json!(digests[7]), &json!(3)));
    assert_eq!((&page.json()["total"], &rest["total"]), (&Value::Null, &json!(4)), "the last page tells");
    shop.alice.get(&next).await.lacks_header("link");
    assert_eq!(shop.variants("nothing").await, Vec::<Value>::new());
}

#[tokio::test]
async fn of_two_equal_uploads_at_once_one_adds_and_one_finds_it_there() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let signature = shop.key.sign(&file);
    let parts: [(&str, &[u8]); 2] = [("file", &file), ("signature", signature.as_bytes())];
    let both = tokio::join!(upload(&shop.alice, BELOW, &parts), upload(&shop.alice, BELOW, &parts));
    let mut said =
        [both.0.is(200).json(), both.1.is(200).json()].map(|said| said.as_str().unwrap().to_owned());
    said.sort();
    assert_eq!(said, ["Added", "AlreadyExists"]);
    assert_eq!(shop.variants("fixture").await.len(), 1);
}
