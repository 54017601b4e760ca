//! What a store of files counts of its own work.

use wharf_core::meter::{Counter, Durations};

/// The file store's meters.
#[derive(Debug, Default)]
pub struct Meters {
    /// How long it took to flush the bytes of a finished object.
    pub flushes: Durations,
    /// Flushes that failed, each of which ended its upload.
    pub flushes_failed: Counter,
    /// Uploads that were stopped in their course because the disk was nearly full.
    pub stopped: Counter,
}
