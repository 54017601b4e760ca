//! `?ns=`, by which a client names the registry it means behind a proxy: no registry here is one yet.

use super::at;
use crate::harness::{Image, sha256};

#[tokio::test]
async fn the_name_of_a_source_is_ignored_on_pulls() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    let manifest = repository.push_image(&image, "v1").await;
    let blob = sha256(&image.blobs[0]);

    for source in ["images.example", "images.example%3A5000", "", "%00", "a&ns=b"] {
        for (path, content) in [
            ("manifests/v1".to_owned(), &image.manifest),
            (format!("manifests/{manifest}"), &image.manifest),
            (format!("blobs/{blob}"), &image.blobs[0]),
        ] {
            let path = repository.path(&format!("{path}?ns={source}"));
            let whole = repository.caller.get(&path).await.is(200).has_body(content);
            whole.lacks_header("oci-namespace");
            repository.caller.head(&path).await.is(200).lacks_header("oci-namespace");
        }
        let query = format!("?ns={source}");
        repository.tags(&query).await.is(200).lacks_header("oci-namespace");
        repository.referrers(&manifest, &query).await.is(200).lacks_header("oci-namespace");
    }
}

#[tokio::test]
async fn the_name_of_a_source_finds_nothing_that_is_not_here() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["v1"]).await;

    let absent = repository.manifest("v2?ns=images.example").await.is(404).error("MANIFEST_UNKNOWN");

    absent.lacks_header("oci-namespace");
}
