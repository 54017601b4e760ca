//! One writer at a time for each upload within this process.
//!
//! Between nodes the compare-and-set on the upload's row decides; but two requests of one process would write to
//! one file, and the loser's bytes could lie under the winner's hash.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::OwnedMutexGuard;
use wharf_core::{Error, Kind, Result, UploadId};

/// How long a request waits for the one before it: a client that reconnects finds its old body still draining.
const PATIENCE: Duration = Duration::from_secs(10);

type Shared = Arc<Mutex<HashMap<UploadId, Weak<tokio::sync::Mutex<()>>>>>;

/// The locks of all uploads that are being written to.
#[derive(Default)]
pub(crate) struct Locks(Shared);

/// The right to write to one upload.
pub(crate) struct Lock {
    id: UploadId,
    all: Shared,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits for the right to write.
    pub(crate) async fn lock(&self, id: UploadId) -> Result<Lock> {
        match tokio::time::timeout(PATIENCE, self.one(id).lock_owned()).await {
            Ok(guard) => Ok(self.held(id, guard)),
            Err(_) => Err(Error::new(Kind::Conflict, "another request is writing to this upload")),
        }
    }

    /// Takes the right to write, unless somebody has it.
    pub(crate) fn try_lock(&self, id: UploadId) -> Option<Lock> {
        self.one(id).try_lock_owned().ok().map(|guard| self.held(id, guard))
    }

    fn one(&self, id: UploadId) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&id).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let one = Arc::new(tokio::sync::Mutex::new(()));
            all.insert(id, Arc::downgrade(&one));
            one
        })
    }

    fn held(&self, id: UploadId, guard: OwnedMutexGuard<()>) -> Lock {
        Lock { id, all: self.0.clone(), guard: Some(guard) }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.guard = None;
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
