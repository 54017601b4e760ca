//! Clients that leave in the middle, and servers that are restarted in the middle: what arrived is kept, and the
//! status tells the true offset.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::at;
use crate::harness::media_type::OCI_MANIFEST;
use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Image, Repository, Upload, Wharf, noise, sha256};

const LENGTH: usize = 1 << 20;
const HALF: usize = LENGTH / 2;

#[tokio::test]
async fn a_push_goes_on_where_its_client_was_cut_off() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(1, LENGTH);

    let mut upload = repository.upload().await;
    leave_halfway(&upload, &content).await;
    wait_for_offset(&upload, HALF).await;
    upload.chunk("0-999", content.slice(..1_000)).await.is(416);
    upload.chunk("524288-1048575", content.slice(HALF..)).await.is(202);
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_push_in_chunked_encoding_goes_on_where_its_client_was_cut_off() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(2, LENGTH);

    let upload = repository.upload().await;
    let chunked = [("transfer-encoding", "chunked")];
    let mut exchange = Exchange::begin(&repository.caller, "PATCH", &upload.location, &chunked).await;
    exchange.send_chunk(&content[..HALF]).await;
    exchange.leave().await;
    wait_for_offset(&upload, HALF).await;
    upload.finish(&sha256(&content), content.slice(HALF..)).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

/// Clients send first and read later: a server that answers early and hangs up takes its own words back.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let (wharf, repository) = at("hello").await;
    let content = noise(6, 4 * LENGTH);
    let bearer = wharf.anonymous().with_token(&["repository:hello:pull,push"]).await;

    for _ in 0..5 {
        let mut upload = repository.upload().await;
        upload.chunk("1-4194304", content.clone()).await.is(416);
        upload.as_seen_by(&bearer).append(content.clone()).await.is(401);
        upload.status().await.is(204).has_header("range", "0-0");
    }
}

#[tokio::test]
async fn a_closing_put_that_was_cut_off_closes_nothing() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(3, LENGTH);
    let digest = sha256(&content);

    let upload = repository.upload().await;
    let path = format!("{}?digest={digest}", upload.location);
    let length = [("content-length", "1048576")];
    let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &length).await;
    exchange.send(&content[..HALF]).await;
    exchange.leave().await;
    wait_for_offset(&upload, HALF).await;
    repository.blob(&digest).await.is(404);
    upload.finish(&digest, content.slice(HALF..)).await.is(201);

    repository.blob(&digest).await.is(200).has_body(&content);
}

/// Every byte that makes it a manifest is there, but not all that were announced: it is not what its client meant.
#[tokio::test]
async fn a_manifest_that_was_cut_off_is_not_there() {
    let (_wharf, repository) = at("hello").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    let longer = (image.manifest.len() + 10).to_string();
    let (length, chunked) = (("content-length", longer.as_str()), ("transfer-encoding", "chunked"));

    for reference in ["v1", &image.digest()] {
        let path = repository.path(&format!("manifests/{reference}"));
        for framing in [length, chunked] {
            let headers = [("content-type", OCI_MANIFEST), framing];
            let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &headers).await;
            match framing == chunked {
                true => exchange.send_chunk(&image.manifest).await,
                false => exchange.send(&image.manifest).await,
            }
            let said = exchange.break_off().await;
            assert!(!said.starts_with("HTTP/1.1 2"), "{said}");
            repository.manifest("v1").await.is(404).error("MANIFEST_UNKNOWN");
            repository.manifest(&image.digest()).await.is(404).error("MANIFEST_UNKNOWN");
        }
    }

    repository.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.is(201);
}

/// Nobody knows the upload of a single POST, so that nobody could go on with it: it takes no place among the unfinished.
#[tokio::test]
async fn a_single_post_that_was_cut_off_leaves_neither_blob_nor_upload() {
    let one = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_OPEN_UPLOADS_PER_ORGANISATION", "1")];
    let wharf = Wharf::start_with(&one).await;
    let repository = wharf.admin().repository("hello");
    let content = noise(8, HALF);
    let digest = sha256(&content);
    let path = repository.path(&format!("blobs/uploads/?digest={digest}"));

    for framing in [("content-length", "1048576"), ("transfer-encoding", "chunked")] {
        let mut exchange = Exchange::begin(&repository.caller, "POST", &path, &[framing]).await;
        match framing.1 == "chunked" {
            true => exchange.send_chunk(&content).await,
            false => exchange.send(&content).await,
        }
        let said = exchange.break_off().await;
        assert!(!said.starts_with("HTTP/1.1 2"), "{said}");
        let upload = only_upload(&repository).await;
        repository.open_upload().await.is(429).error("TOOMANYREQUESTS");
        repository.blob(&digest).await.is(404).error("BLOB_UNKNOWN");
        upload.cancel().await.is(204);
    }
}

