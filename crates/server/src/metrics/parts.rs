//! The meters of the parts, by name.

use std::{fmt, sync::Arc};

use wharf_auth::Auth;
use wharf_meta::{Database, State};
use wharf_registry::{Registry, upstream::Upstreams};

use super::{
    jobs::JobMeters,
    page::{Page, bytes, number, seconds},
    requests::RequestMeters,
};
use crate::{
    listener::{Counts, Room},
    storage::Storage,
};

/// Where the numbers are read.
pub(crate) struct MeteredParts {
    pub(crate) requests: Arc<RequestMeters>,
    pub(crate) registry: Registry,
    pub(crate) upstreams: Upstreams,
    pub(crate) auth: Auth,
    pub(crate) database: Database,
    pub(crate) storage: Storage,
    pub(crate) jobs: Arc<JobMeters>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) room: Arc<Room>,
}

impl fmt::Debug for MeteredParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MeteredParts")
    }
}

impl MeteredParts {
    pub(super) fn show(&self, page: &mut Page<'_>) -> fmt::Result {
        let build = [("version", env!("CARGO_PKG_VERSION"))];
        page.info(&number("build", "What runs here"), &build)?;
        self.requests.show(page)?;
        self.show_listeners(page)?;
        self.show_registry(page)?;
        self.show_scrub(page)?;
        self.show_upstreams(page)?;
        self.show_auth(page)?;
        self.show_database(page)?;
        self.storage.show(page)?;
        self.jobs.show(page)
    }

    fn show_listeners(&self, page: &mut Page<'_>) -> fmt::Result {
        let counts = &self.counts;
        let help = "Connections that are open, those of the local socket and of this page included";
        page.gauge(&number("connections_open", help), counts.open_connections.value())?;
        let help = "Times no connection could be accepted";
        page.counter(&number("accepts_failed", help), counts.failed_accepts.value())?;
        let help = "Connections of clients that held as many as they may";
        page.counter(&number("connections_refused", help), counts.refused_connections.value())?;
        let help = "Connections cut off because answers waited for their readers in too much memory";
        page.counter(&number("connections_cut", help), counts.cut_connections.value())?;
        let help = "Bytes of answers in memory that wait for their readers";
        page.gauge(&bytes("answers_held", help), self.room.held() as u64)?;
        let help = "TLS handshakes that failed or took too long";
        page.counter(&number("tls_handshakes_failed", help), counts.failed_handshakes.value())?;
        let help = "Connections ended because no head of a request was whole in time, idle ones included";
        page.counter(&number("heads_timed_out", help), counts.late_heads.value())?;
        let help = "Bodies of requests that ended because they stood still or trickled";
        page.counter(&number("bodies_stalled", help), counts.stalled_bodies.value())?;
        let help = "Connections ended because their peer took nothing of its answers, or too little";
        page.counter(&number("readers_cut", help), counts.slow_readers.value())
    }

    fn show_registry(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = self.registry.meters();
        let uploads = &meters.uploads;
        page.counter(&number("uploads_begun", "Uploads that were begun"), uploads.begun.value())?;
        let ended = [
            ("finished", &uploads.finished),
            ("cancelled", &uploads.cancelled),
            ("expired", &uploads.expired),
        ];
        page.counted(&number("uploads_ended", "Uploads, by what became of them"), "outcome", &ended)?;
        let help = "Times the bytes of an upload were read once more, for a digest that was never announced";
        page.counter(&number("uploads_reread", help), uploads.reread.value())?;
        page.gauge(&number("uploads_open", "Uploads there were at the last sweep"), uploads.open.value())?;
        let help = "Bytes of blobs that were written to the store";
        page.counter(&bytes("blob_received", help), meters.received_bytes.value())?;
        let help = "Times a blob was asked for whose bytes are lost";
        page.counter(&number("blobs_damaged", help), meters.blobs_damaged.value())?;
        let help = "How long bodies waited for their turn";
        page.durations(&seconds("turn_wait", help), &meters.turn_waits)?;
        page.counter(&number("turns_refused", "Bodies that waited in vain"), meters.turns_refused.value())?;
        page.gauge(&number("turns_held", "Bodies that have their turn"), self.registry.turns_held() as u64)?;
        let help = "Objects that no row leads to any more, due for removal";
        page.counter(&number("objects_condemned", help), meters.objects_condemned.value())?;
        page.counter(&number("objects_removed", "Objects removed"), meters.objects_removed.value())?;
        let help = "Removals of objects that failed and were put off";
        page.counter(&number("objects_stuck", help), meters.objects_stuck.value())?;
        let forgotten = [("tags", &meters.forgotten.moves), ("events", &meters.forgotten.events)];
        let help = "Moves of tags and events that were forgotten for their age";
        page.counted(&number("history_forgotten", help), "history", &forgotten)?;
        let help = "Memberships of blobs in repositories that the collector ended";
        page.counter(&number("memberships_collected", help), meters.memberships_collected.value())?;
        let help = "Blobs that went with their last membership";
        page.counter(&number("blobs_collected", help), meters.blobs_collected.value())
    }

