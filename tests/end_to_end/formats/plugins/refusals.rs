//! Uploads that are not taken, and requests that make no sense.

use wharf_memflow::descriptor::Architecture;
use wharf_memflow::samples::{Addends, Plugin, elf};

use super::super::plugin::{BELOW, Shop, connector, form, upload};

#[tokio::test]
async fn a_form_may_come_in_any_order_and_nothing_else_may_be_in_it() {
    let shop = Shop::open().await;
    let file = connector("fixture", "0.2.0");
    let signature = shop.key.sign(&file);
    let (file, signature): (&[u8], &[u8]) = (&file, signature.as_bytes());
    for (parts, words) in [
        (vec![("signature", signature)], "file is required"),
        (vec![("file", file)], "file signature is required"),
        (
            vec![("file", file), ("signature", signature), ("extra", b"")],
            "unexpected field in multipart form",
        ),
    ] {
        upload(&shop.alice, BELOW, &parts).await.is(400).has_body(words.as_bytes());
    }
    let none = shop.alice.request("POST", &format!("{BELOW}/files")).body("file").send().await;
    none.is(400).has_body(b"Invalid `boundary` for `multipart/form-data` request");
    let cut = form(&[("file", file)]);
    let cut = shop.alice.request("POST", &format!("{BELOW}/files")).body(cut[..cut.len() / 2].to_vec());
    let cut = cut.header("content-type", "multipart/form-data; boundary=----frontier").send().await;
    cut.is(400).has_body(b"Error parsing `multipart/form-data` request");

    let twice = [
        ("signature", &b"wrong"[..]),
        ("", b"?"),
        ("file", b"wrong"),
        ("file", file),
        ("signature", signature),
    ];
    assert_eq!(upload(&shop.alice, BELOW, &twice).await.is(200).json(), "Added");
}

#[tokio::test]
async fn a_file_without_a_plugin_that_we_know_is_refused_in_words() {
    let shop = Shop::open().await;
    let mut newer = Plugin::connector("fixture", "0.2.0");
    newer.plugin_version = 2;
    let broken = Plugin { name: b"caf\xff".to_vec(), ..Plugin::connector("fixture", "0.2.0") };
    let of = |plugins: &[Plugin]| elf(Architecture::X86_64, Addends::Apart, plugins);
    let whole = of(&[Plugin::connector("fixture", "0.2.0")]);
    for (file, words) in [
        (b"#!/bin/sh\n".to_vec(), "the file is no PE, ELF or Mach-O file"),
        (of(&[]), "the file holds no memflow plugin"),
        (of(&[newer]), "MEMFLOW_CONNECTOR_FIXTURE: its plugin_version is 2, and only 1 is known"),
        (of(&[broken]), "its name is not UTF-8"),
        (whole[..whole.len() / 2].to_vec(), "the file cannot be read"),
    ] {
        let signature = shop.key.sign(&file);
        let answer =
            upload(&shop.alice, BELOW, &[("file", &file), ("signature", signature.as_bytes())]).await.is(400);
        let said = String::from_utf8_lossy(&answer.body);
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_with_413() {
    let shop = Shop::open().await;
    let large = vec![0; 33 << 20];
    upload(&shop.alice, BELOW, &[("file", &large), ("signature", b"00")]).await.is(413);
    let long = vec![b'0'; 2000];
    upload(&shop.alice, BELOW, &[("file", b"MZ"), ("signature", &long)]).await.is(413);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let shop = Shop::open().await;
    let digest = shop.add(&connector("fixture", "0.2.0")).await;
    let get = async |path: &str| shop.alice.get(&format!("{BELOW}{path}")).await;
    for query in ["architecture=mips", "file_type=exe", "skip=-1", "limit=many", "memflow_plugin_version=x"] {
        get(&format!("/plugins/fixture?{query}")).await.is(400);
    }
    for path in [
        "/files/..%2Fouter",
        "/files/abc",
        "/files/zzzzzzz",
        &format!("/files/{}", "0".repeat(64)),
        "/files/0/metadata",
    ] {
        assert!([404, 405].contains(&get(path).await.status), "{path}");
    }
    get("/files").await.is(405).has_header("allow", "POST");
    get("/other").await.is(404);
    let put =
        async |path: &str| shop.alice.request("PUT", &format!("{BELOW}{path}")).body("").send().await.is(405);
    put("/plugins").await.has_header("allow", "GET, HEAD");
    put("/files/0123456").await.has_header("allow", "GET, HEAD, DELETE");
    let file = format!("{BELOW}/files/{digest}");
    let behind = shop.alice.request("GET", &file).header("range", "bytes=1000000000-").send().await.is(416);
    let size = shop.alice.get(&file).await.is(200).body.len();
    behind.has_header("content-range", &format!("bytes */{size}"));
    shop.wharf.anonymous().get(&file).await.is(401).has_header("www-authenticate", "Basic realm=\"wharf\"");
    assert!(!shop.wharf.log().contains("panicked"));
}
