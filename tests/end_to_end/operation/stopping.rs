//! The orderly stop: nobody new gets in, who is inside may finish, and not for ever.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Repository, Upload, Wharf, noise, sha256};

const LENGTH: usize = 1 << 20;
const HALF: usize = LENGTH / 2;

/// An upload whose closing request has sent half of its bytes.
async fn half_sent(repository: &Repository, content: &Bytes) -> (Upload, Exchange) {
    let upload = repository.upload().await;
    let path = format!("{}?digest={}", upload.location, sha256(content));
    let length = [("content-length", "1048576")];
    let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &length).await;
    exchange.send(&content[..HALF]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    (upload, exchange)
}

async fn wait_until_nobody_gets_in(wharf: &Wharf) {
    let begun = Instant::now();
    while TcpStream::connect(wharf.host()).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "a stopping server still accepts connections");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn while_a_slow_upload_finishes_nobody_new_gets_in() {
    let mut wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, LENGTH);
    let (_upload, mut exchange) = half_sent(&repository, &content).await;

    wharf.signal("TERM");
    wait_until_nobody_gets_in(&wharf).await;
    for piece in content[HALF..].chunks(HALF / 4) {
        exchange.send(piece).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(TcpStream::connect(wharf.host()).await.is_err());
    }
    let (status, text) = exchange.answer().await;
    let ended = wharf.stop().await;

    assert_eq!(status, 201, "{text}");
    assert!(ended.success(), "an asked-for stop is no failure: {ended}");
    wharf.restart().await;
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn connections_that_idle_do_not_hold_a_stop_up() {
    let mut wharf = Wharf::start().await;
    let silent = TcpStream::connect(wharf.host()).await.unwrap();
    let kept_alive = wharf.admin();
    kept_alive.get("/v2/").await.is(200);

    let begun = Instant::now();
    let ended = wharf.stop().await;

    assert!(ended.success(), "an asked-for stop is no failure: {ended}");
    assert!(begun.elapsed() < Duration::from_secs(15), "the stop took {:?}", begun.elapsed());
    drop((silent, kept_alive));
}

#[tokio::test]
async fn the_grace_ends_and_what_had_arrived_is_kept() {
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_SHUTDOWN_GRACE", "1s")];
    let mut wharf = Wharf::start_with(&settings).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(2, LENGTH);
    let (upload, exchange) = half_sent(&repository, &content).await;

    let begun = Instant::now();
    let ended = wharf.stop().await;

    assert!(ended.success(), "an asked-for stop is no failure: {ended}");
    let took = begun.elapsed();
    assert!((Duration::from_millis(900)..Duration::from_secs(15)).contains(&took), "it took {took:?}");
    drop(exchange);
    wharf.restart().await;
    repository.blob(&sha256(&content)).await.is(404);
    let offset = usize::try_from(upload.offset().await).unwrap();
    upload.finish(&sha256(&content), content.slice(offset..)).await.is(201);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
}

#[tokio::test]
async fn what_is_noted_while_others_finish_is_written_down_before_they_have() {
    let mut wharf = Wharf::start().await;
    let repository = wharf.admin().repository("acme/app");
    let (_upload, slow) = half_sent(&repository, &noise(3, LENGTH)).await;
    let body = br#"{"name":"nobody","password":"a-wrong-password"}"#;
    let length = body.len().to_string();
    let headers = [("content-length", length.as_str()), ("content-type", "application/json")];
    let mut login = Exchange::begin(&wharf.anonymous(), "POST", "/api/v1/login", &headers).await;

    wharf.signal("TERM");
    wait_until_nobody_gets_in(&wharf).await;
    login.send(body).await;
    assert_eq!(login.answer().await.0, 401);
    // It is written down every second, and the slow upload is still there.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    wharf.kill();
    drop(slow);

    wharf.restart().await;
    let found = wharf.admin().get("/api/v1/audit?action=login.refused").await.is(200).json();
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
}
