//! Turns of bodies at the doors of `/v2`: who comes while all are taken waits for a moment, and only then is told to
//! come again.

use std::time::{Duration, Instant};

use super::limits::limited;
use crate::harness::media_type::OCI_INDEX;
use crate::harness::raw::Exchange;
use crate::harness::{Answer, Image, Repository, Wharf, noise, sha256};

/// A chunk that has begun and does not end: it has a turn as long as it stands.
async fn hold_a_turn(wharf: &Wharf, repository: &Repository) -> Exchange {
    let upload = repository.upload().await;
    let length = [("content-length", "1000")];
    let mut held = Exchange::begin(&repository.caller, "PATCH", &upload.location, &length).await;
    held.send(b"and then nothing").await;
    wharf.metric_reaches("wharf_turns_held", 1.0).await;
    held
}

async fn push_manifest(repository: Repository) -> Answer {
    let index = Image::index(OCI_INDEX, &[]);
    repository.put_manifest("v1", OCI_INDEX, &index).await
}

#[tokio::test]
async fn a_manifest_waits_for_its_turn_and_is_taken_once_there_is_one() {
    let wharf = limited(&[("WHARF_UPLOADS", "1")]).await;
    wharf.found(&["acme", "other"]).await;
    let held = hold_a_turn(&wharf, &wharf.admin().repository("acme/app")).await;

    // The last turn of all is nobody's in particular.
    let waiting = tokio::spawn(push_manifest(wharf.admin().repository("other/app")));
    // The chunk, the manifest and the scrape itself.
    wharf.metric_reaches("wharf_http_requests_running", 3.0).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished(), "it did not wait");

    held.leave().await;
    waiting.await.unwrap().is(201);
    assert_eq!(wharf.metric("wharf_turns_refused_total").await, 0.0);
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_is_told_when_to_come_again() {
    let wharf = limited(&[("WHARF_UPLOADS", "1")]).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 1_000);
    let digest = sha256(&content);
    let (mut chunk, closing) = (repository.upload().await, repository.upload().await);
    let held = hold_a_turn(&wharf, &repository).await;

    let begun = Instant::now();
    let whole = repository.path(&format!("blobs/uploads/?digest={digest}"));
    let (manifest, whole, chunked, closed) = tokio::join!(
        push_manifest(repository.clone()),
        repository.caller.request("POST", &whole).body(content.clone()).send(),
        chunk.append(content.clone()),
        closing.finish(&digest, content.clone()),
    );

    assert!(begun.elapsed() >= Duration::from_secs(9), "it was told so after {:?}", begun.elapsed());
    for refused in [manifest, whole, chunked, closed] {
        let refused = refused.is(429).error("TOOMANYREQUESTS");
        let seconds: u32 = refused.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{refused:?}");
    }
    assert_eq!(wharf.metric("wharf_turns_refused_total").await, 4.0);

    held.leave().await;
    push_manifest(repository.clone()).await.is(201);
    chunk.append(content.clone()).await.is(202);
    closing.finish(&digest, content.clone()).await.is(201);
    chunk.finish(&digest, "".into()).await.is(201);
}

#[tokio::test]
async fn an_organisation_that_has_all_its_turns_holds_no_other_up() {
    let wharf = limited(&[("WHARF_UPLOADS", "2"), ("WHARF_UPLOADS_PER_ORGANISATION", "1")]).await;
    wharf.found(&["acme", "other"]).await;
    let held = hold_a_turn(&wharf, &wharf.admin().repository("acme/app")).await;
    let waiting = tokio::spawn(push_manifest(wharf.admin().repository("acme/app")));
    wharf.metric_reaches("wharf_http_requests_running", 3.0).await;

    let begun = Instant::now();
    push_manifest(wharf.admin().repository("other/app")).await.is(201);

    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    assert!(!waiting.is_finished(), "one organisation had two turns");
    held.leave().await;
    waiting.await.unwrap().is(201);
}
