//! What the registry counts of its own work.

use wharf_core::meter::{Counter, Durations, Gauge};

/// The registry's meters.
#[derive(Debug, Default)]
pub struct Meters {
    /// How long bodies waited for their turn; most do not.
    pub turn_waits: Durations,
    /// Bodies that waited in vain.
    pub turns_refused: Counter,
    /// Bytes of blobs that were written to the store.
    pub received_bytes: Counter,
    /// Uploads, by what became of them.
    pub uploads: UploadMeters,
    /// Memberships the collector ended.
    pub memberships_collected: Counter,
    /// Blobs that went with their last membership.
    pub blobs_collected: Counter,
    /// Objects no row leads to any more, which are due for removal.
    pub objects_condemned: Counter,
    /// Objects removed.
    pub objects_removed: Counter,
    /// Removals that failed and were put off.
    pub objects_stuck: Counter,
    /// What was forgotten for its age.
    pub forgotten: ForgottenMeters,
    /// Times a blob was asked for whose object is gone or of another length.
    pub blobs_damaged: Counter,
    /// What the scrub looked at here.
    pub scrub: ScrubMeters,
}

/// What the scrub looked at here, and how far it is anywhere.
#[derive(Debug, Default)]
pub struct ScrubMeters {
    /// Bytes it read and hashed.
    pub bytes: Counter,
    /// Blobs whose bytes it found gone or wrong.
    pub damaged: Counter,
    /// Blobs it passed over, for they could not be read.
    pub unread: Counter,
    /// When a round last ended, on whatever node, in seconds since 1970; 0 for never.
    pub last_round: Gauge,
}

/// Uploads, by what became of them.
#[derive(Debug, Default)]
pub struct UploadMeters {
    /// Uploads that were begun.
    pub begun: Counter,
    /// Uploads that became a blob.
    pub finished: Counter,
    /// Uploads that their client, a failure or a refusal ended.
    pub cancelled: Counter,
    /// Uploads nobody touched for too long.
    pub expired: Counter,
    /// Times the bytes of one were read once more, for a digest that was never announced.
    pub reread: Counter,
    /// Uploads there were at the last sweep.
    pub open: Gauge,
}

/// What was forgotten for its age.
#[derive(Debug, Default)]
pub struct ForgottenMeters {
    /// Moves of tags.
    pub moves: Counter,
    /// Events.
    pub events: Counter,
}
