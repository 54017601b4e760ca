//! TLS with a certificate from files: what is spoken, whom it keeps waiting, and how it is renewed.

use std::fs;
use std::time::{Duration, Instant};

use reqwest::Version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::mistakes::{run, said};
use crate::harness::{Caller, Certificate, Image, Wharf};

#[tokio::test]
async fn images_are_pushed_and_pulled_over_tls_on_http_2() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[]).await;
    let (repository, image) = (wharf.admin().repository("acme/app"), Image::oci(1));

    repository.push_image(&image, "v1").await;
    let pulled = repository.manifest("v1").await.is(200);

    assert_eq!(pulled.version, Version::HTTP_2, "both ends speak it, so it is spoken");
    pulled.has_body(&image.manifest);
}

#[tokio::test]
async fn the_realm_says_https() {
    let wharf = Wharf::start_secure(&Certificate::new(), &[]).await;

    let realm = wharf.anonymous().get("/v2/").await.is(401).challenge().parameter("realm").to_owned();

    assert_eq!(realm, format!("https://{}/token", wharf.host()));
}

#[tokio::test]
async fn plain_http_on_the_port_of_tls_is_ended_at_once() {
    let wharf = Wharf::start_secure(&Certificate::new(), &[]).await;
    let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: wharf.example\r\n\r\n").await.unwrap();

    let mut answer = Vec::new();
    let ended = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;

    assert!(ended.is_ok(), "the connection hangs");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_given_up_and_keeps_nobody_waiting() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[("WHARF_TLS_HANDSHAKE_TIMEOUT", "1s")]).await;
    let begun = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(TcpStream::connect(wharf.host()).await.unwrap());
    }

    wharf.anonymous().get("/healthz").await.is(200);

    assert!(begun.elapsed() < Duration::from_secs(1), "it waited for the others");
    for mut stream in silent {
        let ended = timeout(Duration::from_secs(10), stream.read_u8()).await;
        assert!(ended.is_ok_and(|read| read.is_err()), "a silent connection is still open");
    }
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn a_handshake_that_never_comes_holds_no_stop_up() {
    let certificate = Certificate::new();
    let mut wharf = Wharf::start_secure(&certificate, &[]).await;
    let _silent = TcpStream::connect(wharf.host()).await.unwrap();
    // It is accepted before this one.
    wharf.anonymous().get("/healthz").await.is(200);

    let asked = Instant::now();
    let ended = wharf.stop().await;

    assert!(ended.success(), "{ended}");
    assert!(asked.elapsed() < Duration::from_secs(5), "the stop took {:?}", asked.elapsed());
}

/// Whether a new connection of somebody who believes only in this certificate is made.
async fn is_shown(wharf: &Wharf, pem: &str) -> bool {
    let caller = Caller::trusting(&wharf.base(), &[pem.to_owned()]);
    caller.request("GET", "/healthz").try_send().await.is_ok()
}

/// Waits until a new connection is shown what lies in the file.
async fn await_shown(wharf: &Wharf, certificate: &Certificate) {
    let begun = Instant::now();
    while !is_shown(wharf, &certificate.pem()).await {
        assert!(begun.elapsed() < Duration::from_secs(20), "the new one is not shown");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_renewed_certificate_is_found_by_itself_and_connections_that_stand_go_on() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[]).await;
    let (old, standing) = (certificate.pem(), wharf.anonymous());
    standing.get("/healthz").await.is(200);

    fs::write(certificate.key(), "half written").unwrap();
    let begun = Instant::now();
    while !wharf.log().contains("certificate could not be replaced") {
        assert!(begun.elapsed() < Duration::from_secs(10), "nobody is told of the bad key");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(is_shown(&wharf, &old).await, "the old one went with the bad one");

    certificate.renew();
    await_shown(&wharf, &certificate).await;
    assert!(!is_shown(&wharf, &old).await);
    standing.get("/healthz").await.is(200);
}

#[tokio::test]
async fn at_a_signal_a_renewed_certificate_is_shown_at_once() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[]).await;

    // Whoever is not told looks every two seconds, and would need twenty for these.
    let begun = Instant::now();
    for _ in 0..10 {
        certificate.renew();
        wharf.signal("HUP");
        await_shown(&wharf, &certificate).await;
    }

    assert!(begun.elapsed() < Duration::from_secs(15), "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_certificate_that_has_expired_is_shown_with_a_warning() {
    let certificate = Certificate::expired();
    let wharf = Wharf::spawn_secure(&certificate).await;
    let begun = Instant::now();

    while !wharf.log().contains("the certificate has expired") {
        assert!(begun.elapsed() < Duration::from_secs(30), "no warning in {}", wharf.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_private_key_stays_out_of_the_log() {
    let certificate = Certificate::new();
    let wharf = Wharf::start_secure(&certificate, &[("WHARF_LOG", "trace")]).await;
    wharf.anonymous().get("/healthz").await.is(200);

    let key = fs::read_to_string(certificate.key()).unwrap();

    for line in key.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!wharf.log().contains(line), "the log holds a line of the key");
    }
}

#[test]
fn a_pair_that_is_none_is_refused_in_words_before_anything_is_made() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let (path, key) = (certificate.path(), certificate.key());
    let empty = other.path().with_file_name("empty.pem");
    fs::write(&empty, "").unwrap();
    let absent = other.path().with_file_name("absent.pem");
    for (path, key, words) in [
        (&absent, &key, "absent.pem cannot be read"),
        (&path, &absent, "absent.pem cannot be read"),
        (&empty, &key, "empty.pem holds no certificate"),
        (&key, &key, "key.pem holds no certificate"),
        (&path, &path, "certificate.pem holds no private key"),
        (&path, &other.key(), "is not the key of the certificate in"),
    ] {
        let data = other.path().with_file_name("wharf-data");
        let (path, key, data_dir) = (path.to_str().unwrap(), key.to_str().unwrap(), data.to_str().unwrap());
        let arguments = ["serve", "--tls-certificate", path, "--tls-key", key, "--data-dir", data_dir];
        let refused = said(&run(&arguments));
        assert!(refused.contains(words), "{words}: {refused}");
        assert!(!data.exists());
    }
    let refused = said(&run(&["serve", "--tls-certificate", path.to_str().unwrap()]));
    assert!(refused.contains("tls_certificate is given, but no tls_key"), "{refused}");
}
