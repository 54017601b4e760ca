//! Manifests that are refused: with the right code, before they cost memory, and leaving nothing behind.

use bytes::Bytes;
use serde_json::{Value, json};

use super::at;
use crate::harness::media_type::{DOCKER_MANIFEST, DOCKER_SCHEMA_1, OCI_INDEX, OCI_LAYER, OCI_MANIFEST};
use crate::harness::raw::Exchange;
use crate::harness::{Image, Repository, descriptor, sha256, sha512};

const LIMIT: usize = 4 << 20;

/// The manifest must be refused with this code, and neither tag nor manifest may be there afterwards.
async fn refused(repository: &Repository, media_type: &str, manifest: &Bytes, code: &str) {
    repository.put_manifest("refused", media_type, manifest).await.is(400).error(code);
    repository.manifest("refused").await.is(404);
    repository.manifest(&sha256(manifest)).await.is(404);
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let (_wharf, repository) = at("hello").await;

    for text in
        ["", "not json", "{", "[]", "null", "\"text\"", "{}", r#"{"schemaVersion":2}"#, "{\"a\":\"\\ud800\"}"]
    {
        refused(&repository, OCI_MANIFEST, &Bytes::from(text), "MANIFEST_INVALID").await;
    }
    refused(&repository, OCI_MANIFEST, &Bytes::from_static(b"\xff\xfe{}"), "MANIFEST_INVALID").await;
    let image = Image::oci(10);
    repository.push_blobs_of(&image).await;
    let not_utf_8 = [&image.manifest[..image.manifest.len() - 1], b",\"unread\":\"\xff\"}"].concat();
    refused(&repository, OCI_MANIFEST, &Bytes::from(not_utf_8), "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn json_ten_thousand_levels_deep_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    let text = String::from_utf8(image.manifest.to_vec()).unwrap();
    let manifest = Bytes::from(format!("{{\"deep\":{deep},{}", &text[1..]));

    refused(&repository, OCI_MANIFEST, &manifest, "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn a_manifest_whose_blob_is_missing_is_refused_by_name() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(2);
    repository.push_blob(&image.blobs[0]).await;
    repository.push_blob(&image.blobs[1]).await;
    let missing = sha256(&image.blobs[2]);

    let answer = repository.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.any_of(&[400, 404]);

    let answer = answer.error("MANIFEST_BLOB_UNKNOWN");
    let detail = answer.first_error()["detail"].to_string();
    assert!(detail.contains(&missing), "the detail does not name {missing}: {detail}");
    repository.manifest("v1").await.is(404).error("MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_index_whose_manifest_is_missing_is_refused_by_name() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(3);
    let index = Image::index(OCI_INDEX, &[&image]);

    let answer = repository.put_manifest("v1", OCI_INDEX, &index).await.any_of(&[400, 404]);

    let detail = answer.first_error()["detail"].to_string();
    assert!(detail.contains(&image.digest()), "the detail does not name {}: {detail}", image.digest());
    repository.manifest("v1").await.is(404);
}

#[tokio::test]
async fn a_blob_of_another_repository_is_missing_here() {
    let (_wharf, elsewhere) = at("acme/elsewhere").await;
    let image = Image::oci(4);
    elsewhere.push_image(&image, "v1").await;
    let here = elsewhere.caller.repository("acme/here");

    let answer = here.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.any_of(&[400, 404]);

    answer.error("MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_document_that_is_image_and_index_at_once_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(5).edited(|manifest| manifest["manifests"] = json!([]));
    repository.push_blobs_of(&image).await;

    refused(&repository, OCI_MANIFEST, &image.manifest, "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn a_body_that_calls_itself_something_else_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(6);
    repository.push_blobs_of(&image).await;

    refused(&repository, DOCKER_MANIFEST, &image.manifest, "MANIFEST_INVALID").await;
    refused(&repository, OCI_INDEX, &image.manifest, "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn dockers_first_schema_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let schema_1 = json!({"schemaVersion": 1, "name": "hello", "tag": "v1", "fsLayers": [], "history": []});

    refused(&repository, DOCKER_SCHEMA_1, &Bytes::from(schema_1.to_string()), "MANIFEST_INVALID").await;
}

#[tokio::test]
async fn a_descriptor_with_a_digest_that_is_none_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(7).edited(|manifest| manifest["config"]["digest"] = json!("sha256:short"));

    let answer = repository.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.any_of(&[400, 404]);

    answer.error_any_of(&["MANIFEST_INVALID", "DIGEST_INVALID", "MANIFEST_BLOB_UNKNOWN"]);
}

#[tokio::test]
async fn a_manifest_under_the_digest_of_other_bytes_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(8);
    repository.push_blobs_of(&image).await;

    for digest in [sha256(b"other bytes"), sha512(b"other bytes"), "sha256:baddigeststring".to_owned()] {
        let answer = repository.put_manifest(&digest, OCI_MANIFEST, &image.manifest).await.is(400);
        answer.error("DIGEST_INVALID");
        repository.manifest(&digest).await.any_of(&[400, 404]);
    }
}

#[tokio::test]
async fn a_tag_that_is_none_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(9);
    repository.push_blobs_of(&image).await;

    for tag in [".hidden", "-dash", "with+plus", "with~tilde", &"x".repeat(129)] {
        repository.put_manifest(tag, OCI_MANIFEST, &image.manifest).await.any_of(&[400, 404]).first_error();
    }
    repository.put_manifest(&"x".repeat(128), OCI_MANIFEST, &image.manifest).await.is(201);
}

#[tokio::test]
async fn a_manifest_above_the_limit_is_refused_before_its_body_comes() {
    let (_wharf, repository) = at("hello").await;
    let length = (LIMIT + 1).to_string();
    let headers = [("content-length", length.as_str()), ("content-type", OCI_MANIFEST)];
    let path = repository.path("manifests/v1");

    let exchange = Exchange::begin(&repository.caller, "PUT", &path, &headers).await;

    let (status, text) = exchange.answer().await;
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("\"errors\""), "not in the shape of the protocol: {text}");
}

#[tokio::test]
async fn a_manifest_of_unknown_length_is_refused_where_it_passes_the_limit() {
    let (_wharf, repository) = at("hello").await;
    let headers = [("transfer-encoding", "chunked"), ("content-type", OCI_MANIFEST)];
    let path = repository.path("manifests/v1");

    let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &headers).await;
    exchange.send_chunk(&vec![b' '; LIMIT]).await;
    exchange.send_chunk(b"  ").await;

    let (status, text) = exchange.answer().await;
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("\"errors\""), "not in the shape of the protocol: {text}");
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_unknown() {
    let (_wharf, repository) = at("hello").await;
    repository.push_empty_index(&["v1"]).await;

    for reference in ["v2", &sha256(b"never pushed"), &sha512(b"never pushed")] {
        repository.manifest(reference).await.is(404).error("MANIFEST_UNKNOWN");
        repository.head_manifest(reference).await.is(404).has_body(b"");
    }
    repository.manifest("sha256:baddigeststring").await.any_of(&[400, 404]).first_error();
}

#[tokio::test]
async fn a_refusal_names_some_of_very_many_missing_contents() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    let layer = |number: usize| descriptor(OCI_LAYER, number.to_string().as_bytes());
    let many = image.edited(|manifest| manifest["layers"] = (0..5_000).map(|n| layer(n % 2_500)).collect());

    let refusal = repository.put_manifest("v1", many.media_type, &many.manifest).await.is(400);

    let refusal = refusal.error("MANIFEST_BLOB_UNKNOWN").first_error();
    let named: std::collections::BTreeSet<_> =
        refusal["detail"]["digests"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(named.len(), 100);
    repository.manifest("v1").await.is(404);
}
