//! What a listener turned away before there was a request: nothing else would show it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections of clients that held as many as they may.
    pub(crate) refused_connections: Count,
    /// TLS handshakes that failed or took too long.
    pub(crate) failed_handshakes: Count,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds one, and says how many that makes.
    pub(crate) fn add(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}
