//! What became of every plugin: a line for each as it is done, and a summary.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::json;
use wharf_core::{Digest, Error, Kind, Result};
use wharf_outbound::Progress;

use crate::{
    import::Bar,
    output::{OutputFormat, printable, say},
};

/// What became of one thing.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// The registry has it now.
    Added,
    /// It lies in the folder now.
    Installed,
    /// It was there already.
    Present,
    /// It is what it should be.
    Good,
    /// It was left alone, for a reason.
    Skipped(String),
    Failed(String),
    /// It would be added, were this no rehearsal.
    Missing,
    /// It failed because the registry is away, or will not have us: nothing else would go better.
    Lost(String),
}

/// A line of the report.
pub(super) struct Line {
    /// The file, or the name that was asked for.
    pub(super) subject: String,
    /// What it holds, where that is known.
    pub(super) plugin: String,
    pub(super) digest: Option<Digest>,
    pub(super) outcome: Outcome,
}

/// The report in the making.
pub(super) struct Report {
    event: &'static str,
    output: OutputFormat,
    bar: Bar,
    counts: BTreeMap<&'static str, u64>,
    lost: bool,
}

impl Outcome {
    /// A failure, with its causes: whoever reads it is who must act.
    pub(super) fn failed(error: &Error) -> Self {
        match error.kind() {
            Kind::Unavailable | Kind::Timeout | Kind::Unauthenticated | Kind::StorageFull => {
                Self::Lost(error.in_full())
            }
            _ => Self::Failed(error.in_full()),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Installed => "installed",
            Self::Present => "present",
            Self::Good => "good",
            Self::Skipped(_) => "skipped",
            Self::Missing => "missing",
            Self::Failed(_) | Self::Lost(_) => "failed",
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Skipped(reason) | Self::Failed(reason) | Self::Lost(reason) => Some(printable(reason)),
            _ => None,
        }
    }
}

impl Report {
    /// A report on what is done.
    pub(super) fn new(event: &'static str, output: OutputFormat) -> Self {
        Self { event, output, bar: Bar::new(), counts: BTreeMap::new(), lost: false }
    }

    /// Names what is on its way now, and says whom to tell how far it is.
    pub(super) fn on_its_way(&self, what: &str) -> Progress {
        self.bar.about(&printable(what));
        let (bar, length, over) = (self.bar.clone(), AtomicU64::new(0), AtomicU64::new(0));
        // What is sent again is not counted twice.
        Arc::new(move |position, whole| {
            bar.more(whole.saturating_sub(length.fetch_max(whole, Ordering::Relaxed)));
            bar.over(position.saturating_sub(over.fetch_max(position, Ordering::Relaxed)));
        })
    }

    /// Notes what became of a thing, and says so.
    pub(super) fn note(&mut self, line: &Line) {
        let Line { subject, plugin, digest, outcome } = line;
        let (word, reason) = (outcome.word(), outcome.reason());
        *self.counts.entry(word).or_default() += 1;
        self.lost |= matches!(outcome, Outcome::Lost(_));
        let digest = digest.map(|digest| digest.hex());
        if self.output == OutputFormat::Json {
            let line = json!({
                "event": self.event, "subject": subject, "plugin": plugin, "digest": digest,
                "outcome": word, "reason": reason,
            });
            return self.bar.tell(&line.to_string());
        }
        let told = [Some(plugin.clone()), digest.map(|digest| digest.chars().take(7).collect()), reason];
        let told: Vec<String> = told.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        self.bar.tell(&format!("{word} {}: {}", printable(subject), told.join(", ")));
    }

    /// Whether there is no use in going on.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// Prints the summary; says whether nothing failed.
    ///
    /// # Errors
    /// `Internal` where the report cannot be written.
    pub(super) fn end(self) -> Result<bool> {
        self.bar.end();
        let failed = self.counts.get("failed").copied().unwrap_or_default();
        let summary = match self.output {
            OutputFormat::Json => {
                let mut summary = BTreeMap::from([("event", json!("summary")), ("failed", json!(failed))]);
                summary.extend(self.counts.iter().map(|(word, count)| (*word, json!(count))));
                json!(summary).to_string()
            }
            OutputFormat::Text => {
                let counts: Vec<String> =
                    self.counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
                if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") }
            }
        };
        say(&format!("{summary}\n")).map(|()| failed == 0)
    }
}
