//! Bodies that trickle and readers that stand still: ended after their time, and nothing of them stays.

use std::fs;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::limits::limited;
use crate::harness::raw::Exchange;
use crate::harness::{ADMIN_PASSWORD, IN_FILES, Wharf, noise, sha256};

/// A connection whose kernel takes little of what its program does not read.
pub(super) async fn still_reader(wharf: &Wharf) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 << 10).unwrap();
    socket.connect(wharf.host().parse().unwrap()).await.unwrap()
}

/// The request for a blob that anybody may read, in a server's public `acme/main`.
pub(super) fn pull(digest: &str) -> Vec<u8> {
    format!("GET /v2/acme/app/blobs/{digest} HTTP/1.1\r\nhost: wharf.example\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_body_below_the_minimum_rate_ends_and_what_came_is_kept() {
    // A pause of two seconds is more than any of its own.
    let wharf = limited(&[("WHARF_MINIMUM_RATE", "1KiB"), ("WHARF_STALL_TIMEOUT", "2s")]).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 1_000);
    let mut upload = repository.upload().await;
    let length = [("content-length", "1000")];
    let mut exchange = Exchange::begin(&repository.caller, "PATCH", &upload.location, &length).await;

    let begun = Instant::now();
    let sent = exchange.trickle(&content, Duration::from_millis(50)).await;
    let (status, text) = exchange.answer().await;

    assert!((400..500).contains(&status), "{text}");
    assert!(begun.elapsed() >= Duration::from_millis(1900), "it ended after {:?}", begun.elapsed());
    assert!((10..500).contains(&sent), "{sent} bytes were taken");
    assert_eq!(wharf.metric("wharf_bodies_stalled_total").await, 1.0);
    let kept = usize::try_from(upload.offset().await).unwrap();
    assert!(kept > 1 && kept <= sent, "{kept} of {sent} bytes were kept");
    upload.append(content.slice(kept..)).await.is(202);
    upload.finish(&sha256(&content), "".into()).await.is(201);
}

#[tokio::test]
async fn a_body_may_trickle_where_there_is_no_minimum_rate() {
    let wharf = limited(&[("WHARF_MINIMUM_RATE", "off"), ("WHARF_STALL_TIMEOUT", "2s")]).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 80);
    let path = format!("{}?digest={}", repository.upload().await.location, sha256(&content));
    let length = [("content-length", "80")];
    let mut exchange = Exchange::begin(&repository.caller, "PUT", &path, &length).await;

    exchange.trickle(&content, Duration::from_millis(50)).await;

    let (status, text) = exchange.answer().await;
    assert_eq!(status, 201, "{text}");
    assert_eq!(wharf.metric("wharf_bodies_stalled_total").await, 0.0);
}

/// How many objects the server has open.
fn open_objects(wharf: &Wharf) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", wharf.process_id())).unwrap();
    let links = descriptors.filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok());
    links.filter(|path| path.starts_with(wharf.data.join("objects"))).count()
}

#[tokio::test]
async fn a_reader_who_takes_nothing_of_a_file_is_cut_off_and_nothing_of_it_stays_open() {
    const READERS: usize = 8;
    let settings = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_STALL_TIMEOUT", "2s")];
    let wharf = Wharf::start_with(&[&settings[..], &IN_FILES].concat()).await;
    let digest = wharf.admin().repository("acme/app").push_blob(&noise(1, 64 << 20)).await;
    wharf.set_public("acme/main", true);
    let begun = Instant::now();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut reader = still_reader(&wharf).await;
        reader.write_all(&pull(&digest)).await.unwrap();
        readers.push(reader);
    }

    wharf.metric_reaches("wharf_readers_cut_total", READERS as f64).await;

    assert!(begun.elapsed() >= Duration::from_millis(1900), "they were cut after {:?}", begun.elapsed());
    for mut reader in readers {
        let mut taken = Vec::new();
        let ended = timeout(Duration::from_secs(10), reader.read_to_end(&mut taken)).await;
        assert!(ended.is_ok(), "the connection is still there");
        assert!(taken.starts_with(b"HTTP/1.1 200 ") && taken.len() < 64 << 20, "{} bytes came", taken.len());
    }
    assert_eq!(open_objects(&wharf), 0);
}
