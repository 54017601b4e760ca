//! Limits on what one client may ask: just below and just above each.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::problems::is_problem;
use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, Answer, Caller, Certificate, Wharf, noise, sha256};

/// A server with these settings beside the operator's password.
pub(super) async fn limited(settings: &[(&str, &str)]) -> Wharf {
    let mut environment = vec![("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)];
    environment.extend_from_slice(settings);
    Wharf::start_with(&environment).await
}

#[tokio::test]
async fn a_head_may_have_so_many_bytes() {
    let wharf = Wharf::start().await;
    let of = async |path: &str, size: usize| {
        wharf.anonymous().request("GET", path).header("x-large", &"x".repeat(size)).send().await
    };

    of("/healthz", 32_000).await.is(200);
    is_problem(of("/healthz", 33_000).await, 431);
    of("/v2/", 32_000).await.is(401);
    of("/v2/", 33_000).await.is(431).first_error();
    of("/token", 33_000).await.is(431).first_error();
}

#[tokio::test]
async fn a_head_of_http_2_may_have_half_as_many() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[]).await;
    let of = async |size: usize| {
        wharf.anonymous().request("GET", "/v2/").header("x-large", &"x".repeat(size)).send().await
    };

    of(15_000).await.is(401);
    of(17_000).await.is(431).first_error();
}

#[tokio::test]
async fn the_size_of_a_head_is_a_setting() {
    let wharf = limited(&[("WHARF_HEAD_SIZE", "64KiB")]).await;
    let of = async |size: usize| {
        wharf.anonymous().request("GET", "/healthz").header("x-large", &"x".repeat(size)).send().await
    };

    of(65_000).await.is(200);
    is_problem(of(66_000).await, 431);
}

#[tokio::test]
async fn a_request_may_have_a_hundred_headers() {
    let wharf = Wharf::start().await;
    let of = async |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("x-{number}")).collect();
        let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
        Exchange::begin(&wharf.anonymous(), "GET", "/v2/", &headers).await.answer().await
    };

    // The exchange has two of its own.
    assert_eq!(of(98).await.0, 401);
    let (status, text) = of(99).await;
    assert!(status == 431 && text.contains("errors"), "{text}");
}

#[tokio::test]
async fn a_path_and_a_target_may_be_so_long() {
    let wharf = Wharf::start().await;
    let of = async |path: &str, length: usize| {
        let filler = "x".repeat(length - path.len());
        wharf.anonymous().get(&format!("{path}{filler}")).await
    };

    is_problem(of("/", 8 * 1024).await, 404);
    is_problem(of("/", 8 * 1024 + 1).await, 414);
    of("/v2/", 8 * 1024 + 1).await.is(414).first_error();
    of("/healthz?", 16 * 1024).await.is(200);
    is_problem(of("/healthz?", 16 * 1024 + 1).await, 414);
    of("/v2/?", 16 * 1024 + 1).await.is(414).first_error();
}

