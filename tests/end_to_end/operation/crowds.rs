//! Many at once, and little to give them: a thousand slow clients, 128 MiB of memory.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{ADMIN_PASSWORD, Image, Wharf, component, may_skip, noise};

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

    let ends = slow.iter_mut().map(|stream| async move {
        let mut said = Vec::new();
        timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await.is_ok()
    });
    let ended = join_all(ends).await.into_iter().filter(|ended| *ended).count();
    assert_eq!(ended, 1_000, "the others are still connected");
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
