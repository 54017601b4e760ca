//! A standby takes the place of its primary: all that was acknowledged is there, and nobody is told anything older.

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
    let pusher = |number: usize| {
        let (here, there) = (callers[number % 2].clone(), callers[(number + 1) % 2].clone());
        tokio::spawn(Pusher { number, here, there, kept: Vec::new(), refused: 0 }.run())
    };
    let pushers: Vec<_> = (0..4).map(pusher).collect();

    tokio::time::sleep(Duration::from_millis(500)).await;
    primary.end();
    standby.promote().await;
    for node in &nodes {
        ready(&node.anonymous()).await;
    }

    let mut refused = 0;
    for pusher in pushers {
        let pusher = pusher.await.unwrap();
        refused += pusher.refused;
        for digest in &pusher.kept {
            pusher.there.repository("acme/app").head_manifest(digest).await.is(200);
        }
    }
    assert!(refused > 0, "nobody noticed that the primary was away");
}

/// Moves a tag of its own at one node, and looks at the other where it points.
struct Pusher {
    number: usize,
    here: Caller,
    there: Caller,
    /// The digests that were acknowledged.
    kept: Vec<String>,
    refused: u32,
}

impl Pusher {
    /// Until it was refused, and then acknowledged a few times more.
    async fn run(mut self) -> Self {
        let (began, mut since_refusal) = (Instant::now(), 0);
        while since_refusal < 5 {
            assert!(began.elapsed() < Duration::from_secs(15), "service did not come back");
            match self.push().await {
                true if self.refused > 0 => since_refusal += 1,
                true => {}
                false => self.refused += 1,
            }
        }
        self
    }

    async fn push(&mut self) -> bool {
        let (tag, n) = (format!("moving-{}", self.number), self.kept.len() + self.refused as usize);
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