/// Whether the server keeps a connection it has accepted.
async fn is_kept(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(300), stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn a_client_may_hold_so_many_connections() {
    let wharf = limited(&[("WHARF_CONNECTIONS_PER_ADDRESS", "3")]).await;
    let mut held = Vec::new();
    let begun = Instant::now();
    while held.len() < 3 {
        // The harness had one of its own at the start.
        let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
        if is_kept(&mut stream).await {
            held.push(stream);
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "only {} are kept", held.len());
    }

    let mut fourth = TcpStream::connect(wharf.host()).await.unwrap();
    let ended = timeout(Duration::from_secs(5), fourth.read_u8()).await;
    assert!(ended.is_ok(), "a fourth is kept, and not only until its head is due");

    drop(held.pop());
    tokio::time::sleep(Duration::from_millis(100)).await;
    wharf.anonymous().get("/healthz").await.is(200);
}

#[tokio::test]
async fn a_trusted_proxy_may_hold_more() {
    let settings = [("WHARF_CONNECTIONS_PER_ADDRESS", "1"), ("WHARF_TRUSTED_PROXIES", "127.0.0.1")];
    let wharf = limited(&settings).await;
    let mut held =
        [TcpStream::connect(wharf.host()).await.unwrap(), TcpStream::connect(wharf.host()).await.unwrap()];

    for stream in &mut held {
        assert!(is_kept(stream).await);
    }
}

/// One request a second, and four at once.
async fn slow() -> Wharf {
    limited(&[("WHARF_REQUESTS_PER_SECOND", "1"), ("WHARF_TRUSTED_PROXIES", "127.0.0.1")]).await
}

async fn from(caller: &Caller, path: &str, address: &str) -> Answer {
    caller.request("GET", path).header("x-forwarded-for", address).send().await
}

/// Asks until it is put off, and says how often it was heard before.
async fn heard(caller: &Caller, path: &str, address: &str) -> usize {
    for heard in 0..50 {
        let answer = from(caller, path, address).await;
        if answer.status == 429 {
            let answer = answer.error("TOOMANYREQUESTS");
            assert!(["1", "2"].contains(&answer.header("retry-after")), "{answer:?}");
            return heard;
        }
    }
    panic!("{path} is never put off");
}

#[tokio::test]
async fn a_stranger_who_asks_too_often_is_told_when_to_come_again() {
    let wharf = slow().await;
    let stranger = wharf.anonymous();

    assert!(heard(&stranger, "/v2/", "203.0.113.1").await >= 4, "the burst is four seconds' worth");
    heard(&stranger, "/token", "203.0.113.1").await;
    heard(&stranger.bearing("no-token-of-ours"), "/v2/_catalog", "203.0.113.1").await;

    from(&stranger, "/v2/", "203.0.113.2").await.is(401);
    for _ in 0..10 {
        from(&stranger, "/healthz", "203.0.113.1").await.is(200);
        from(&stranger, "/readyz", "203.0.113.1").await.is(200);
    }
}

#[tokio::test]
async fn a_known_caller_who_asks_too_often_waits_a_little() {
    let wharf = slow().await;
    let (admin, begun) = (wharf.admin(), Instant::now());

    for _ in 0..5 {
        from(&admin, "/v2/", "203.0.113.1").await.is(200);
    }

    assert!(begun.elapsed() >= Duration::from_millis(900), "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn the_machine_itself_is_not_held_to_a_pace() {
    let wharf = limited(&[("WHARF_REQUESTS_PER_SECOND", "1")]).await;

    for _ in 0..20 {
        wharf.anonymous().get("/v2/").await.is(401);
    }
}

/// One status for all of them, and codes after which clients try again: crane never does after `MANIFEST_INVALID`.
#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let wharf = limited(&[("WHARF_STALL_TIMEOUT", "1s")]).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 1_000);
    let digest = sha256(&content);
    let upload = async || repository.upload().await.location;
    let requests = [
        ("PATCH", upload().await, "BLOB_UPLOAD_INVALID"),
        ("PUT", format!("{}?digest={digest}", upload().await), "BLOB_UPLOAD_INVALID"),
        ("POST", repository.path(&format!("blobs/uploads/?digest={digest}")), "BLOB_UPLOAD_INVALID"),
        ("PUT", repository.path("manifests/v1"), "UNKNOWN"),
        ("POST", "/token".to_owned(), "UNKNOWN"),
    ];

    let given_up = requests.iter().map(async |(method, path, code)| {
        let length = [("content-length", "1000")];
        let mut exchange = Exchange::begin(&repository.caller, method, path, &length).await;
        let begun = Instant::now();
        exchange.send(&content[..500]).await;
        let (status, text) = exchange.answer().await;

        assert_eq!(status, 408, "{method} {path}: {text}");
        assert!(begun.elapsed() >= Duration::from_millis(900), "{method} {path} after {:?}", begun.elapsed());
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errors"][0]["code"], *code, "{method} {path}: {body}");
        assert!(body["errors"][0]["message"].as_str().unwrap().contains("stood still"), "{body}");
    });
    futures_util::future::join_all(given_up).await;

    let kept = &requests[0].1;
    repository.caller.get(kept).await.is(204).has_header("range", "0-499");
}

#[tokio::test]
async fn the_number_of_wrong_passwords_is_a_setting() {
    let wharf = limited(&[("WHARF_FAILED_LOGINS", "2")]).await;

    for _ in 0..2 {
        wharf.caller("admin", "a-guess").get("/v2/").await.is(401);
    }

    wharf.caller("admin", "a-guess").get("/v2/").await.is(429);
}
