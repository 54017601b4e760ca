//! What a listener holds, turned away or cut off: no request would show it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use wharf_core::meter::{Counter, Gauge};

/// What is open now, and totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections that were accepted and have not ended.
    pub(crate) open_connections: Gauge,
    /// Times no connection could be accepted, for want of descriptors, say.
    pub(crate) failed_accepts: Counter,
    /// Connections of clients that held as many as they may.
    pub(crate) refused_connections: Counter,
    /// Connections cut off because answers waited for their readers in too much memory.
    pub(crate) cut_connections: Counter,
    /// TLS handshakes that failed or took too long.
    pub(crate) failed_handshakes: Counter,
    /// Connections ended because no head of a request was whole in time, idle ones included.
    pub(crate) late_heads: Counter,
    /// Bodies of requests that ended because they stood still or trickled.
    pub(crate) stalled_bodies: Counter,
    /// Connections ended because their peer took nothing of its answers, or too little.
    pub(crate) slow_readers: Counter,
}

/// A connection that counts as open until this is dropped.
pub(super) struct Open(Arc<Counts>);

impl Open {
    pub(super) fn begin(counts: &Arc<Counts>) -> Self {
        counts.open_connections.raise();
        Self(counts.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open_connections.lower();
    }
}

/// Why a connection was given up. It counts once: several clocks may run out at one moment, and what is tried after that
/// fails the same way.
pub(super) struct Ending {
    counts: Arc<Counts>,
    is_counted: AtomicBool,
}

impl Ending {
    pub(super) fn of(counts: &Arc<Counts>) -> Arc<Self> {
        Arc::new(Self { counts: counts.clone(), is_counted: AtomicBool::new(false) })
    }

    pub(super) fn count(&self, which: impl FnOnce(&Counts) -> &Counter) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            which(&self.counts).increment();
        }
    }
}