    fn show_scrub(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = &self.registry.meters().scrub;
        page.counter(
            &bytes("scrub_read", "Bytes of blobs that were read and hashed again"),
            meters.bytes.value(),
        )?;
        let help = "Blobs whose bytes the scrub found gone or wrong";
        page.counter(&number("scrub_damaged", help), meters.damaged.value())?;
        let help = "Blobs the scrub passed over, for they could not be read";
        page.counter(&number("scrub_unread", help), meters.unread.value())?;
        let help = "When every blob had last been read, in seconds since 1970; 0 for never";
        page.gauge(&seconds("scrub_round_timestamp", help), meters.last_round.value())
    }

    fn show_upstreams(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = self.upstreams.meters();
        let documents = [
            ("fetched", &meters.documents_fetched),
            ("unchanged", &meters.documents_unchanged),
            ("stale", &meters.documents_stale),
        ];
        let help = "Pages and lists of upstreams: fetched anew, found to stand, served as they were as the upstream was away";
        page.counted(&number("upstream_documents", help), "outcome", &documents)?;
        let files = [("fetched", &meters.files_fetched), ("failed", &meters.files_failed)];
        let help = "Files of upstreams: stored, or not what was promised";
        page.counted(&number("upstream_files", help), "outcome", &files)
    }

    fn show_auth(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = self.auth.meters();
        let passwords = [
            ("right", &meters.passwords_right),
            ("remembered", &meters.passwords_remembered),
            ("wrong", &meters.passwords_wrong),
            ("unheard", &meters.passwords_unheard),
        ];
        page.counted(&number("passwords", "Passwords that were shown"), "outcome", &passwords)?;
        let help = "How long checks of passwords took, with the wait for a core";
        page.durations(&seconds("password_check", help), &meters.password_checks)?;
        let load = self.auth.password_load();
        let help = "Checks of passwords that have a core";
        page.gauge(&number("password_checks_running", help), load.running as u64)?;
        let help = "Checks of passwords that wait for a core";
        page.gauge(&number("password_checks_waiting", help), load.waiting as u64)?;
        page.counter(&number("tokens_issued", "Bearer tokens issued"), meters.tokens_issued.value())?;
        page.counter(&number("tokens_refused", "Bearer tokens not accepted"), meters.tokens_refused.value())?;
        page.counter(
            &number("workloads_admitted", "Jobs let in by the token of their issuer"),
            meters.workloads_admitted.value(),
        )?;
        page.counter(
            &number("workloads_refused", "Jobs not let in by the token of their issuer"),
            meters.workloads_refused.value(),
        )
    }

    fn show_database(&self, page: &mut Page<'_>) -> fmt::Result {
        let meters = self.database.meters();
        let operations = [("read", meters.reads.spread()), ("write", meters.writes.spread())];
        let help = "How long operations of the database took, with every wait";
        let rows = operations.map(|(operation, spread)| ([("operation", operation)], spread));
        page.labelled_durations(&seconds("database_operation", help), rows)?;
        let help = "Questions that were answered from memory";
        page.counter(&number("database_recalls", help), meters.recalls.value())?;
        let failures = [("read", &meters.reads_failed), ("write", &meters.writes_failed)];
        let help = "Operations that the database failed";
        page.counted(&number("database_failures", help), "operation", &failures)?;
        match self.database.state() {
            State::Sqlite { database_bytes, log_bytes, waiting } => {
                let help = "How long commits took, which is their flush";
                page.durations(&seconds("database_commit", help), &meters.commits)?;
                let help = "How many writes shared a commit";
                page.spread(&number("database_batch_operations", help), &meters.batches.spread())?;
                page.gauge(&bytes("database_size", "The database's file"), database_bytes)?;
                page.gauge(&bytes("database_log_size", "The write-ahead log's file"), log_bytes)?;
                page.gauge(&number("database_waiting", "Operations that wait"), waiting as u64)
            }
            State::Postgres { open, idle, waiting } => {
                let help = "How long it took to learn what other nodes changed, once for all who waited";
                page.durations(&seconds("database_catch_up", help), &meters.catch_ups)?;
                let rows = [("used", open.saturating_sub(idle)), ("idle", idle)];
                let rows = rows.map(|(state, count)| ([("state", state)], count as u64));
                page.gauges(&number("database_connections", "Connections to the database"), rows)?;
                page.gauge(&number("database_waiting", "Operations that wait"), waiting as u64)
            }
        }
    }
}
