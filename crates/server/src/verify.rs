//! `wharf verify`: the registry's look at everything, at a pace, with what it finds told at once.
//!
//! Where it is, it keeps in a file of the data directory, so that one that was cut goes on with `--resume`.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;
use wharf_core::{Digest, Result};
use wharf_registry::{Finding, Inspector, Repair, Verification, Verified};

use crate::{
    control::{Desk, Outcome, Progress, Step, Unit, Verdict},
    output::OutputFormat,
};

/// What a server reads in a second beside its work, in bytes, where nothing else is said.
pub(crate) const GENTLE: u64 = 50 << 20;
/// Where it is: the digest of the last blob.
const POSITION: &str = "verify-position";
/// How often that is kept.
const KEEP: Duration = Duration::from_secs(2);
/// It sleeps no longer without a look whether anybody still waits.
const NAP: Duration = Duration::from_millis(250);

/// How to verify.
#[derive(Serialize, Deserialize)]
pub(crate) struct Verify {
    /// How many bytes to read in a second at most.
    pub(crate) rate: Option<u64>,
    /// Whether to go on where the last one was cut.
    pub(crate) resume: bool,
    /// Whether to put right what can be.
    pub(crate) repair: bool,
    /// How to tell what is found.
    pub(crate) output: OutputFormat,
}

/// Looks at everything.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn verify(desk: &Desk, how: &Verify, progress: &Progress) -> Result<Outcome> {
    let kept = if how.resume { desk.data_dir.read(POSITION)? } else { None };
    let after = kept.and_then(|text| text.trim().parse().ok());
    let repair = if how.repair { Repair::Yes } else { Repair::Not };
    let mut watch = Watch {
        desk,
        progress,
        output: how.output,
        rate: how.rate.or(desk.pace),
        total: desk.registry.bytes_after(after.as_ref()).await?,
        begun: Instant::now(),
        bytes: 0,
        last: after,
        kept: Instant::now(),
        findings: 0,
    };
    let done = desk.registry.verify(&Verification { after, repair }, &mut watch).await;
    if done.is_err() {
        watch.keep()?;
    }
    let verified = done?;
    desk.data_dir.remove(POSITION)?;
    let verdict = if watch.findings == 0 { Verdict::Good } else { Verdict::Damaged };
    let text = match how.output {
        OutputFormat::Json => summary(&verified, watch.findings).to_string(),
        OutputFormat::Text => told(&verified, watch.findings),
    };
    Ok(Outcome { text, verdict })
}

/// Keeps the pace, the position and the count of what is found.
struct Watch<'a> {
    desk: &'a Desk,
    progress: &'a Progress,
    output: OutputFormat,
    rate: Option<u64>,
    total: u64,
    begun: Instant,
    bytes: u64,
    last: Option<Digest>,
    kept: Instant,
    findings: u64,
}

impl Watch<'_> {
    fn keep(&mut self) -> Result<()> {
        self.kept = Instant::now();
        self.last.map_or(Ok(()), |digest| self.desk.data_dir.write_private(POSITION, &digest.to_string()))
    }

    fn step(&self) -> Result<()> {
        let (what, done, total) = ("reading".to_owned(), self.bytes, Some(self.total.max(self.bytes)));
        self.progress.step(Step { what, done, total, unit: Unit::Bytes })
    }
}

#[async_trait]
impl Inspector for Watch<'_> {
    async fn read(&mut self, bytes: u64) -> Result<()> {
        self.bytes += bytes;
        self.step()?;
        let Some(rate) = self.rate.filter(|rate| *rate > 0) else { return Ok(()) };
        let due = Duration::from_millis(self.bytes.saturating_mul(1000) / rate);
        while let Some(early) = due.checked_sub(self.begun.elapsed()).filter(|early| !early.is_zero()) {
            sleep(early.min(NAP)).await;
            self.step()?;
        }
        Ok(())
    }

    async fn passed(&mut self, digest: &Digest) -> Result<()> {
        self.last = Some(*digest);
        if self.kept.elapsed() >= KEEP { self.keep() } else { Ok(()) }
    }

    async fn found(&mut self, finding: Finding) -> Result<()> {
        self.findings += 1;
        let line = match self.output {
            OutputFormat::Json => as_json(&finding).to_string(),
            OutputFormat::Text => in_words(&finding),
        };
        self.progress.line(line).await
    }
}

fn summary(verified: &Verified, findings: u64) -> Value {
    let Verified { blobs, bytes, manifests, objects } = *verified;
    json!({ "verified": {
        "blobs": blobs, "bytes": bytes, "manifests": manifests, "objects": objects, "findings": findings,
    } })
}

fn told(verified: &Verified, findings: u64) -> String {
    let Verified { blobs, bytes, manifests, objects } = *verified;
    let end = if findings == 0 { "all is right".to_owned() } else { format!("{findings} findings") };
    format!("verified {blobs} blobs of {bytes} bytes, {manifests} manifests, {objects} objects: {end}")
}

fn as_json(finding: &Finding) -> Value {
    match finding {
        Finding::Damaged { digest, tags } => {
            json!({ "found": "damaged", "digest": digest.to_string(), "tags": tags })
        }
        Finding::Orphan { digest } => json!({ "found": "orphan", "digest": digest.to_string() }),
        Finding::Garbled { manifest } => json!({ "found": "garbled", "manifest": manifest }),
        Finding::Missing { manifest, content } => {
            json!({ "found": "missing", "manifest": manifest, "content": content })
        }
        Finding::Miscounted { organisation, counted, found } => {
            json!({ "found": "miscounted", "organisation": organisation, "counted": counted, "stored": found })
        }
        Finding::Stray { object } => json!({ "found": "stray", "object": object }),
    }
}

/// A finding in a line for the operator.
pub(crate) fn in_words(finding: &Finding) -> String {
    match finding {
        Finding::Damaged { digest, tags } if tags.is_empty() => {
            format!("damaged: {digest}, which no tag needs")
        }
        Finding::Damaged { digest, tags } => format!("damaged: {digest}, needed by {}", tags.join(", ")),
        Finding::Orphan { digest } => format!("orphan: {digest} is in no repository"),
        Finding::Garbled { manifest } => format!("garbled: {manifest} is not what its digest says"),
        Finding::Missing { manifest, content } => {
            format!("missing: {manifest} names {content}, which is not there")
        }
        Finding::Miscounted { organisation, counted, found } => {
            format!("miscounted: {organisation} stores {found} bytes and is counted to store {counted}")
        }
        Finding::Stray { object } => format!("stray: {object}, to which nothing leads"),
    }
}
