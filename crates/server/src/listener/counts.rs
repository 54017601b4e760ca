//! What a listener turned away or cut off: no request would show it.

use wharf_core::meter::Counter;

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections of clients that held as many as they may.
    pub(crate) refused_connections: Counter,
    /// Connections cut off because answers waited for their readers in too much memory.
    pub(crate) cut_connections: Counter,
    /// TLS handshakes that failed or took too long.
    pub(crate) failed_handshakes: Counter,
}
