//! What a server asks of its process before it begins: private files, and descriptors for its connections.

use rustix::{
    fs::Mode,
    process::{Resource, Rlimit, getrlimit, setrlimit, umask},
};
use wharf_registry::upstream::MOST_CONNECTIONS;

/// Descriptors that are not for connections: the database, the log, the objects that are being moved.
const RESERVED: u64 = 256;
/// What is fetched from upstreams holds besides: its connections, files that are being written, and connections that are
/// kept for the next fetch.
const UPSTREAMS: u64 = 3 * MOST_CONNECTIONS as u64;
/// What a connection may hold: itself and an object.
const EACH: u64 = 2;
/// How many connections are enough where nobody says how many.
const ENOUGH: usize = 10_000;

/// Lets nobody but the owner read what this process makes.
pub(crate) fn keep_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Raises the limit of descriptors as far as it may be, and says how many connections there can be: as many as are
/// wanted, if so many fit. Nobody is warned who wanted no certain number.
pub(crate) fn connections(wanted: Option<usize>) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let descriptors = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    let fitting = descriptors
        .map_or(u64::MAX, |descriptors| (descriptors.saturating_sub(RESERVED + UPSTREAMS) / EACH).max(1));
    let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
    if let Some(wanted) = wanted.filter(|wanted| fitting < *wanted) {
        tracing::warn!(wanted, fitting, "fewer connections than configured: the limit of descriptors is low");
    }
    wanted.unwrap_or(ENOUGH).min(fitting)
}
