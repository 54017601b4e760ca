//! Sparse images: a registry takes them only where it was told to, and they make nothing readable.

use super::at;
use crate::harness::media_type::{OCI_INDEX, OCI_MANIFEST};
use crate::harness::{Image, sha256};

#[tokio::test]
async fn a_registry_takes_sparse_images_once_it_is_told_to() {
    let (wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    let missing = sha256(&image.blobs[2]);
    repository.push_blob(&image.blobs[0]).await;
    repository.push_blob(&image.blobs[1]).await;
    let push = || repository.put_manifest("v1", OCI_MANIFEST, &image.manifest);
    push().await.is(400).error("MANIFEST_BLOB_UNKNOWN");

    wharf.set_missing_content("acme/main", "accept");

    push().await.is(201);
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    repository.blob(&missing).await.is(404).error("BLOB_UNKNOWN");
    repository.head_blob(&missing).await.is(404);
}

#[tokio::test]
async fn what_was_missing_may_come_later() {
    let (wharf, repository) = at("acme/app").await;
    wharf.set_missing_content("acme/main", "accept");
    let image = Image::oci(2);
    repository.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.is(201);

    for blob in &image.blobs {
        repository.blob(&repository.push_blob(blob).await).await.is(200).has_body(blob);
    }
}

#[tokio::test]
async fn an_index_may_be_sparse_too() {
    let (wharf, repository) = at("acme/app").await;
    let (here, missing) = (Image::oci(3), Image::oci(4));
    repository.push_image(&here, "one").await;
    let index = Image::index(OCI_INDEX, &[&here, &missing]);
    repository.put_manifest("index", OCI_INDEX, &index).await.any_of(&[400, 404]).first_error();

    wharf.set_missing_content("acme/main", "accept");

    repository.put_manifest("index", OCI_INDEX, &index).await.is(201);
    repository.manifest(&missing.digest()).await.is(404).error("MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_registry_that_is_told_otherwise_refuses_again() {
    let (wharf, repository) = at("acme/app").await;
    let (old, new) = (Image::oci(5), Image::oci(6));
    wharf.set_missing_content("acme/main", "accept");
    repository.put_manifest("old", OCI_MANIFEST, &old.manifest).await.is(201);

    wharf.set_missing_content("acme/main", "refuse");

    repository.put_manifest("new", OCI_MANIFEST, &new.manifest).await.is(400).error("MANIFEST_BLOB_UNKNOWN");
    repository.manifest("old").await.is(200).has_body(&old.manifest);
}

#[tokio::test]
async fn one_registry_that_takes_sparse_images_speaks_for_no_other() {
    let (wharf, repository) = at("acme/app").await;
    wharf.found(&["acme/team"]).await;
    wharf.set_missing_content("acme/team", "accept");
    let image = Image::oci(7);

    repository.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.is(400).error("MANIFEST_BLOB_UNKNOWN");
    let team = repository.caller.repository("acme/team/app");
    team.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.is(201);
}

#[tokio::test]
async fn a_sparse_image_makes_nothing_readable_that_lies_elsewhere() {
    let (wharf, _repository) = at("acme/app").await;
    let image = Image::oci(8);
    wharf.admin().repository("globex/secret").push_image(&image, "v1").await;
    wharf.found(&["acme"]).await;
    wharf.set_missing_content("acme/main", "accept");
    let writer = wharf.add_user("alice", &["acme:writer"]).repository("acme/app");

    writer.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.is(201);

    for blob in image.blobs.iter().map(|blob| sha256(blob)) {
        writer.blob(&blob).await.is(404).error("BLOB_UNKNOWN");
        writer.head_blob(&blob).await.is(404);
        writer.mount(&blob, None).await.is(202);
        writer.mount(&blob, Some("acme/app")).await.is(202);
    }
}
