//! Uploads into a bucket: in one go, in chunks of every size, across restarts, under digests nobody announced.

use bytes::Bytes;

use crate::harness::{noise, sha256, sha512};

use super::at;

const MEBIBYTE: usize = 1 << 20;

#[tokio::test]
async fn chunks_of_any_size_become_one_blob() {
    let Some((_wharf, repository)) = at("").await else { return };
    let content = noise(1, 12 * MEBIBYTE);
    let opened = repository.open_upload().await.is(202).has_header("oci-chunk-min-length", "5242880");

    let mut upload = crate::harness::Upload::of(repository.caller.clone(), &opened);
    let mut start = 0;
    for end in [1, 6 * MEBIBYTE, 11 * MEBIBYTE - 1, 11 * MEBIBYTE] {
        upload.append(content.slice(start..end)).await.is(202).has_header("range", &format!("0-{}", end - 1));
        start = end;
    }
    upload.finish(&sha256(&content), content.slice(start..)).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    let part = repository.caller.request("GET", &repository.path(&format!("blobs/{}", sha256(&content))));
    let part = part.header("range", "bytes=5242879-5242881").send().await;
    part.is(206).has_body(&content.slice(5_242_879..5_242_882));
}

/// What the server asks for, to the byte: no chunk leaves anything behind, and the last one may be empty.
#[tokio::test]
async fn chunks_of_exactly_a_part_become_one_blob() {
    let Some((_wharf, repository)) = at("").await else { return };
    let content = noise(6, 10 * MEBIBYTE);
    let part = 5 * MEBIBYTE;

    let mut upload = repository.upload().await;
    upload.chunk("0-5242879", content.slice(..part)).await.is(202).has_header("range", "0-5242879");
    upload.chunk("5242880-10485759", content.slice(part..)).await.is(202).has_header("range", "0-10485759");
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);
    let alone = content.slice(part..);
    let mut upload = repository.upload().await;
    upload.append(alone.clone()).await.is(202);
    upload.finish(&sha256(&alone), Bytes::new()).await.is(201);

    for content in [content, alone] {
        repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    }
}

#[tokio::test]
async fn an_upload_goes_on_after_a_crash_without_losing_a_byte() {
    let Some((mut wharf, repository)) = at("").await else { return };
    let content = noise(2, 7 * MEBIBYTE);
    let mut upload = repository.upload().await;
    upload.append(content.slice(..6 * MEBIBYTE)).await.is(202);

    wharf.kill();
    wharf.restart().await;

    assert_eq!(upload.offset().await, 6 * MEBIBYTE as u64);
    upload.append(content.slice(6 * MEBIBYTE..7 * MEBIBYTE - 5)).await.is(202);
    wharf.kill();
    wharf.restart().await;
    upload.finish(&sha256(&content), content.slice(7 * MEBIBYTE - 5..)).await.is(201);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_digest_nobody_announced_is_compared_with_what_is_stored() {
    let Some((_wharf, repository)) = at("").await else { return };
    for (seed, length) in [(3, 1_000), (4, 6 * MEBIBYTE)] {
        let content = noise(seed, length);
        let mut upload = repository.upload().await;
        upload.append(content.clone()).await.is(202);
        let wrong = upload.finish(&sha512(b"other bytes"), Bytes::new()).await.is(400);
        wrong.error("DIGEST_INVALID");
        // The bytes are joined by then; what was said about them is all that was wrong.
        upload.finish(&sha512(&content), Bytes::new()).await.is(201);
        repository.blob(&sha512(&content)).await.is(200).has_body(&content);
    }
}

#[tokio::test]
async fn a_wrong_digest_leaves_an_upload_that_goes_on() {
    let Some((_wharf, repository)) = at("").await else { return };
    let content = noise(5, 6 * MEBIBYTE);
    let mut upload = repository.upload().await;
    upload.append(content.slice(..100)).await.is(202);

    upload.finish(&sha256(b"other bytes"), content.slice(100..)).await.is(400).error("DIGEST_INVALID");

    assert_eq!(upload.offset().await, content.len() as u64);
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}
