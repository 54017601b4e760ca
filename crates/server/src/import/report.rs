//! What became of everything: a line for each thing as it is done, and a summary that names what failed.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use wharf_core::Digest;

use super::progress::Bar;

/// Who reads the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Somebody at a terminal or of a log.
    Human,
    /// A program: one JSON object for each line.
    Machine,
}

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
    reader: Reader,
    pub(super) bar: Bar,
    counts: Mutex<Counts>,
}

impl Report {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, bar: Bar::new(), counts: Mutex::default() }
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
        match (self.reader, &line.outcome) {
            (Reader::Machine, _) => {
                let digest = line.digest.map(|digest| digest.to_string());
                self.bar.tell(
                    &json!({
                        "event": line.kind, "source": line.source, "target": line.target, "digest": digest,
                        "outcome": word, "reason": reason,
                    })
                    .to_string(),
                );
            }
            (Reader::Human, Outcome::Imported | Outcome::Missing) => {
                self.bar.tell(&format!("{word} {} -> {}", line.source, line.target));
            }
            // What failed is named once, at the end.
            (Reader::Human, Outcome::Present | Outcome::Failed(_)) => {}
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
    pub(super) fn end(&self) -> bool {
        self.bar.end();
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match self.reader {
            Reader::Machine => println!("{}", counts.json()),
            Reader::Human => counts.print(),
        }
        counts.failed.is_empty() && counts.ended_early.is_none()
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

    fn print(&self) {
        let Self { imported, present, missing, failed, .. } = self;
        println!("imported {imported}, there already {present}, failed {}", failed.len());
        if *missing > 0 {
            println!("missing {missing}, with {} bytes of blobs: nothing was sent", self.bytes_missing);
        }
        let (sent, bytes) = (self.blobs_sent, self.bytes_sent);
        println!(
            "blobs: {sent} sent with {bytes} bytes, {} mounted, {} there already",
            self.blobs_mounted, self.blobs_present
        );
        for failure in failed {
            println!("not imported: {failure}");
        }
        if let Some(reason) = &self.ended_early {
            println!("ended early, and the rest was not tried: {reason}");
        }
    }
}
