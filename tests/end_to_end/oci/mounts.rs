//! Taking a blob over from another repository: never more than the caller may read, and always a way on.

use bytes::Bytes;

use super::at;
use crate::harness::{Upload, Wharf, noise, sha256, sha512};

#[tokio::test]
async fn a_blob_is_mounted_from_a_repository() {
    let (_wharf, source) = at("acme/source").await;
    let content = noise(1, 10_000);
    let digest = source.push_blob(&content).await;
    let target = source.caller.repository("acme/target");

    let mounted = target.mount(&digest, Some("acme/source")).await.is(201);

    assert_eq!(mounted.header("docker-content-digest"), digest);
    target.caller.get(&mounted.location()).await.is(200).has_body(&content);
    target.blob(&digest).await.is(200).has_body(&content);
}

/// Its other digest is that of another blob, which is not there.
#[tokio::test]
async fn a_blob_is_mounted_by_the_algorithm_it_is_known_by() {
    let (_wharf, source) = at("acme/source").await;
    let content = noise(9, 10_000);
    let (known, other) = (sha512(&content), sha256(&content));
    source.upload().await.finish(&known, content.clone()).await.is(201);

    for (name, from) in [("acme/named", Some("acme/source")), ("acme/found", None)] {
        let target = source.caller.repository(name);
        target.mount(&other, from).await.is(202);
        let mounted = target.mount(&known, from).await.is(201);

        assert_eq!(mounted.header("docker-content-digest"), known);
        target.caller.get(&mounted.location()).await.is(200).has_body(&content);
        target.blob(&other).await.is(404).error("BLOB_UNKNOWN");
    }
}

#[tokio::test]
async fn a_mounted_blob_outlives_its_source() {
    let (_wharf, source) = at("acme/source").await;
    let content = noise(2, 10_000);
    let digest = source.push_blob(&content).await;
    let target = source.caller.repository("acme/target");
    target.mount(&digest, Some("acme/source")).await.is(201);

    source.delete_blob(&digest).await.is(202);

    source.blob(&digest).await.is(404);
    target.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_mount_without_a_source_looks_where_the_caller_may_read() {
    let (_wharf, source) = at("acme/source").await;
    let content = noise(3, 10_000);
    let digest = source.push_blob(&content).await;
    let target = source.caller.repository("acme/target");

    target.mount(&digest, None).await.is(201);

    target.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_mount_of_a_missing_blob_becomes_an_upload() {
    let (_wharf, source) = at("acme/source").await;
    source.push_blob(&noise(4, 10)).await;
    let content = noise(5, 10_000);
    let digest = sha256(&content);
    let target = source.caller.repository("acme/target");

    for from in [Some("acme/source"), Some("acme/nowhere"), Some("nobody/nowhere"), None] {
        let opened = target.mount(&digest, from).await.is(202);
        let upload = Upload::of(target.caller.clone(), &opened);
        upload.status().await.is(204);
        upload.cancel().await.is(204);
    }
    let opened = target.mount(&digest, None).await.is(202);
    Upload::of(target.caller.clone(), &opened).finish(&digest, content.clone()).await.is(201);

    target.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn nothing_is_mounted_from_a_repository_that_the_caller_cannot_read() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme", "globex"]).await;
    let content = noise(6, 10_000);
    let digest = wharf.admin().repository("globex/secret").push_blob(&content).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let target = alice.repository("acme/target");

    for from in [Some("globex/secret"), None] {
        let opened = target.mount(&digest, from).await.is(202);
        let upload = Upload::of(alice.clone(), &opened);
        upload.finish(&digest, Bytes::new()).await.is(400).error("DIGEST_INVALID");
    }

    target.blob(&digest).await.is(404);
}

#[tokio::test]
async fn a_refused_mount_tells_no_difference_between_private_and_absent() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme", "globex"]).await;
    let there = wharf.admin().repository("globex/secret").push_blob(&noise(7, 100)).await;
    let target = wharf.add_user("alice", &["acme:writer"]).repository("acme/target");

    let private = target.mount(&there, Some("globex/secret")).await.is(202);
    let absent = target.mount(&sha256(b"never pushed"), Some("globex/never")).await.is(202);

    let names = |answer: &crate::harness::Answer| -> Vec<String> {
        answer.headers.keys().map(ToString::to_string).collect()
    };
    assert_eq!(names(&private), names(&absent));
    assert_eq!(private.body, absent.body);
}

#[tokio::test]
async fn a_reader_of_the_source_mounts_from_it() {
    let wharf = Wharf::start().await;
    wharf.found(&["acme", "globex"]).await;
    let content = noise(8, 10_000);
    let digest = wharf.admin().repository("globex/base").push_blob(&content).await;
    let alice = wharf.add_user("alice", &["acme:writer", "globex:viewer"]);

    alice.repository("acme/target").mount(&digest, Some("globex/base")).await.is(201);

    alice.repository("acme/target").blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_mount_of_a_digest_that_is_none_is_refused() {
    let (_wharf, target) = at("acme/target").await;

    target.mount("sha256:baddigeststring", Some("acme/source")).await.is(400).error("DIGEST_INVALID");
}
