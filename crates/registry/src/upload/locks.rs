//! One writer at a time for each upload within this process.
//!
//! Between nodes the compare-and-set on the upload's row decides; but two requests of one process would write to
//! one file, and the loser's bytes could lie under the winner's hash. A request whose client stands still gives way
//! to the next: a client that reconnects must not wait for its own dead connection.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;
use wharf_core::{Error, Kind, Result, UploadId};

/// How long a request waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lock of one upload, and how many wait for it.
#[derive(Default)]
struct One {
    writer: Arc<tokio::sync::Mutex<()>>,
    waiting: AtomicUsize,
}

type Shared = Arc<Mutex<HashMap<UploadId, Weak<One>>>>;

/// The locks of all uploads that are being written to.
#[derive(Default)]
pub(crate) struct Locks(Shared);

/// The right to write to one upload.
pub(crate) struct Lock {
    id: UploadId,
    all: Shared,
    one: Option<Arc<One>>,
    guard: Option<OwnedMutexGuard<()>>,
}

/// Tells a writer that somebody else waits.
#[derive(Clone)]
pub(crate) struct Wanted(Arc<One>);

impl Wanted {
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Lock {
    /// What tells its holder that somebody else waits.
    pub(crate) fn wanted(&self) -> Option<Wanted> {
        self.one.clone().map(Wanted)
    }
}

impl Locks {
    /// Waits for the right to write.
    pub(crate) async fn lock(&self, id: UploadId) -> Result<Lock> {
        let one = self.one(id);
        one.waiting.fetch_add(1, Ordering::Relaxed);
        let waited = tokio::time::timeout(PATIENCE, one.writer.clone().lock_owned()).await;
        one.waiting.fetch_sub(1, Ordering::Relaxed);
        match waited {
            Ok(guard) => Ok(self.held(id, one, guard)),
            Err(_) => Err(Error::new(Kind::Conflict, "another request is writing to this upload")),
        }
    }

    /// Takes the right to write, unless somebody has it.
    pub(crate) fn try_lock(&self, id: UploadId) -> Option<Lock> {
        let one = self.one(id);
        let guard = one.writer.clone().try_lock_owned().ok()?;
        Some(self.held(id, one, guard))
    }

    fn one(&self, id: UploadId) -> Arc<One> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&id).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let one = Arc::<One>::default();
            all.insert(id, Arc::downgrade(&one));
            one
        })
    }

    fn held(&self, id: UploadId, one: Arc<One>, guard: OwnedMutexGuard<()>) -> Lock {
        Lock { id, all: self.0.clone(), one: Some(one), guard: Some(guard) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.guard = None;
        self.one = None;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.get(&self.id).is_some_and(|one| one.strong_count() == 0) {
            all.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_nothing_is_left_behind() {
        let locks = Locks::default();
        let id = UploadId::new(wharf_core::Timestamp::default(), [7; 16]);
        let first = locks.lock(id).await.unwrap();
        let mut second = Box::pin(locks.lock(id));
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut second).await.is_err());
        assert!(locks.try_lock(id).is_none());
        drop(first);
        drop(second.await.unwrap());
        assert!(locks.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let locks = Locks::default();
        let id = UploadId::new(wharf_core::Timestamp::default(), [7; 16]);
        let _first = locks.lock(id).await.unwrap();
        assert_eq!(locks.lock(id).await.err().unwrap().kind(), Kind::Conflict);
    }
}
