//! What became of everything: a line for each thing as it is done, and a summary that names what failed.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use wharf_core::{Digest, Result};

use super::progress::Bar;
use crate::output::{OutputFormat, printable, say};

/// What became of one thing.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Imported,
    /// It was there already, with this digest.
    Present,
    /// It would be imported, were this no rehearsal.
    Missing,
    Failed(String),
}

/// One thing that was to be imported.
pub(super) struct Line {
    /// `tag`, `manifest`, `referrer`, `referrers`, `tags`, `file`, `files`.
    pub(super) kind: &'static str,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) digest: Option<Digest>,
    pub(super) outcome: Outcome,
}

/// What became of one blob.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blob {
    Sent,
    Mounted,
    Present,
    Missing,
}

#[derive(Default)]
struct Counts {
    imported: u64,
    present: u64,
    missing: u64,
    failed: Vec<String>,
    blobs_sent: u64,
    bytes_sent: u64,
    blobs_mounted: u64,
    blobs_present: u64,
    bytes_missing: u64,
    ended_early: Option<String>,
}

/// The report in the making.
pub(super) struct Report {
    output: OutputFormat,
    pub(super) bar: Bar,
    counts: Mutex<Counts>,
}

impl Report {
    pub(super) fn new(output: OutputFormat) -> Self {
        Self { output, bar: Bar::new(), counts: Mutex::default() }
    }

    /// Notes what became of a thing, and says so.
    pub(super) fn note(&self, line: &Line) {
        let (word, reason) = match &line.outcome {
            Outcome::Imported => ("imported", None),
            Outcome::Present => ("present", None),
            Outcome::Missing => ("missing", None),
            Outcome::Failed(reason) => ("failed", Some(reason)),
        };
        self.count(|counts| match &line.outcome {
            Outcome::Imported => counts.imported += 1,
            Outcome::Present => counts.present += 1,
            Outcome::Missing => counts.missing += 1,
            Outcome::Failed(reason) => counts.failed.push(format!("{}: {reason}", line.source)),
        });
        match (self.output, &line.outcome) {
            (OutputFormat::Json, _) => {
                let digest = line.digest.map(|digest| digest.to_string());
                self.bar.tell(
                    &json!({
                        "event": line.kind, "source": line.source, "target": line.target, "digest": digest,
                        "outcome": word, "reason": reason,
                    })
                    .to_string(),
                );
            }
            (OutputFormat::Text, Outcome::Imported | Outcome::Missing) => {
                self.bar.tell(&printable(&format!("{word} {} -> {}", line.source, line.target)));
            }
            // What failed is named once, at the end.
            (OutputFormat::Text, Outcome::Present | Outcome::Failed(_)) => {}
        }
    }

    /// Notes what became of a blob of so many bytes.
    pub(super) fn note_blob(&self, blob: Blob, size: u64) {
        self.count(|counts| match blob {
            Blob::Sent => {
                counts.blobs_sent += 1;
                counts.bytes_sent += size;
            }
            Blob::Mounted => counts.blobs_mounted += 1,
            Blob::Present => counts.blobs_present += 1,
            Blob::Missing => counts.bytes_missing += size,
        });
    }

    /// The rest was not tried.
    pub(super) fn end_early(&self, reason: &str) {
        self.count(|counts| {
            counts.ended_early.get_or_insert_with(|| reason.to_owned());
        });
    }

    /// Prints the summary; says whether everything is there.
    ///
    /// # Errors
    /// `Internal` where the report cannot be written.
    pub(super) fn end(&self) -> Result<bool> {
        self.bar.end();
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = match self.output {
            OutputFormat::Json => format!("{}\n", counts.json()),
            OutputFormat::Text => counts.text(),
        };
        say(&summary).map(|()| counts.failed.is_empty() && counts.ended_early.is_none())
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Counts {
    fn json(&self) -> Value {
        json!({
            "event": "summary", "imported": self.imported, "present": self.present, "missing": self.missing,
            "failed": self.failed.len(), "blobs_sent": self.blobs_sent, "bytes_sent": self.bytes_sent,
            "blobs_mounted": self.blobs_mounted, "blobs_present": self.blobs_present,
            "bytes_missing": self.bytes_missing, "ended_early": self.ended_early,
        })
    }

    fn text(&self) -> String {
        let Self { imported, present, missing, failed, .. } = self;
        let mut lines =
            vec![format!("imported {imported}, there already {present}, failed {}", failed.len())];
        if *missing > 0 {
            let bytes = self.bytes_missing;
            lines.push(format!("missing {missing}, with {bytes} bytes of blobs: nothing was sent"));
        }
        let (sent, bytes) = (self.blobs_sent, self.bytes_sent);
        let (mounted, there) = (self.blobs_mounted, self.blobs_present);
        lines
            .push(format!("blobs: {sent} sent with {bytes} bytes, {mounted} mounted, {there} there already"));
        lines.extend(failed.iter().map(|failure| format!("not imported: {failure}")));
        let reason = self.ended_early.as_ref();
        lines.extend(reason.map(|reason| format!("ended early, and the rest was not tried: {reason}")));
        lines.iter().map(|line| printable(line) + "\n").collect()
    }
}
