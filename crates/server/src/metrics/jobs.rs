//! What is counted of the jobs.

use std::fmt;

use wharf_core::{
    Result, Timestamp,
    meter::{Counter, Durations, Gauge},
};

use super::page::{Label, Page, number, seconds};

/// One meter for each kind of job.
#[derive(Default)]
pub(crate) struct JobMeters {
    /// Stale uploads, condemned objects, empty repositories.
    pub(crate) sweep: JobMeter,
    /// What uploads left in the store beside their objects.
    pub(crate) leftovers: JobMeter,
    /// Objects that no row leads to.
    pub(crate) strays: JobMeter,
    /// What the rules of registries let go.
    pub(crate) retention: JobMeter,
    /// Pages that were rendered and are not in the store yet.
    pub(crate) pages: JobMeter,
    /// Signing keys and ended refresh tokens.
    pub(crate) keys: JobMeter,
    /// What the database keeps for itself.
    pub(crate) database: JobMeter,
    /// What was noted for the audit log.
    pub(crate) notes: JobMeter,
    /// The audit log's next records.
    pub(crate) seal: JobMeter,
    /// Months of the audit log that are old enough to be forgotten.
    pub(crate) audit_history: JobMeter,
    /// Events on their way to webhooks.
    pub(crate) webhooks: JobMeter,
    /// Letters on their way to users.
    pub(crate) letters: JobMeter,
    /// The ballast, and a look at the disk.
    pub(crate) disk: JobMeter,
    /// Blobs that are read and hashed again.
    pub(crate) scrub: JobMeter,
}

/// What is counted of one kind of job.
#[derive(Default)]
pub(crate) struct JobMeter {
    runs: Durations,
    failures: Counter,
    /// In seconds since 1970.
    last_success: Gauge,
}

impl JobMeter {
    /// Runs the job, at this moment.
    pub(crate) async fn run<T>(&self, now: Timestamp, job: impl Future<Output = Result<T>>) -> Result<T> {
        let done = self.runs.time(job).await;
        match &done {
            Ok(_) => self.last_success.set(now.seconds()),
            Err(_) => self.failures.increment(),
        }
        done
    }
}

impl JobMeters {
    pub(super) fn show(&self, page: &mut Page<'_>) -> fmt::Result {
        let jobs = || {
            [
                ("sweep", &self.sweep),
                ("leftovers", &self.leftovers),
                ("strays", &self.strays),
                ("retention", &self.retention),
                ("pages", &self.pages),
                ("keys", &self.keys),
                ("database", &self.database),
                ("notes", &self.notes),
                ("seal", &self.seal),
                ("audit_history", &self.audit_history),
                ("webhooks", &self.webhooks),
                ("letters", &self.letters),
                ("disk", &self.disk),
                ("scrub", &self.scrub),
            ]
        };
        let label = |kind| -> Label { [("job", kind)] };
        let runs = jobs().map(|(kind, job)| (label(kind), job.runs.spread()));
        page.labelled_durations(&seconds("job_duration", "How long jobs took, failed ones too"), runs)?;
        let failures = jobs().map(|(kind, job)| (label(kind), job.failures.value()));
        page.counters(&number("job_failures", "Jobs that failed and are tried again"), failures)?;
        let succeeded = jobs().map(|(kind, job)| (label(kind), job.last_success.value()));
        let help = "When a job last succeeded, in seconds since 1970; 0 for never";
        page.gauges(&seconds("job_last_success_timestamp", help), succeeded)
    }
}
