//! Holes that other registries had, tried here. Each test names the advisory it comes from; those that a test of the
//! ordinary kind covers are not repeated.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::harness::{Caller, Image, Random, Wharf, number_from_environment, sha256};

/// CVE-2026-31801: the right to create was enough to overwrite a tag called `latest`.
#[tokio::test]
async fn no_tag_has_a_name_that_guards_it_less() {
    let wharf = Wharf::start().await;
    let (old, new) = (Image::oci(1), Image::oci(2));
    let operator = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let repository = operator.repository("acme/app");
    let seed = number_from_environment("WHARF_TAG_NAMES_SEED", u64::from(std::process::id()));
    println!("WHARF_TAG_NAMES_SEED={seed}");
    let mut random = Random::new(seed);
    let known = ["latest", "LATEST", "v1", "main", "_", "0"].map(str::to_owned);
    let names: Vec<String> = known.into_iter().chain((0..40).map(|_| tag_name(&mut random))).collect();
    repository.push_blobs_of(&old).await;
    repository.push_blobs_of(&new).await;
    for name in &names {
        repository.put_manifest(name, old.media_type, &old.manifest).await.is(201);
    }
    wharf.set_public("acme/main", true);
    let viewer = wharf.add_user("vera", &["acme:viewer"]);
    let to_pull = wharf.admin().with_token(&["repository:acme/app:pull"]).await;
    let to_delete = wharf.admin().with_token(&["repository:acme/app:pull,delete"]).await;

    let by_digest = format!("{}?tag=", new.digest());
    for name in &names {
        for (caller, status) in
            [(&viewer, 403), (&to_pull, 401), (&to_delete, 401), (&wharf.anonymous(), 401)]
        {
            for reference in [name.clone(), format!("{by_digest}{name}")] {
                let app = caller.repository("acme/app");
                app.put_manifest(&reference, new.media_type, &new.manifest).await.is(status);
            }
        }
        repository.manifest(name).await.is(200).has_body(&old.manifest);
    }
}

/// Any name that a tag may have.
fn tag_name(random: &mut Random) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    let rest = [LETTERS, b".-"].concat();
    let longest = *random.pick(&[1, 3, 12, 128]).unwrap();
    let first = char::from(*random.pick(LETTERS).unwrap());
    let others = (0..random.below(longest)).map(|_| char::from(*random.pick(&rest).unwrap()));
    [first].into_iter().chain(others.collect::<Vec<_>>()).collect()
}

/// GHSA-78cx-cfhm-rgmx: who had a token could mint himself a wider one.
#[tokio::test]
async fn a_token_gets_its_bearer_no_other_token() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let writer = wharf.add_user("walter", &["acme:writer"]);
    let bearer = writer.with_token(&["repository:acme/founding:pull"]).await;

    bearer.get("/token?service=wharf&scope=repository:acme/founding:pull,push").await.is(401);
    bearer.get("/token?service=wharf&offline_token=true").await.is(401);
}

/// CVE-2024-39897: a HEAD copied what it found. Nothing that reads writes a byte.
#[tokio::test]
async fn reading_writes_nothing() {
    // Who pulled what is recorded beside the pulls.
    let settings = [("WHARF_HOUSEKEEPING_INTERVAL", "1d"), ("WHARF_AUDIT_PULLS", "off")];
    let wharf = Wharf::start_in_files(&settings).await;
    let admin = wharf.admin();
    let image = Image::oci(1);
    let digest = admin.repository("acme/app").push_image(&image, "v1").await;
    let upload = admin.repository("acme/app").upload().await;
    let scopes = ["repository:acme/app:pull,push", "repository:acme/other:pull,push", "registry:catalog:*"];
    let reader = admin.with_token(&scopes).await;
    let layer = sha256(&image.blobs[1]);
    sealed(&admin).await;
    let before = settled(&wharf.data).await;

    for (path, status) in [
        ("/v2/".to_owned(), 200),
        ("/v2/_catalog".to_owned(), 200),
        ("/v2/_oci/ext/discover".to_owned(), 200),
        ("/v2/acme/app/tags/list".to_owned(), 200),
        ("/v2/acme/app/manifests/v1".to_owned(), 200),
        (format!("/v2/acme/app/manifests/{digest}"), 200),
        (format!("/v2/acme/app/referrers/{digest}"), 200),
        (format!("/v2/acme/app/blobs/{layer}"), 200),
        (format!("/v2/acme/other/blobs/{layer}"), 404),
        ("/v2/acme/other/manifests/v1".to_owned(), 404),
        (upload.location, 204),
        ("/healthz".to_owned(), 200),
        ("/readyz".to_owned(), 200),
    ] {
        reader.get(&path).await.is(status);
        reader.head(&path).await;
    }
    // Of what is recorded beside requests, more than one round.
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;

    let after = settled(&wharf.data).await;
    let changed: Vec<_> = after.iter().filter(|(path, hash)| before.get(*path) != Some(hash)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{changed:?}");
}

/// Waits until nothing is left to seal of the audit log.
async fn sealed(admin: &Caller) {
    for _ in 0..150 {
        let latest = admin.get("/api/v1/audit?n=1").await.is(200).json();
        if latest["items"][0]["sealed"].is_string() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the audit log is not sealed");
}

/// Every file and what is in it, once two looks show the same: a login is recorded beside its request. Left out is
/// the index of SQLite's log, where readers say how far they read.
async fn settled(data: &Path) -> BTreeMap<String, [u8; 32]> {
    let mut last = BTreeMap::new();
    for _ in 0..50 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let mut files = BTreeMap::new();
        look(data, &mut files);
        if files == last {
            return files;
        }
        last = files;
    }
    panic!("the files never come to rest");
}

fn look(folder: &Path, files: &mut BTreeMap<String, [u8; 32]>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = path.to_string_lossy().into_owned();
        if kind.is_dir() {
            look(&path, files);
        } else if kind.is_file() && !name.ends_with("-shm") && !name.ends_with("ballast") {
            files.insert(name, Sha256::digest(fs::read(&path).unwrap()).into());
        }
    }
}
