//! What became of everything: a line for each repository, and a summary that names what failed.

use std::sync::{Mutex, PoisonError};

use serde_json::json;
use wharf_core::{Error, Result};

use crate::{
    import::Bar,
    output::{OutputFormat, printable, say},
};

/// The report in the making.
pub(super) struct Report {
    output: OutputFormat,
    pub(super) bar: Bar,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    repositories: u64,
    manifests: u64,
    blobs_fetched: u64,
    bytes_fetched: u64,
    blobs_present: u64,
    failed: Vec<String>,
}

/// How a content came to be in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Fetched,
    /// It was there, here or in another repository.
    Present,
}

impl Report {
    pub(super) fn new(output: OutputFormat) -> Self {
        Self { output, bar: Bar::new(), counts: Mutex::default() }
    }

    /// Notes a repository of so many manifests and tags, and says so.
    pub(super) fn note_repository(&self, name: &str, manifests: usize, tags: usize) {
        self.count(|counts| {
            counts.repositories += 1;
            counts.manifests += manifests as u64;
        });
        match self.output {
            OutputFormat::Json => {
                let line =
                    json!({ "event": "repository", "name": name, "manifests": manifests, "tags": tags });
                self.bar.tell(&line.to_string());
            }
            OutputFormat::Text => {
                self.bar.tell(&printable(&format!("{name}: {manifests} manifests, {tags} tags")));
            }
        }
    }

    /// Notes a blob of so many bytes.
    pub(super) fn note_blob(&self, came: Came, size: u64) {
        self.count(|counts| match came {
            Came::Fetched => {
                counts.blobs_fetched += 1;
                counts.bytes_fetched += size;
            }
            Came::Present => counts.blobs_present += 1,
        });
    }

    /// Notes what could not be had, with its causes: whoever reads it is who must act.
    pub(super) fn fail(&self, what: &str, error: &Error) {
        let words = format!("{what}: {}", error.in_full());
        self.count(|counts| counts.failed.push(words));
    }

    /// Whether nothing failed so far.
    pub(super) fn is_complete(&self) -> bool {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).failed.is_empty()
    }

    /// Prints the summary; says whether everything is there.
    ///
    /// # Errors
    /// `Internal` where it cannot be written.
    pub(super) fn end(&self) -> Result<bool> {
        self.bar.end();
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let Counts { repositories, manifests, blobs_fetched, bytes_fetched, blobs_present, failed } =
            &*counts;
        let summary = match self.output {
            OutputFormat::Json => {
                let summary = json!({
                    "event": "summary", "repositories": repositories, "manifests": manifests, "failed": failed,
                    "blobs_fetched": blobs_fetched, "bytes_fetched": bytes_fetched, "blobs_present": blobs_present,
                });
                format!("{summary}\n")
            }
            OutputFormat::Text => {
                let whole = format!(
                    "exported {repositories} repositories with {manifests} manifests; blobs: {blobs_fetched} fetched with \
                     {bytes_fetched} bytes, {blobs_present} there already"
                );
                let failed = failed.iter().map(|words| printable(&format!("not exported: {words}")));
                [whole].into_iter().chain(failed).map(|line| line + "\n").collect()
            }
        };
        say(&summary).map(|()| failed.is_empty())
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
