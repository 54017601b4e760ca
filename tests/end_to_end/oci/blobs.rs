//! Reading blobs: what stands in the head, and that HEAD says what GET would.

use super::at;
use crate::harness::media_type::OCI_INDEX;
use crate::harness::{Image, noise, sha256, sha512};

#[tokio::test]
async fn a_blob_is_served_with_its_length_and_digest() {
    let (_wharf, repository) = at("acme/app").await;
    let content = noise(1, 123_456);
    let digest = repository.push_blob(&content).await;

    let answer = repository.blob(&digest).await.is(200).has_body(&content);

    assert_eq!(answer.header("content-length"), "123456");
    assert_eq!(answer.header("docker-content-digest"), digest);
    answer.lacks_header("transfer-encoding");
}

#[tokio::test]
async fn head_of_a_blob_says_what_get_would() {
    let (_wharf, repository) = at("acme/app").await;
    let digest = repository.push_blob(&noise(2, 123_456)).await;

    let head = repository.head_blob(&digest).await.is(200).has_body(b"");

    let get = repository.blob(&digest).await;
    for name in ["content-length", "content-type", "docker-content-digest", "accept-ranges", "etag"] {
        assert_eq!(head.headers.get(name), get.headers.get(name), "{name}");
    }
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_unknown() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["v1"]).await;

    for digest in [sha256(b"never pushed"), sha512(b"never pushed")] {
        repository.blob(&digest).await.is(404).error("BLOB_UNKNOWN");
        repository.head_blob(&digest).await.is(404).has_body(b"");
    }
}

#[tokio::test]
async fn a_blob_of_a_repository_that_never_was_is_not_found() {
    let (_wharf, repository) = at("acme/app").await;

    let answer = repository.blob(&sha256(b"never pushed")).await.is(404);

    answer.error_any_of(&["BLOB_UNKNOWN", "NAME_UNKNOWN"]);
}

#[tokio::test]
async fn a_blob_is_not_served_by_another_repository() {
    let (_wharf, repository) = at("acme/app").await;
    let digest = repository.push_blob(&noise(3, 1_000)).await;
    let other = repository.caller.repository("acme/other");
    other.push_blob(&noise(4, 1_000)).await;

    other.blob(&digest).await.is(404).error("BLOB_UNKNOWN");
    other.head_blob(&digest).await.is(404);
}

#[tokio::test]
async fn a_digest_that_is_none_is_refused() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["v1"]).await;

    for digest in ["sha256:baddigeststring", "sha256:", "sha256", "nothing:at:all", &sha256(b"x")[..70]] {
        let refused = repository.blob(digest).await.any_of(&[400, 404]);
        refused.error_any_of(&["DIGEST_INVALID", "BLOB_UNKNOWN", "NAME_INVALID"]);
        repository.head_blob(digest).await.any_of(&[400, 404]);
        repository.delete_blob(digest).await.any_of(&[400, 404]).first_error();
    }
}

/// Another algorithm, another case, another length: at every door that takes a digest.
#[tokio::test]
async fn a_digest_outside_the_grammar_is_refused_at_every_door() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["v1"]).await;
    let hex = &sha256(b"x")[7..];
    let index = Image::index(OCI_INDEX, &[]);

    for digest in [
        format!("sha256:{}", hex.to_uppercase()),
        format!("SHA256:{hex}"),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha512:{hex}"),
        format!("sha384:{hex}{}", &hex[..32]),
        format!("md5:{}", &hex[..32]),
        format!("sha256+b64:{hex}"),
    ] {
        repository.blob(&digest).await.is(400).error("DIGEST_INVALID");
        repository.manifest(&digest).await.is(400).error("DIGEST_INVALID");
        repository.head_manifest(&digest).await.is(400).has_body(b"");
        repository.head_blob(&digest).await.is(400).has_body(b"");
        repository.put_manifest(&digest, OCI_INDEX, &index).await.is(400).error("DIGEST_INVALID");
        repository.delete_manifest(&digest).await.is(400).error("DIGEST_INVALID");
        repository.referrers(&digest, "").await.is(400).error("DIGEST_INVALID");
        repository.delete_blob(&digest).await.is(400).error("DIGEST_INVALID");
        let encoded = digest.replace('+', "%2B");
        repository.mount(&encoded, Some("acme/app")).await.is(400).error("DIGEST_INVALID");
        let whole = repository.path(&format!("blobs/uploads/?digest={encoded}"));
        let pushed = repository.caller.request("POST", &whole).body("x").send().await;
        pushed.is(400).error("DIGEST_INVALID");
    }
    repository.manifest("v1").await.is(200).has_body(&index);
}

#[tokio::test]
async fn every_spelling_of_a_name_reaches_the_same_repository() {
    let (_wharf, short) = at("hello").await;
    let content = noise(5, 1_000);
    let digest = short.push_blob(&content).await;
    for long in ["library/hello", "library/main/hello"] {
        short.caller.repository(long).blob(&digest).await.is(200).has_body(&content);
    }

    let digest = short.caller.repository("acme/main/app").push_blob(&content).await;
    let finished = short.caller.repository("acme/app").blob(&digest).await.is(200);
    finished.has_body(&content);
}
