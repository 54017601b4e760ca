//! The ways a blob comes in: at once, in two steps, as a stream, in chunks, empty, and under another algorithm.

use bytes::Bytes;

use super::at;
use crate::harness::{Repository, Upload, noise, sha256, sha512};

#[tokio::test]
async fn a_blob_is_pushed_by_post_and_put() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(1, 70_000);
    let digest = sha256(&content);

    let opened = repository.open_upload().await.is(202).has_header("range", "0-0");
    assert!(opened.headers.contains_key("docker-upload-uuid"));
    assert!(!opened.location().contains('?'), "clients append ?digest= to it: {}", opened.location());
    let upload = Upload::of(repository.caller.clone(), &opened);
    let finished = upload.finish(&digest, content.clone()).await.is(201);

    assert_eq!(finished.header("docker-content-digest"), digest);
    repository.caller.get(&finished.location()).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_blob_is_pushed_as_a_stream_of_unknown_length() {
    let (_wharf, repository) = at("acme/app").await;
    let content = noise(2, 300_000);
    let pieces = content.chunks(10_007).map(Bytes::copy_from_slice).collect();

    let mut upload = repository.upload().await;
    upload.stream(pieces).await.is(202).has_header("range", "0-299999");
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_blob_is_pushed_in_three_chunks() {
    let (_wharf, repository) = at("acme/team/app").await;
    let content = noise(3, 3_000);

    let mut upload = repository.upload().await;
    for (range, start) in [("0-999", 0), ("1000-1999", 1_000), ("2000-2999", 2_000)] {
        let answer = upload.chunk(range, content.slice(start..start + 1_000)).await.is(202);
        assert_eq!(answer.header("range"), format!("0-{}", start + 999));
    }
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn the_closing_put_may_bring_the_last_chunk() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(4, 2_000);

    let mut upload = repository.upload().await;
    upload.chunk("0-1499", content.slice(..1_500)).await.is(202);
    upload.finish_at(&sha256(&content), "1500-1999", content.slice(1_500..)).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_single_post_stores_a_blob() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(5, 5_000);
    let path = repository.path(&format!("blobs/uploads/?digest={}", sha256(&content)));

    let stored = repository.caller.request("POST", &path).body(content.clone()).send().await.is(201);

    assert_eq!(stored.header("docker-content-digest"), sha256(&content));
    repository.caller.get(&stored.location()).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_single_post_with_a_wrong_digest_stores_nothing() {
    let (_wharf, repository) = at("hello").await;
    let wrong = sha256(b"something else");
    let path = repository.path(&format!("blobs/uploads/?digest={wrong}"));

    let refused = repository.caller.request("POST", &path).body(noise(6, 5_000)).send().await;

    refused.is(400).error("DIGEST_INVALID");
    repository.blob(&wrong).await.is(404).error("BLOB_UNKNOWN");
}

#[tokio::test]
async fn empty_and_tiny_blobs_are_blobs() {
    let (_wharf, repository) = at("hello").await;

    for content in [Bytes::new(), Bytes::from_static(b"{}")] {
        for digest in [sha256(&content), sha512(&content)] {
            repository.upload().await.finish(&digest, content.clone()).await.is(201);
            let answer = repository.blob(&digest).await.is(200).has_body(&content);
            assert_eq!(answer.header("content-length"), content.len().to_string());
            repository.head_blob(&digest).await.is(200).has_header("docker-content-digest", &digest);
        }
    }
}

/// An upload whose bytes are hashed with this algorithm.
async fn announced(repository: &Repository, algorithm: &str) -> Upload {
    let path = repository.path(&format!("blobs/uploads/?digest-algorithm={algorithm}"));
    Upload::of(repository.caller.clone(), &repository.caller.post(&path).await.is(202))
}

#[tokio::test]
async fn sha512_may_be_announced() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(7, 100_000);

    let mut upload = announced(&repository, "sha512").await;
    upload.append(content.slice(..60_000)).await.is(202);
    let finished = upload.finish(&sha512(&content), content.slice(60_000..)).await.is(201);

    assert_eq!(finished.header("docker-content-digest"), sha512(&content));
    repository.blob(&sha512(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn sha512_may_come_as_a_surprise_at_the_end() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(8, 100_000);

    let mut upload = repository.upload().await;
    upload.append(content.slice(..60_000)).await.is(202);
    upload.finish(&sha512(&content), content.slice(60_000..)).await.is(201);

    let answer = repository.blob(&sha512(&content)).await.is(200).has_body(&content);
    assert_eq!(answer.header("docker-content-digest"), sha512(&content));
}

#[tokio::test]
async fn an_upload_may_be_closed_by_another_algorithm_than_was_announced() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(13, 100_000);

    for (algorithm, digest) in [("sha512", sha256(&content)), ("sha256", sha512(&content))] {
        let mut upload = announced(&repository, algorithm).await;
        upload.append(content.slice(..60_000)).await.is(202);
        repository.blob(&digest).await.is(404);
        let finished = upload.finish(&digest, content.slice(60_000..)).await.is(201);

        assert_eq!(finished.header("docker-content-digest"), digest);
        let answer = repository.caller.get(&finished.location()).await.is(200).has_body(&content);
        assert_eq!(answer.header("docker-content-digest"), digest);
    }
}

#[tokio::test]
async fn a_wrong_digest_is_refused_whichever_algorithm_was_announced_and_the_upload_goes_on() {
    let (_wharf, repository) = at("hello").await;
    let (content, other) = (noise(14, 100_000), noise(15, 100_000));

    for algorithm in ["sha256", "sha512"] {
        for wrong in [sha256(&other), sha512(&other)] {
            let mut upload = announced(&repository, algorithm).await;
            upload.append(content.clone()).await.is(202);
            upload.finish(&wrong, Bytes::new()).await.is(400).error("DIGEST_INVALID");
            repository.blob(&wrong).await.is(404).error("BLOB_UNKNOWN");
            upload.status().await.is(204).has_header("range", "0-99999");
            let right = if wrong.starts_with("sha256") { sha256(&content) } else { sha512(&content) };
            upload.finish(&right, Bytes::new()).await.is(201);
            repository.blob(&right).await.is(200).has_body(&content);
        }
    }
    for wrong in [sha256(&other), sha512(&other)] {
        let whole = repository.path(&format!("blobs/uploads/?digest={wrong}"));
        let pushed = repository.caller.request("POST", &whole).body(content.clone()).send().await;
        pushed.is(400).error("DIGEST_INVALID");
        repository.blob(&wrong).await.is(404);
    }
}

#[tokio::test]
async fn one_content_under_two_algorithms_is_two_blobs() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(9, 1_000);

    repository.push_blob(&content).await;

    repository.blob(&sha256(&content)).await.is(200);
    repository.blob(&sha512(&content)).await.is(404).error("BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_unknown_algorithm_cannot_be_announced() {
    let (_wharf, repository) = at("hello").await;
    let path = repository.path("blobs/uploads/?digest-algorithm=md5");

    repository.caller.post(&path).await.is(400).first_error();
}

#[tokio::test]
async fn a_blob_that_is_there_may_be_pushed_again() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(10, 4_000);

    let (first, second) = (repository.upload().await, repository.upload().await);
    first.finish(&sha256(&content), content.clone()).await.is(201);
    second.finish(&sha256(&content), content.clone()).await.is(201);
    repository.push_blob(&content).await;

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_cancelled_upload_is_gone() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(11, 4_000);

    let mut upload = repository.upload().await;
    upload.append(content.clone()).await.is(202);
    upload.cancel().await.is(204);

    upload.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    upload.finish(&sha256(&content), Bytes::new()).await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    upload.cancel().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
    repository.blob(&sha256(&content)).await.is(404);
}

#[tokio::test]
async fn a_finished_upload_is_gone() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(12, 4_000);

    let upload = repository.upload().await;
    upload.finish(&sha256(&content), content).await.is(201);

    upload.status().await.is(404).error("BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn an_upload_that_never_was_is_unknown() {
    let (_wharf, repository) = at("hello").await;
    repository.push_empty_index(&["v1"]).await;

    for id in ["00000000-0000-7000-8000-000000000000", "not-an-id", "1"] {
        let path = repository.path(&format!("blobs/uploads/{id}"));
        repository.caller.get(&path).await.any_of(&[400, 404]).first_error();
    }
}
