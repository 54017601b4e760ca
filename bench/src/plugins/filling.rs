//! Plugins pushed as `oras` would push them: every file once, then mounted into the repository of each plugin that it
//! holds, with a manifest for each.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::task::JoinSet;
use wharf_core::{Algorithm, Digest};

use super::{File, Plugins, TOGETHER, name};
use crate::{
    Result,
    client::{Body, Connection, Request, Sink},
    fixture::MANIFEST_TYPE,
    peer::wharf::BASIC,
};

/// How many clients push them.
const CLIENTS: usize = 16;

/// What has to be done before what.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Every file into the repository of the first plugin that it holds.
    Files,
    /// Every plugin into its own: the files mounted, a manifest for each.
    Names,
}

/// Pushes them into the server at a host and port.
pub(super) async fn push(plugins: &Plugins, authority: &str) -> Result<()> {
    for step in [Step::Files, Step::Names] {
        let (next, mut running) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        for _ in 0..CLIENTS {
            let hand = Hand(Connection::open(authority).await?);
            running.spawn(work(plugins.clone(), step, next.clone(), hand));
        }
        while let Some(done) = running.join_next().await {
            done??;
        }
    }
    Ok(())
}

/// Does what nobody took yet, one after the other.
async fn work(plugins: Plugins, step: Step, next: Arc<AtomicUsize>, mut hand: Hand) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        match (step, plugins.files.get(number)) {
            (Step::Files, Some(file)) => {
                hand.push_blob(&name(file.group * TOGETHER), &file.digest, &file.bytes).await?;
            }
            (Step::Names, _) if number < plugins.count => push_name(&plugins, number, &mut hand).await?,
            _ => return Ok(()),
        }
    }
}

async fn push_name(plugins: &Plugins, number: usize, hand: &mut Hand) -> Result<()> {
    let (name, first) = (name(number), name(number - number % TOGETHER));
    let config = wharf_hash::digest(Algorithm::Sha256, b"{}");
    hand.push_blob(&name, &config, b"{}").await?;
    for file in plugins.files.iter().filter(|file| file.group == number / TOGETHER) {
        if name != first {
            hand.mount(&name, &file.digest, &first).await?;
        }
        hand.push_manifest(&name, file, &config).await?;
    }
    Ok(())
}

/// A connection of one who may do everything.
struct Hand(Connection);

impl Hand {
    async fn push_blob(&mut self, name: &str, digest: &Digest, bytes: &[u8]) -> Result<()> {
        let target = format!("{}/blobs/uploads/?digest={digest}", repository(name));
        self.send(("POST", &target), "application/octet-stream", Body::Bytes(bytes)).await
    }

    async fn mount(&mut self, name: &str, digest: &Digest, from: &str) -> Result<()> {
        let target =
            format!("{}/blobs/uploads/?mount={digest}&from=bench/main/memflow/{from}", repository(name));
        self.send(("POST", &target), "application/octet-stream", Body::Nothing).await
    }

    async fn push_manifest(&mut self, name: &str, file: &File, config: &Digest) -> Result<()> {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": "application/vnd.memflow.plugin.v1",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config.to_string(), "size": 2 },
            "layers": [{
                "mediaType": "application/octet-stream",
                "digest": file.digest.to_string(),
                "size": file.bytes.len(),
            }],
            "annotations": { "memflow.signature": file.signature },
        });
        let target = format!("{}/manifests/{}", repository(name), file.tag);
        self.send(("PUT", &target), MANIFEST_TYPE, Body::Bytes(manifest.to_string().as_bytes())).await
    }

    async fn send(
        &mut self,
        (method, target): (&'static str, &str),
        kind: &str,
        body: Body<'_>,
    ) -> Result<()> {
        let headers = format!("{BASIC}content-type: {kind}\r\n");
        let request = Request { method, target, headers: &headers, body };
        self.0.call(request, Sink::Nobody).await.map(drop)
    }
}

fn repository(name: &str) -> String {
    format!("/v2/bench/main/memflow/{name}")
}
