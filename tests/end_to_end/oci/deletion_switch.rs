//! Deletion switched off: nothing that was pushed goes away, by any form of the request (CVE-2026-41888).

use crate::harness::{ADMIN_PASSWORD, Image, Repository, Wharf, noise, sha256};

/// A server that deletes nothing, with an image under `v1`.
async fn kept() -> (Wharf, Repository, Image) {
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_DELETION", "off")];
    let wharf = Wharf::start_with(&settings).await;
    let (repository, image) = (wharf.admin().repository("acme/app"), Image::oci(1));
    repository.push_image(&image, "v1").await;
    (wharf, repository, image)
}

#[tokio::test]
async fn tags_manifests_and_blobs_stay_where_deletion_is_off() {
    let (_wharf, repository, image) = kept().await;
    let blob = sha256(&image.blobs[0]);

    repository.delete_manifest("v1").await.is(405).error("UNSUPPORTED");
    repository.delete_manifest(&image.digest()).await.is(405).error("UNSUPPORTED");
    repository.delete_blob(&blob).await.is(405).error("UNSUPPORTED");

    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    repository.manifest(&image.digest()).await.is(200).has_body(&image.manifest);
    repository.blob(&blob).await.is(200).has_body(&image.blobs[0]);
    assert_eq!(repository.tags("").await.json()["tags"], serde_json::json!(["v1"]));
}

#[tokio::test]
async fn the_switch_tells_nobody_what_is_there() {
    let (wharf, operators, image) = kept().await;
    let blob = sha256(&image.blobs[0]);
    let callers = [
        (wharf.anonymous(), 401),
        (wharf.add_user("sam", &[]), 404),
        (wharf.add_user("vera", &["acme:viewer"]), 403),
        (wharf.add_user("ada", &["acme:admin"]), 405),
    ];

    for (caller, status) in callers {
        let repository = caller.repository(&operators.name);
        repository.delete_manifest("v1").await.is(status);
        repository.delete_manifest(&image.digest()).await.is(status);
        repository.delete_blob(&blob).await.is(status);
    }
}

#[tokio::test]
async fn an_upload_can_be_cancelled_where_deletion_is_off() {
    let (_wharf, repository, _image) = kept().await;
    let mut upload = repository.upload().await;
    upload.append(noise(1, 100)).await.is(202);

    upload.cancel().await.is(204);

    upload.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_tag_still_moves_where_deletion_is_off() {
    let (_wharf, repository, old) = kept().await;
    let new = Image::oci(2);

    repository.push_image(&new, "v1").await;

    repository.manifest("v1").await.is(200).has_body(&new.manifest);
    repository.manifest(&old.digest()).await.is(200).has_body(&old.manifest);
}
