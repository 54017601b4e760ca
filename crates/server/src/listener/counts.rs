//! What a listener turned away before there was a request: nothing else would show it.

use wharf_core::meter::Counter;

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections of clients that held as many as they may.
    pub(crate) refused_connections: Counter,
    /// TLS handshakes that failed or took too long.
    pub(crate) failed_handshakes: Counter,
}
