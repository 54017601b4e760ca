//! Many at once, and little to give them: a thousand slow clients, 128 MiB of memory.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::pace::{pull, still_reader};
use crate::harness::{ADMIN_PASSWORD, IN_FILES, Image, Wharf, component, may_skip, noise, sha256};

#[tokio::test]
async fn a_thousand_slow_clients_are_let_go_and_hold_nobody_else_up() {
    // They come from one address, which stands for many here.
    let hasty = [
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_HEADER_TIMEOUT", "8s"),
        ("WHARF_CONNECTIONS_PER_ADDRESS", "2000"),
    ];
    let wharf = Wharf::start_with(&hasty).await;
    let mut slow = Vec::new();
    for _ in 0..1_000 {
        let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: wha").await.unwrap();
        slow.push(stream);
    }

    let begun = Instant::now();
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    wharf.admin().repository("acme/app").manifest("v1").await.is(200);
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());

    all_end(slow, Duration::from_secs(20)).await;
    assert_eq!(wharf.metric("wharf_heads_timed_out_total").await, 1_000.0);
}

/// Waits until the server has ended every one of these connections.
async fn all_end(crowd: Vec<TcpStream>, within: Duration) {
    let (begun, count) = (Instant::now(), crowd.len());
    let ends = crowd.into_iter().map(|mut stream| async move {
        let mut said = Vec::new();
        // A reset is an end as well.
        timeout(within, stream.read_to_end(&mut said)).await.is_ok()
    });
    let ended = join_all(ends).await.into_iter().filter(|ended| *ended).count();
    assert_eq!(ended, count, "the others are still connected after {:?}", begun.elapsed());
}

/// Pushes and pulls for another organisation than the crowd's.
async fn is_served(wharf: &Wharf) {
    let (repository, image) = (wharf.admin().repository("other/app"), Image::oci(1));
    let begun = Instant::now();
    repository.push_image(&image, "v1").await;
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    repository.blob(&sha256(&image.blobs[0])).await.is(200).has_body(&image.blobs[0]);
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_thousand_bodies_that_never_come_are_given_up_and_hold_no_other_organisation_up() {
    let crowd = [("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_CONNECTIONS_PER_ADDRESS", "2000")];
    let wharf = Wharf::start_with(&crowd).await;
    wharf.found(&["acme", "other"]).await;
    let (admin, digest) = (wharf.admin(), sha256(b"never"));
    let head = format!(
        "POST /v2/acme/app/blobs/uploads/?digest={digest} HTTP/1.1\r\nhost: wharf.example\r\n\
         authorization: {}\r\ncontent-length: 1000000\r\n\r\n",
        admin.authorization().unwrap()
    );
    let mut slow = Vec::new();
    for _ in 0..1_000 {
        let mut stream = TcpStream::connect(wharf.host()).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    // The share of one organisation: more of them only wait.
    wharf.metric_reaches("wharf_turns_held", 64.0).await;
    assert_eq!(wharf.metric("wharf_turns_held").await, 64.0);

    is_served(&wharf).await;

    all_end(slow, Duration::from_secs(60)).await;
    assert_eq!(wharf.metric("wharf_turns_held").await, 0.0);
    assert!(wharf.metric("wharf_bodies_stalled_total").await >= 64.0);
    wharf.admin().repository("acme/app").push_empty_index(&["v1"]).await;
}

#[tokio::test]
async fn two_hundred_readers_who_take_nothing_are_cut_off_and_hold_nobody_else_up() {
    // Each fills a buffer of the kernel, which has no room for a thousand of them.
    const READERS: u32 = 200;
    let crowd = [
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
        ("WHARF_CONNECTIONS_PER_ADDRESS", "2000"),
        ("WHARF_STALL_TIMEOUT", "8s"),
    ];
    let wharf = Wharf::start_with(&[&crowd[..], &IN_FILES].concat()).await;
    wharf.found(&["other"]).await;
    let digest = wharf.admin().repository("acme/app").push_blob(&noise(1, 16 << 20)).await;
    wharf.set_public("acme/main", true);
    let mut still = Vec::new();
    for _ in 0..READERS {
        let mut reader = still_reader(&wharf).await;
        reader.write_all(&pull(&digest)).await.unwrap();
        still.push(reader);
    }

    is_served(&wharf).await;

    wharf.metric_reaches("wharf_readers_cut_total", f64::from(READERS)).await;
    all_end(still, Duration::from_secs(20)).await;
}

/// A control group of this test's own, gone with it.
struct Group(PathBuf);

impl Group {
    /// With so much memory for all in it; nothing where this machine lets nobody make one.
    fn with_memory(bytes: u64) -> Option<Self> {
        let name = format!("wharf-test-{}", std::process::id());
        let folders = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let (folder, limit) = folders.into_iter().find(|(folder, limit)| {
            // The second version's own folder has no limit, but its children do.
            PathBuf::from(folder).join(limit).exists()
                || PathBuf::from(folder).join("cgroup.controllers").exists()
        })?;
        let group = Self(PathBuf::from(folder).join(name));
        fs::create_dir(&group.0).ok()?;
        fs::write(group.0.join(limit), bytes.to_string()).ok()?;
        Some(group)
    }

    fn add(&self, process: u32) {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_uploads_and_sixty_four_pulls_fit_into_128_mib() {
    if !component("loop") {
        return;
    }
    let Some(group) = Group::with_memory(128 << 20) else {
        may_skip("no control group can be made here");
        return;
    };
    let mut wharf = Wharf::start_in_files(&[]).await;
    group.add(wharf.process_id());
    let scopes = ["repository:acme/app:pull,push"];
    let repository = wharf.admin().with_token(&scopes).await.repository("acme/app");
    let content = noise(1, 8 << 20);
    let digest = repository.push_blob(&content).await;

    let uploads = (2..10).map(|seed| {
        let repository = repository.clone();
        tokio::spawn(async move { repository.push_blob(&noise(seed, 16 << 20)).await })
    });
    let uploads: Vec<_> = uploads.collect();
    let pulls = (0..64).map(|_| async { repository.blob(&digest).await.is(200).body == content });
    assert!(join_all(pulls).await.into_iter().all(|is_whole| is_whole));
    for pushed in join_all(uploads).await {
        assert!(pushed.is_ok(), "{pushed:?}");
    }

    assert!(!wharf.has_ended(), "the kernel ended it");
    wharf.kill();
}
