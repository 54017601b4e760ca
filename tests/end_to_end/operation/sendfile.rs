//! Files on their way out of the whole server: what leaves by `sendfile`, what does not, and that the bytes are right in
//! either case.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::Version;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::scrub::metric;
use crate::harness::{Certificate, IN_FILES, Repository, Wharf, noise};

/// Up to so much is read and sent at once.
const SMALL: usize = 64 << 10;
/// Where the server changes from one way to another, or from one call to the next.
const BORDERS: [usize; 3] = [SMALL, 512 << 10, 2 << 20];

async fn sent_from_files(wharf: &Wharf) -> usize {
    usize::try_from(metric(wharf, "wharf_http_sendfile_bytes_total").await).unwrap()
}

/// A part of a blob must arrive as it is.
async fn pull(repository: &Repository, digest: &str, content: &Bytes, range: Range<usize>) {
    let bytes = format!("bytes={}-{}", range.start, range.end - 1);
    let path = repository.path(&format!("blobs/{digest}"));
    let part = repository.caller.request("GET", &path).header("range", &bytes).send().await.is(206);
    assert!(part.body == content.slice(range), "{bytes} of {}", content.len());
}

/// The parts around the borders that lie within so many bytes.
fn around_borders(length: usize) -> Vec<Range<usize>> {
    let within = BORDERS.into_iter().filter(|border| *border < length);
    let parts = within.flat_map(|border| {
        [0..border, 0..border + 1, 1..border + 1, border - 1..(border + 2).min(length), border..length]
    });
    parts.collect()
}

#[tokio::test]
async fn every_size_and_part_arrives_byte_for_byte_and_what_is_large_leaves_by_sendfile() {
    let wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    let around = BORDERS.iter().flat_map(|border| [border - 1, *border, border + 1]);
    let mut expected = 0;
    let mut count = |length: usize| expected += if length > SMALL { length } else { 0 };
    for length in [0, 1].into_iter().chain(around) {
        let content = noise(length as u64, length);
        let digest = repository.push_blob(&content).await;
        repository.blob(&digest).await.is(200).has_body(&content);
        count(length);
        for range in around_borders(length) {
            count(range.len());
            pull(&repository, &digest, &content, range).await;
        }
    }
    assert!(expected > 10 << 20, "{expected} bytes are too few to tell");
    assert_eq!(sent_from_files(&wharf).await, expected, "no more and no less");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_of_two_tenants_get_what_is_theirs() {
    let wharf = Wharf::start_in_files(&[]).await;
    wharf.found(&["acme", "other"]).await;
    let shared = noise(1, 3 << 20);
    let mut tenants = Vec::new();
    for (seed, name) in [(2, "acme"), (3, "other")] {
        let user = format!("{name}-user");
        let repository =
            wharf.add_user(&user, &[&format!("{name}:writer")]).repository(&format!("{name}/app"));
        let own = noise(seed, 3 << 20);
        let digests = [repository.push_blob(&shared).await, repository.push_blob(&own).await];
        tenants.push((user, repository.name, [shared.clone(), own], digests));
    }
    let pulls = (0..24).map(|number| {
        let (user, name, contents, digests) = tenants[number % 2].clone();
        // Each has a connection of its own.
        let repository = wharf.caller(&user, &format!("the-password-of-{user}")).repository(&name);
        async move {
            for round in 0..3 {
                let which = (number / 2 + round) % 2;
                repository.blob(&digests[which]).await.is(200).has_body(&contents[which]);
            }
        }
    });
    join_all(pulls).await;
    let [(_, acme, _, own), (_, other, _, theirs)] = &tenants[..] else { panic!("there are two") };
    wharf.admin().repository(acme).blob(&theirs[1]).await.is(404);
    wharf.admin().repository(other).blob(&own[1]).await.is(404);
}

#[tokio::test]
async fn a_blob_that_is_collected_while_somebody_reads_it_arrives_whole() {
    let hurry = [("WHARF_OBJECT_GRACE", "0s"), ("WHARF_HOUSEKEEPING_INTERVAL", "1s")];
    let wharf = Wharf::start_in_files(&hurry).await;
    let repository = wharf.admin().repository("acme/app");
    // More than all buffers between the two ends can hold.
    let content = noise(1, 32 << 20);
    let digest = repository.push_blob(&content).await;
    let object = wharf.object_of(&content);
    let mut reader = TcpStream::connect(wharf.host()).await.unwrap();
    let path = repository.path(&format!("blobs/{digest}"));
    let login = repository.caller.authorization().unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {login}\r\n\r\n", wharf.host());
    reader.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(reader.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));

    repository.delete_blob(&digest).await.is(202);
    let begun = Instant::now();
    while object.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not collected");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(sent_from_files(&wharf).await < content.len(), "it was on its way out when its file went");

    let mut body = vec![0; content.len()];
    reader.read_exact(&mut body).await.unwrap();
    assert!(body == content, "other bytes came");
}

#[tokio::test]
async fn over_tls_and_http_2_the_same_bytes_arrive_and_none_by_sendfile() {
    let wharf = Wharf::start_secure(&Certificate::new(), &IN_FILES).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 5 << 20);
    let digest = repository.push_blob(&content).await;

    let whole = repository.blob(&digest).await.is(200);

    assert_eq!(whole.version, Version::HTTP_2);
    whole.has_body(&content);
    for range in around_borders(content.len()) {
        pull(&repository, &digest, &content, range).await;
    }
    assert_eq!(sent_from_files(&wharf).await, 0);
}
