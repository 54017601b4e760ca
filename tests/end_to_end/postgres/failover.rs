//! A standby takes the place of its primary: all that was acknowledged is there, and nobody is told anything older.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::outages::ready;
use crate::harness::postgres::Cluster;
use crate::harness::{Caller, Wharf, media_type, sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_promoted_under_load_has_all_that_was_acknowledged() {
    let Some(mut primary) = Cluster::start().await else { return };
    let standby = primary.standby().await;
    let url = format!("postgres://wharf@{},{}/postgres?sslmode=disable", primary.host(), standby.host());
    let nodes = [Wharf::start_on_postgres(&url).await, Wharf::start_on_postgres(&url).await];
    let mut callers = Vec::new();
    for node in &nodes {
        callers.push(node.admin().with_token(&["repository:acme/app:pull,push"]).await);
    }
    let back = Arc::new(AtomicBool::new(false));
    let pusher = |number: usize| {
        let (here, there) = (callers[number % 2].clone(), callers[(number + 1) % 2].clone());
        let back = back.clone();
        tokio::spawn(Pusher { number, here, there, back, kept: Vec::new(), refused: 0 }.run())
    };
    let pushers: Vec<_> = (0..4).map(pusher).collect();

    tokio::time::sleep(Duration::from_millis(500)).await;
    primary.end();
    standby.promote().await;
    for node in &nodes {
        ready(&node.anonymous()).await;
    }
    back.store(true, Ordering::SeqCst);

    for pusher in pushers {
        let pusher = pusher.await.unwrap();
        for digest in &pusher.kept {
            pusher.there.repository("acme/app").head_manifest(digest).await.is(200);
        }
    }
}

/// Moves a tag of its own at one node, and looks at the other where it points.
struct Pusher {
    number: usize,
    here: Caller,
    there: Caller,
    /// Service has come back.
    back: Arc<AtomicBool>,
    /// The digests that were acknowledged.
    kept: Vec<String>,
    refused: usize,
}

impl Pusher {
    /// Until it was acknowledged a few times after service came back.
    async fn run(mut self) -> Self {
        let (began, mut since) = (Instant::now(), 0);
        while since < 5 {
            assert!(began.elapsed() < Duration::from_secs(60), "service did not come back");
            let back = self.back.load(Ordering::SeqCst);
            match self.push().await {
                true => since += usize::from(back),
                false => self.refused += 1,
            }
        }
        self
    }

    async fn push(&mut self) -> bool {
        let (tag, n) = (format!("moving-{}", self.number), self.kept.len() + self.refused);
        let index = Bytes::from(format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[],"annotations":{{"n":"{tag}-{n}"}}}}"#,
            media_type::OCI_INDEX
        ));
        let pushed = self.here.repository("acme/app").put_manifest(&tag, media_type::OCI_INDEX, &index).await;
        if pushed.status != 201 {
            pushed.is(503);
            return false;
        }
        self.kept.push(sha256(&index));
        let read = self.there.repository("acme/app").manifest(&tag).await;
        if read.status != 503 {
            assert_eq!(read.is(200).header("docker-content-digest"), sha256(&index), "it is an old one");
        }
        true
    }
}
