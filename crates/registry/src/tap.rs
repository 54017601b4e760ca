//! Taps: what else looks at the bytes of an upload as they pass.

use bytes::Bytes;
use wharf_hash::{Extra, ExtraHasher};

/// Watches an upload's bytes, for example to index a layer while it arrives.
///
/// It must not slow the push: `observe` runs beside the hash, on a thread of its own, and the next bytes wait for both. An observer that cannot keep up drops
/// what it has and does its work later from the stored blob.
pub trait UploadObserver: Send {
    /// Sees the next bytes, in order, each once.
    fn observe(&mut self, bytes: &Bytes);
    /// Learns that the upload ended: as a stored blob, or not.
    fn end(self: Box<Self>, stored: bool);
}

/// The taps of one upload that comes in a single request.
#[derive(Default)]
pub struct Taps {
    extra: Vec<(Extra, ExtraHasher)>,
    observers: Vec<Box<dyn UploadObserver>>,
}

impl Taps {
    /// No taps.
    pub fn none() -> Self {
        Self::default()
    }

    /// Asks for one more digest. It is exact and part of the one pass.
    #[must_use]
    pub fn digest(mut self, extra: Extra) -> Self {
        self.extra.push((extra, ExtraHasher::new(extra)));
        self
    }

    /// Lets an observer watch.
    #[must_use]
    pub fn observer(mut self, observer: Box<dyn UploadObserver>) -> Self {
        self.observers.push(observer);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.extra.is_empty() && self.observers.is_empty()
    }

    pub(crate) fn update(&mut self, bytes: &Bytes) {
        for (_, hasher) in &mut self.extra {
            hasher.update(bytes);
        }
        for observer in &mut self.observers {
            observer.observe(bytes);
        }
    }

    pub(crate) fn end(self, stored: bool) -> Vec<(Extra, Vec<u8>)> {
        for observer in self.observers {
            observer.end(stored);
        }
        self.extra.into_iter().map(|(extra, hasher)| (extra, hasher.finish())).collect()
    }
}
