//! Taps: what else looks at the bytes of an upload as they pass.

use bytes::Bytes;
use futures_util::future::{join, try_join_all};
use tokio::task::{JoinError, spawn_blocking};
use wharf_hash::{Extra, ExtraHasher};

/// Watches an upload's bytes, for example to index a layer while it arrives.
///
/// It must not slow the push: `observe` runs beside the hash, on a thread of its own, and the next bytes wait for both. An observer that cannot keep up drops
/// what it has and does its work later from the stored blob.
pub trait UploadObserver: Send {
    /// Sees the next bytes, in order, each once.
    fn observe(&mut self, bytes: &Bytes);
    /// Learns how the upload ended.
    fn end(self: Box<Self>, end: UploadEnd);
}

/// How an upload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadEnd {
    /// As a stored blob.
    Stored,
    /// With nothing.
    Abandoned,
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

    /// Shows them the next bytes: each digest on a thread that may block, the observers on one more, for together they may
    /// cost more than the hash that they run beside.
    pub(crate) async fn see(self, pieces: &[Bytes]) -> Result<Self, JoinError> {
        let Self { extra, observers } = self;
        let hash = |(extra, mut hasher): (Extra, ExtraHasher)| {
            let pieces = pieces.to_vec();
            spawn_blocking(move || {
                pieces.iter().for_each(|piece| hasher.update(piece));
                (extra, hasher)
            })
        };
        let hashed = try_join_all(extra.into_iter().map(hash).collect::<Vec<_>>());
        let (hashed, observed) = join(hashed, observe(observers, pieces)).await;
        Ok(Self { extra: hashed?, observers: observed? })
    }

    pub(crate) fn end(self, end: UploadEnd) -> Vec<(Extra, Vec<u8>)> {
        for observer in self.observers {
            observer.end(end);
        }
        self.extra.into_iter().map(|(extra, hasher)| (extra, hasher.finish())).collect()
    }
}

async fn observe(
    mut observers: Vec<Box<dyn UploadObserver>>,
    pieces: &[Bytes],
) -> Result<Vec<Box<dyn UploadObserver>>, JoinError> {
    if observers.is_empty() {
        return Ok(observers);
    }
    let pieces = pieces.to_vec();
    spawn_blocking(move || {
        for observer in &mut observers {
            pieces.iter().for_each(|piece| observer.observe(piece));
        }
        observers
    })
    .await
}
