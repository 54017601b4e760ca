//! Connections that say nothing: let go after `header_timeout`, and only they.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Caller, Wharf, free_port, metric_of, noise, sha256};

async fn impatient() -> Wharf {
    Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_HEADER_TIMEOUT", "1s")]).await
}

/// Waits until the server closes the connection and says how long that took.
async fn closed_after(mut stream: TcpStream) -> Duration {
    let begun = Instant::now();
    let mut said = Vec::new();
    // A reset closes it as well as an end does.
    let end = timeout(Duration::from_secs(15), stream.read_to_end(&mut said)).await;
    assert!(end.is_ok(), "the connection is still open after 15 s");
    begun.elapsed()
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let wharf = impatient().await;

    let took = closed_after(TcpStream::connect(wharf.host()).await.unwrap()).await;

    assert!(took >= Duration::from_millis(900), "it was closed after {took:?}");
    assert_eq!(wharf.metric("wharf_heads_timed_out_total").await, 1.0);
}

#[tokio::test]
async fn a_connection_that_never_ends_its_head_is_closed() {
    let wharf = impatient().await;
    let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: wharf.example\r\n").await.unwrap();

    closed_after(stream).await;

    assert_eq!(wharf.metric("wharf_heads_timed_out_total").await, 1.0);
}

#[tokio::test]
async fn a_connection_that_sends_its_head_drop_by_drop_is_closed() {
    let wharf = impatient().await;
    let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
    let begun = Instant::now();

    while begun.elapsed() < Duration::from_secs(15) {
        if stream.write_all(b"x").await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the connection is still open after 15 s");
}

#[tokio::test]
async fn a_body_may_pause_for_longer_than_a_head() {
    let wharf = impatient().await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 1_000);
    let digest = sha256(&content);
    let upload = repository.upload().await;
    let path = format!("{}?digest={digest}", upload.location);

    let length = [("content-length", "1000")];
    let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &length).await;
    exchange.send(&content[..500]).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    exchange.send(&content[500..]).await;

    let (status, text) = exchange.answer().await;
    assert_eq!(status, 201, "{text}");
    repository.blob(&digest).await.is(200).has_body(&content);
}

/// Leaves a server no descriptor: connections that stay open take the last ones.
async fn exhaust(wharf: &Wharf) -> Vec<TcpStream> {
    let id = wharf.process_id().to_string();
    let open = std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
    // It counted on more when it started.
    let limit = format!("--nofile={}", open + 10);
    let limited = std::process::Command::new("prlimit").args(["--pid", &id, &limit]).status().unwrap();
    assert!(limited.success());
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(wharf.host()).await.unwrap());
    }
    silent
}

#[tokio::test]
async fn a_server_without_descriptors_left_serves_again_once_there_are_some() {
    let wharf = Wharf::start().await;
    let silent = exhaust(&wharf).await;

    let caller = wharf.anonymous();
    let unheard = timeout(Duration::from_millis(500), caller.request("GET", "/healthz").try_send()).await;
    assert!(unheard.is_err(), "{unheard:?}");

    drop(silent);
    wharf.anonymous().get("/healthz").await.is(200);
    wharf.admin().repository("acme/app").push_empty_index(&["v1"]).await;
}

#[tokio::test]
async fn that_no_descriptor_is_left_is_said_every_five_seconds_and_not_at_every_try() {
    let wharf = Wharf::start().await;
    let silent = exhaust(&wharf).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    drop(silent);

    let tries = wharf.metric("wharf_accepts_failed_total").await;

    assert!((10.0..150.0).contains(&tries), "it tried {tries} times");
    let lines = wharf.log().matches("no connection can be accepted").count();
    assert_eq!(lines, 2, "{}", wharf.log());
}

#[tokio::test]
async fn one_connection_more_than_there_may_be_waits_until_another_leaves() {
    let metrics = format!("127.0.0.1:{}", free_port());
    let settings = [
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_CONNECTIONS", "3"),
        ("WHARF_HEADER_TIMEOUT", "60s"),
        ("WHARF_METRICS_LISTEN", metrics.as_str()),
    ];
    let wharf = Wharf::start_with(&settings).await;
    let scraper = Caller::anonymous(&format!("http://{metrics}"));
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(TcpStream::connect(wharf.host()).await.unwrap());
    }
    // Those three and the scraper; whoever asked whether the server is ready is gone by then.
    let begun = Instant::now();
    loop {
        let page = scraper.get("/metrics").await.is(200);
        if metric_of(std::str::from_utf8(&page.body).unwrap(), "wharf_connections_open") == 4.0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "there are not just three");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let caller = wharf.anonymous();
    let fourth = tokio::spawn(async move { caller.get("/healthz").await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!fourth.is_finished(), "a fourth is served");

    drop(held.pop());
    timeout(Duration::from_secs(10), fourth).await.expect("the fourth waits on").unwrap().is(200);
}

#[tokio::test]
async fn a_connection_of_http_2_without_a_stream_is_told_to_go() {
    let wharf = impatient().await;
    let stream = TokioIo::new(TcpStream::connect(wharf.host()).await.unwrap());
    let (mut sender, connection) =
        http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let ask = || Request::get(format!("http://{}/healthz", wharf.host())).body(Empty::new()).unwrap();

    let mut answered = Instant::now();
    for pause in [600, 600] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let answer = sender.send_request(ask()).await.unwrap();
        assert_eq!(answer.status(), 200, "it was not idle for a second at a time");
        answer.into_body().collect().await.unwrap();
        answered = Instant::now();
    }

    let ended = timeout(Duration::from_secs(5), connection).await.expect("the connection is still open");
    ended.unwrap().expect("it was cut off in place of being told to go");
    assert!(answered.elapsed() > Duration::from_millis(900), "it was let go at once");
    assert!(sender.send_request(ask()).await.is_err());
}
