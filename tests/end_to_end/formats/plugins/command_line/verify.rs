//! `wharf plugin verify`.

use std::fs;

use super::super::super::plugin::Pair;
use super::{Desk, here, told};

#[tokio::test]
async fn files_are_verified_by_the_registrys_signatures_or_by_those_beside_them() {
    let desk = Desk::open().await;
    desk.shop.add(&here("fixture", "0.2.0")).await;
    let key = desk.public_key();
    desk.plugin("pull", &["fixture", "--public-key", &key, "--into", "here"]).await.ends_with(0);
    let folder = desk.shell.path().join("here").display().to_string();
    let alone = ["plugin", "verify", "--public-key", &key, &folder];

    assert_eq!(
        desk.plugin("verify", &["--public-key", &key, &folder]).await.ends_with(0).outcomes(),
        ["good"]
    );
    assert_eq!(told(&desk.shell, &alone).await.ends_with(0).outcomes(), ["good"]);
    let stranger = Pair::secp256k1(&desk.shop.wharf.directory("strangers")).public.display().to_string();
    let refused = desk.plugin("verify", &["--public-key", &stranger, &folder]).await.ends_with(3);
    assert!(refused.reason().contains("no signature by a key that is believed"), "{}", refused.reason());

    let path = desk.files("here").pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // What it says of itself stays the same.
    bytes.push(0);
    fs::write(&path, &bytes).unwrap();
    let refused = desk.plugin("verify", &["--public-key", &key, &folder]).await.ends_with(3);
    assert_eq!(refused.reason(), "the registry does not have it");
    let refused = told(&desk.shell, &alone).await.ends_with(3);
    assert!(refused.reason().contains("or was changed since"), "{}", refused.reason());
    fs::remove_file(path.with_extension("meta")).unwrap();
    assert_eq!(told(&desk.shell, &alone).await.ends_with(3).reason(), "no signature lies beside it");
    let refused = told(&desk.shell, &["plugin", "verify", &folder]).await.ends_with(1);
    assert!(refused.errors.contains("--public-key"), "{}", refused.errors);
}
