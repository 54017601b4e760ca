//! Bytes that the disk lost or changed: what is no longer whole is not served, and the next push heals it. What keeps its
//! length is found by the scrub (`scrub.rs`) and by verifying (`verify.rs`).

use std::fs::{self, OpenOptions};

use bytes::Bytes;

use crate::harness::{Image, Repository, Wharf, noise};

async fn with_blob() -> (Wharf, Repository, Bytes, String) {
    let wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 10_000);
    let digest = repository.push_blob(&content).await;
    (wharf, repository, content, digest)
}

/// Nothing of it is served, under no repository that has it, and it is nobody's source.
async fn is_missing(repository: &Repository, digest: &str) {
    repository.blob(digest).await.is(404).error("BLOB_UNKNOWN");
    repository.head_blob(digest).await.is(404);
    let blob = repository.path(&format!("blobs/{digest}"));
    repository.caller.request("GET", &blob).header("range", "bytes=0-9").send().await.is(404);
    repository.caller.repository("acme/else").mount(digest, Some(&repository.name)).await.is(202);
}

#[tokio::test]
async fn a_blob_of_another_length_is_not_served_and_the_next_push_heals_it_everywhere() {
    let (wharf, repository, content, digest) = with_blob().await;
    let elsewhere = wharf.admin().repository("acme/other");
    elsewhere.mount(&digest, Some("acme/app")).await.is(201);

    for length in [9_999, 0, 10_001] {
        let file = OpenOptions::new().write(true).open(wharf.object_of(&content)).unwrap();
        file.set_len(length).unwrap();
        is_missing(&repository, &digest).await;
        is_missing(&elsewhere, &digest).await;
        repository.push_blob(&content).await;
        repository.blob(&digest).await.is(200).has_body(&content);
        elsewhere.blob(&digest).await.is(200).has_body(&content);
    }
    fs::remove_file(wharf.object_of(&content)).unwrap();
    is_missing(&repository, &digest).await;
    repository.push_blob(&content).await;
    elsewhere.blob(&digest).await.is(200).has_body(&content);
}

/// Stored bytes are not hashed again while they are served, but when the scrub or a verification comes to them. Clients
/// hash what they get, and push what is wrong.
#[tokio::test]
async fn a_blob_with_a_flipped_bit_is_served_until_somebody_looks_and_healed_by_the_next_push() {
    let (wharf, repository, content, digest) = with_blob().await;
    wharf.flip_a_byte_of(&content);
    let served = repository.blob(&digest).await.is(200).body;
    assert!(served.len() == content.len() && served != content, "nobody has looked at it");

    repository.push_blob(&content).await;

    repository.blob(&digest).await.is(200).has_body(&content);
}

/// Manifests lie in the database and come back whole whatever the objects are; what they name is missing until pushed.
#[tokio::test]
async fn an_image_with_a_lost_layer_is_whole_after_the_layer_is_pushed_again() {
    let wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    let image = Image::oci(1);
    repository.push_image(&image, "v1").await;
    fs::remove_file(wharf.object_of(&image.blobs[1])).unwrap();

    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    let lost = crate::harness::sha256(&image.blobs[1]);
    is_missing(&repository, &lost).await;
    repository.push_image(&image, "v1").await;
    repository.blob(&lost).await.is(200).has_body(&image.blobs[1]);
}
