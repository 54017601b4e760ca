//! Chunks that do not fit, and digests that do not: each is refused in words, and the upload goes on.

use bytes::Bytes;

use super::at;
use crate::harness::{noise, sha256};

#[tokio::test]
async fn a_status_tells_how_far_an_upload_came() {
    let (_wharf, repository) = at("hello").await;

    let mut upload = repository.upload().await;
    upload.status().await.is(204).has_header("range", "0-0");
    upload.append(noise(1, 777)).await.is(202);

    let status = upload.status().await.is(204).has_header("range", "0-776");
    assert!(status.location().contains("/blobs/uploads/"));
}

#[tokio::test]
async fn a_chunk_out_of_order_is_refused_and_the_upload_goes_on() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(2, 3_000);

    let mut upload = repository.upload().await;
    upload.chunk("1000-1999", content.slice(1_000..2_000)).await.is(416);
    upload.status().await.is(204).has_header("range", "0-0");
    upload.chunk("0-999", content.slice(..1_000)).await.is(202);
    upload.chunk("0-999", content.slice(..1_000)).await.is(416).first_error();
    upload.chunk("2000-2999", content.slice(2_000..)).await.is(416);
    upload.status().await.is(204).has_header("range", "0-999");
    upload.chunk("1000-2999", content.slice(1_000..)).await.is(202);
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_closing_chunk_out_of_order_is_refused_and_the_upload_goes_on() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(3, 2_000);
    let digest = sha256(&content);

    let mut upload = repository.upload().await;
    upload.chunk("0-999", content.slice(..1_000)).await.is(202);
    upload.finish_at(&digest, "1500-1999", content.slice(1_500..)).await.is(416).first_error();
    let with_digest = format!("{}?digest={digest}", upload.location);
    repository.caller.get(&with_digest).await.is(204).has_header("range", "0-999");
    upload.finish_at(&digest, "1000-1999", content.slice(1_000..)).await.is(201);

    repository.blob(&digest).await.is(200).has_body(&content);
}

#[tokio::test]
async fn only_the_start_of_a_chunks_range_counts() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(4, 96);

    let mut upload = repository.upload().await;
    upload.chunk("0-31", content.slice(..32)).await.is(202);
    upload.chunk("32-31", content.slice(32..64)).await.is(202).has_header("range", "0-63");
    upload.chunk("64-9999", content.slice(64..)).await.is(202).has_header("range", "0-95");
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_range_that_is_none_is_refused() {
    let (_wharf, repository) = at("hello").await;

    for range in ["bytes 0-9/10", "text", "-5", "0", "99999999999999999999-1"] {
        let mut upload = repository.upload().await;
        upload.chunk(range, noise(5, 10)).await.any_of(&[400, 416]).first_error();
        assert_eq!(upload.offset().await, 0, "{range:?} moved the upload");
    }
}

#[tokio::test]
async fn a_wrong_closing_digest_is_refused_and_the_upload_goes_on() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(6, 5_000);
    let wrong = sha256(b"other bytes");

    let mut upload = repository.upload().await;
    upload.append(content.slice(..4_000)).await.is(202);
    upload.finish(&wrong, Bytes::new()).await.is(400).error("DIGEST_INVALID");
    upload.status().await.is(204).has_header("range", "0-3999");
    upload.chunk("4000-4999", content.slice(4_000..)).await.is(202);
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    repository.blob(&wrong).await.is(404);
}

#[tokio::test]
async fn a_wrong_digest_on_the_whole_body_is_refused_and_the_upload_goes_on() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(7, 5_000);

    let upload = repository.upload().await;
    upload.finish(&sha256(b"other bytes"), content.clone()).await.is(400).error("DIGEST_INVALID");
    let kept = upload.offset().await;
    let rest = content.slice(usize::try_from(kept).unwrap()..);
    upload.finish(&sha256(&content), rest).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_closing_digest_that_is_none_is_refused() {
    let (_wharf, repository) = at("hello").await;
    let short = "sha256:abc".to_owned();
    let upper = sha256(b"x").to_uppercase().replace("SHA256", "sha256");

    for digest in
        ["sha256:baddigeststring", "", "sha256", &short, &upper, "md5:d41d8cd98f00b204e9800998ecf8427e"]
    {
        let upload = repository.upload().await;
        upload.finish(digest, noise(8, 10)).await.is(400).error("DIGEST_INVALID");
        upload.status().await.is(204);
    }
}

#[tokio::test]
async fn an_upload_closed_without_a_digest_is_refused_and_goes_on() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(9, 10);

    let upload = repository.upload().await;
    let closing = repository.caller.request("PUT", &upload.location).header("content-length", "0");
    closing.send().await.is(400).error("DIGEST_INVALID");

    upload.finish(&sha256(&content), content.clone()).await.is(201);
}
