//! A disk that fails to flush: what was not flushed is never acknowledged, and nothing else is harmed.
//!
//! The server runs under a small library (`failing_flush.c`, compiled by the test) that answers `fsync` and
//! `fdatasync` in libc's place, and takes the bytes away with each failure.

use std::path::PathBuf;

use bytes::Bytes;

use crate::harness::{Image, Repository, Wharf, noise, preload, sha256};

/// A server whose flushes fail when told to.
struct Dying {
    wharf: Wharf,
    orders: PathBuf,
    _home: tempfile::TempDir,
}

impl Dying {
    async fn start() -> (Self, Repository) {
        let home = tempfile::tempdir().unwrap();
        let library = preload("crash/failing_flush.c", home.path());
        let orders = home.path().join("orders");
        let environment =
            [("LD_PRELOAD", library.to_str().unwrap()), ("FAILING_FLUSH", orders.to_str().unwrap())];
        let wharf = Wharf::start_in_files(&environment).await;
        let operator = wharf.admin().with_token(&["repository:acme/app:pull,push,delete"]).await;
        wharf.admin().repository("acme/app").push_empty_index(&["first"]).await;
        (Self { wharf, orders, _home: home }, operator.repository("acme/app"))
    }

    /// Lets so many flushes of files with this word in their path pass, and fails the next.
    fn fail_after(&self, flushes: u32, word: &str) {
        std::fs::write(&self.orders, format!("{flushes} {word}")).unwrap();
    }

    /// Fails every flush of files with this word in their path.
    fn fail_all(&self, word: &str) {
        std::fs::write(&self.orders, format!("-1 {word}")).unwrap();
    }

    /// Ends the failures; says whether there was none yet that was still to come.
    fn recover(&self) -> bool {
        std::fs::remove_file(&self.orders).is_ok()
    }

    async fn kill_and_restart(&mut self) {
        self.wharf.kill();
        self.wharf.restart().await;
    }
}

#[tokio::test]
async fn a_blob_whose_flush_failed_is_never_acknowledged() {
    let (mut dying, repository) = Dying::start().await;
    let content = noise(1, 300_000);
    let digest = sha256(&content);

    let mut upload = repository.upload().await;
    upload.append(content.slice(..200_000)).await.is(202);
    dying.fail_all("/objects/");
    upload.finish(&digest, content.slice(200_000..)).await.is(503).first_error();
    // A second flush would succeed without the bytes, so the upload is over.
    upload.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    repository.head_blob(&digest).await.is(404);
    let single = repository.path(&format!("blobs/uploads/?digest={digest}"));
    repository.caller.request("POST", &single).body(content.clone()).send().await.is(503);
    // Nor is one that waited for its end in memory.
    let small = repository.upload().await;
    small.finish(&sha256(b"small"), Bytes::from_static(b"small")).await.is(503).first_error();
    small.status().await.is(404);
    repository.blob(&digest).await.is(404);
    repository.manifest("first").await.is(200);
    dying.recover();

    repository.push_blob(&content).await;
    dying.kill_and_restart().await;
    repository.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn rows_whose_flush_failed_are_never_acknowledged() {
    let (mut dying, repository) = Dying::start().await;
    let image = Image::oci(2);
    repository.push_blobs_of(&image).await;
    let content = noise(3, 100_000);
    let upload = repository.upload().await;

    dying.fail_all("-wal");
    repository.put_manifest("v1", image.media_type, &image.manifest).await.is(503).first_error();
    upload.finish(&sha256(&content), content.clone()).await.is(503);
    repository.delete_manifest("first").await.is(503);
    // What is there is still served.
    repository.manifest("first").await.is(200);
    for blob in &image.blobs {
        repository.blob(&sha256(blob)).await.is(200).has_body(blob);
    }
    dying.recover();

    repository.put_manifest("v1", image.media_type, &image.manifest).await.is(201);
    repository.push_blob(&content).await;
    dying.kill_and_restart().await;
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

/// Each flush of a push fails once, one after the other, until a push meets no failure any more.
#[tokio::test]
async fn a_push_survives_the_failure_of_each_of_its_flushes() {
    let (mut dying, repository) = Dying::start().await;
    let mut pushed = Vec::new();
    let mut failures = 0;

    loop {
        let image = Image::oci(u64::from(failures));
        dying.fail_after(failures, "/data/");
        let acknowledged = push(&repository, &image).await;
        let was_spared = dying.recover();
        for blob in &acknowledged {
            repository.blob(&sha256(blob)).await.is(200).has_body(blob);
        }
        // Whatever is unknown after it, pushing again ends in the same state.
        repository.push_image(&image, &format!("v{failures}")).await;
        pushed.push(image);
        if was_spared {
            break;
        }
        failures += 1;
    }

    assert!(failures >= 10, "a push of three blobs and a manifest flushed only {failures} times");
    dying.kill_and_restart().await;
    for (number, image) in pushed.iter().enumerate() {
        repository.manifest(&format!("v{number}")).await.is(200).has_body(&image.manifest);
        for blob in &image.blobs {
            repository.blob(&sha256(blob)).await.is(200).has_body(blob);
        }
    }
}

/// Pushes as far as it gets; says which blobs were acknowledged. Every refusal is the one that asks to try again.
async fn push(repository: &Repository, image: &Image) -> Vec<Bytes> {
    let mut acknowledged = Vec::new();
    for blob in &image.blobs {
        let opened = repository.open_upload().await.any_of(&[202, 503]);
        if opened.status == 503 {
            continue;
        }
        let upload = crate::harness::Upload::of(repository.caller.clone(), &opened);
        if upload.finish(&sha256(blob), blob.clone()).await.any_of(&[201, 503]).status == 201 {
            acknowledged.push(blob.clone());
        }
    }
    if acknowledged.len() == image.blobs.len() {
        let answer = repository.put_manifest("pushed", image.media_type, &image.manifest).await;
        answer.any_of(&[201, 503]);
    }
    acknowledged
}
