//! Deletion: exactly what was named, and at once.

use super::at;
use crate::harness::media_type::OCI_INDEX;
use crate::harness::{Image, noise, sha256};

#[tokio::test]
async fn deleting_a_tag_removes_the_tag_only() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_image(&image, "one").await;
    repository.push_image(&image, "two").await;

    repository.delete_manifest("one").await.is(202);

    repository.manifest("one").await.is(404).error("MANIFEST_UNKNOWN");
    repository.head_manifest("one").await.is(404);
    repository.manifest("two").await.is(200).has_body(&image.manifest);
    repository.manifest(&image.digest()).await.is(200);
    assert_eq!(repository.tags("").await.json()["tags"], serde_json::json!(["two"]));
}

#[tokio::test]
async fn deleting_the_last_tag_keeps_the_manifest() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(2);
    repository.push_image(&image, "only").await;

    repository.delete_manifest("only").await.is(202);

    repository.manifest(&image.digest()).await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn deleting_a_manifest_removes_all_its_tags() {
    let (_wharf, repository) = at("acme/app").await;
    let (gone, kept) = (Image::oci(3), Image::oci(4));
    repository.push_image(&gone, "one").await;
    repository.push_image(&gone, "two").await;
    repository.push_image(&kept, "three").await;

    repository.delete_manifest(&gone.digest()).await.is(202);

    for reference in ["one", "two", &gone.digest()] {
        repository.manifest(reference).await.is(404).error("MANIFEST_UNKNOWN");
        repository.head_manifest(reference).await.is(404);
    }
    assert_eq!(repository.tags("").await.json()["tags"], serde_json::json!(["three"]));
    repository.manifest("three").await.is(200).has_body(&kept.manifest);
}

#[tokio::test]
async fn a_deleted_manifest_may_be_pushed_again() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(5);
    repository.push_image(&image, "v1").await;
    repository.delete_manifest(&image.digest()).await.is(202);

    repository.push_image(&image, "v1").await;

    repository.manifest("v1").await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn a_deleted_blob_is_gone_at_once_and_may_come_again() {
    let (_wharf, repository) = at("acme/app").await;
    let content = noise(1, 10_000);
    let digest = repository.push_blob(&content).await;

    repository.delete_blob(&digest).await.is(202);
    repository.blob(&digest).await.is(404).error("BLOB_UNKNOWN");
    repository.head_blob(&digest).await.is(404);
    repository.delete_blob(&digest).await.is(404).error("BLOB_UNKNOWN");
    repository.push_blob(&content).await;

    repository.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_blob_deleted_here_stays_there_and_does_not_come_back() {
    let (_wharf, here) = at("acme/here").await;
    let there = here.caller.repository("acme/there");
    let content = noise(2, 10_000);
    let digest = here.push_blob(&content).await;
    there.push_blob(&content).await;

    here.blob(&digest).await.is(200);
    here.delete_blob(&digest).await.is(202);
    there.blob(&digest).await.is(200).has_body(&content);

    here.blob(&digest).await.is(404);
}

#[tokio::test]
async fn deleting_a_blob_that_a_manifest_names_makes_it_sparse() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(6);
    repository.push_image(&image, "v1").await;
    let layer = sha256(&image.blobs[1]);

    repository.delete_blob(&layer).await.is(202);

    repository.blob(&layer).await.is(404);
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_deleted() {
    let (_wharf, repository) = at("acme/app").await;
    repository.put_manifest("v1", OCI_INDEX, &Image::index(OCI_INDEX, &[])).await.is(201);

    repository.delete_manifest("v2").await.is(404).error("MANIFEST_UNKNOWN");
    repository.delete_manifest(&sha256(b"never pushed")).await.is(404).error("MANIFEST_UNKNOWN");
    repository.delete_blob(&sha256(b"never pushed")).await.is(404).error("BLOB_UNKNOWN");
    repository.manifest("v1").await.is(200);
}

#[tokio::test]
async fn a_delete_outlives_a_restart() {
    let (mut wharf, repository) = at("acme/app").await;
    let image = Image::oci(7);
    repository.push_image(&image, "one").await;
    repository.push_image(&image, "two").await;
    repository.delete_manifest("one").await.is(202);

    wharf.kill();
    wharf.restart().await;

    repository.manifest("one").await.is(404);
    repository.manifest("two").await.is(200).has_body(&image.manifest);
}