/// The one upload that may be open, once the server has noticed that the client of another has gone.
async fn only_upload(repository: &Repository) -> Upload {
    let started = Instant::now();
    loop {
        let opened = repository.open_upload().await.any_of(&[202, 429]);
        if opened.status == 202 {
            return Upload::of(repository.caller.clone(), &opened);
        }
        assert!(started.elapsed() < Duration::from_secs(10), "an upload is left that nobody knows");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Of the connection only one stream ends (RST_STREAM). The client runs ahead of the server by what the windows and its own
/// buffer hold, which is less than was taken from it here.
#[tokio::test]
async fn a_push_goes_on_where_its_stream_of_http_2_was_reset() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(9, 4 * LENGTH);
    let upload = repository.upload().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Bytes>>(1);
    let body = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let url = format!("{}{}", repository.caller.base, upload.location);
    let request = client.patch(&url).header("authorization", repository.caller.authorization().unwrap());
    let sending = tokio::spawn(request.body(reqwest::Body::wrap_stream(body)).send());

    for start in (0..2 * LENGTH).step_by(1 << 16) {
        sender.send(Ok(content.slice(start..start + (1 << 16)))).await.unwrap();
    }
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled(), "the server answered before the end");
    wait_for_offset(&upload, 1).await;

    let status = client.get(&url).header("authorization", repository.caller.authorization().unwrap());
    let status = status.send().await.unwrap();
    assert_eq!((status.status().as_u16(), status.version()), (204, reqwest::Version::HTTP_2));
    let rest = content.slice(usize::try_from(upload.offset().await).unwrap()..);
    upload.finish(&sha256(&content), rest).await.is(201);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

/// A body is as long as it was announced: what comes after it is neither its end nor the next chunk.
#[tokio::test]
async fn bytes_beyond_the_announced_length_are_not_of_the_upload() {
    let (_wharf, repository) = at("hello").await;
    let content = noise(7, 1_000);

    let upload = repository.upload().await;
    let length = [("content-length", "600")];
    let mut exchange = Exchange::begin(&upload.caller, "PATCH", &upload.location, &length).await;
    exchange.send(&content).await;
    let (status, text) = exchange.answer().await;
    assert_eq!(status, 202, "{text}");
    upload.status().await.is(204).has_header("range", "0-599");
    upload.finish(&sha256(&content), content.slice(600..)).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn an_upload_outlives_an_orderly_restart() {
    let (mut wharf, repository) = at("hello").await;
    let content = noise(4, LENGTH);

    let mut upload = repository.upload().await;
    upload.append(content.slice(..HALF)).await.is(202);
    let ended = wharf.stop().await;
    assert!(ended.success(), "an asked-for stop is no failure: {ended}");
    wharf.restart().await;
    assert_eq!(upload.offset().await, u64::try_from(HALF).unwrap());
    upload.append(content.slice(HALF..)).await.is(202);
    upload.finish(&sha256(&content), Bytes::new()).await.is(201);

    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn a_running_upload_may_finish_while_the_server_stops() {
    let (mut wharf, repository) = at("hello").await;
    let content = noise(5, LENGTH);
    let digest = sha256(&content);

    let upload = repository.upload().await;
    let path = format!("{}?digest={digest}", upload.location);
    let length = [("content-length", "1048576")];
    let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &length).await;
    exchange.send(&content[..HALF]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    wharf.signal("TERM");
    tokio::time::sleep(Duration::from_millis(300)).await;
    exchange.send(&content[HALF..]).await;
    let (status, text) = exchange.answer().await;
    assert_eq!(status, 201, "{text}");
    wharf.stop().await;
    wharf.restart().await;

    repository.blob(&digest).await.is(200).has_body(&content);
}

/// Announces the whole content, sends half of it, and closes the connection.
async fn leave_halfway(upload: &Upload, content: &[u8]) {
    let length = content.len().to_string();
    let headers = [("content-length", length.as_str()), ("content-range", "0-1048575")];
    let mut exchange = Exchange::begin(&upload.caller, "PATCH", &upload.location, &headers).await;
    exchange.send(&content[..HALF]).await;
    exchange.leave().await;
}

/// The server notices in its own time that a client has gone.
async fn wait_for_offset(upload: &Upload, least: usize) {
    let least = u64::try_from(least).unwrap();
    let started = Instant::now();
    loop {
        let offset = upload.offset().await;
        if offset >= least {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{offset} bytes were kept of {least}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
