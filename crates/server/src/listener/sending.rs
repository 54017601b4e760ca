//! Files that leave by `sendfile(2)`: the kernel moves their bytes to the socket, and none comes through this process.
//!
//! hyper knows bytes only. So an answer that is a part of a file goes to it as a [`Piece`] whose bytes are a marker, as
//! long as the part and never read. hyper hands the same slices to the connection, which knows the marker by its address
//! and sends the file instead ([`Sender`]). A connection has a list of its own of the parts that are on their way, in the
//! order of their answers ([`Parts`]); only plain HTTP/1 over TCP has one.
//!
//! The marker can never go out for bytes: a piece holds what hyper calls written against what was truly sent of its
//! file, and where that is not the same, the connection ends before anything else is written.

mod body;
mod sender;
#[cfg(test)]
mod tests;
mod warmth;

use std::{
    collections::VecDeque,
    fs::File,
    io::IoSlice,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use wharf_http::FilePart;

pub(super) use self::{body::Outgoing, sender::Sender};
use crate::metrics::Answered;

/// How long a slice of the marker is at most: how much one call sends.
const STRETCH: usize = 512 * 1024;

/// What stands for the bytes of files.
static MARKER: [u8; STRETCH] = [0; STRETCH];

fn is_marker(slice: &IoSlice<'_>) -> bool {
    MARKER.as_ptr_range().contains(&slice.as_ptr())
}

/// A part of a file on its way.
struct Part {
    file: Arc<File>,
    offset: u64,
    length: u64,
    /// How much of it was sent.
    sent: AtomicU64,
    /// The request it answers, for its counters.
    answered: Option<Arc<Answered>>,
}

impl Part {
    fn left(&self) -> u64 {
        self.length - self.sent.load(Ordering::Acquire)
    }

    /// Takes note that so many more bytes were sent.
    fn advance(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::AcqRel);
        if let Some(answered) = &self.answered {
            answered.sent_file(bytes);
        }
    }
}

/// The parts on their way over one connection, the next one first. All clones are one.
#[derive(Clone, Default)]
pub(super) struct Parts(Arc<Queue>);

#[derive(Default)]
struct Queue {
    parts: Mutex<VecDeque<Arc<Part>>>,
    /// What was called written was not sent: nothing more may be.
    is_broken: AtomicBool,
}

impl Parts {
    fn push(&self, part: FilePart, answered: Option<Arc<Answered>>) -> Arc<Part> {
        let FilePart { file, offset, length } = part;
        let part = Arc::new(Part { file, offset, length, sent: AtomicU64::new(0), answered });
        self.0.parts.lock().unwrap_or_else(PoisonError::into_inner).push_back(part.clone());
        part
    }

    /// The part whose turn it is, if something is left of any.
    fn next(&self) -> Option<Arc<Part>> {
        let mut parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner);
        while parts.front().is_some_and(|part| part.left() == 0) {
            parts.pop_front();
        }
        parts.front().cloned()
    }

    /// Forgets a part, sent or not.
    fn remove(&self, part: &Arc<Part>) {
        let mut parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|listed| !Arc::ptr_eq(listed, part));
    }

    fn break_off(&self) {
        self.0.is_broken.store(true, Ordering::Release);
    }

    fn is_broken(&self) -> bool {
        self.0.is_broken.load(Ordering::Acquire)
    }
}
