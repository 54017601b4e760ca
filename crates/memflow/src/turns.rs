//! The turns of uploads. A plugin is in memory while it comes, is read and is stored, so few are at once; and each
//! organisation has a share, so that nobody waits for the slow connections of strangers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wharf_core::{Error, Kind, OrganisationName, Result};

/// How many plugins are in memory at once: 512 MiB of the largest.
const MOST: usize = 16;
/// How many of them are of one organisation.
const SHARE: usize = 4;
/// How long an upload waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of all organisations.
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    shares: Mutex<HashMap<OrganisationName, Weak<Semaphore>>>,
}

/// The right to hold a plugin in memory. It ends with the plugin, and not with the client that sent it.
pub(crate) struct Turn {
    _all: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST)), shares: Mutex::default() }
    }

    /// Waits for a turn of an organisation.
    ///
    /// # Errors
    /// `RateLimited` when too many wait.
    pub(crate) async fn next(&self, organisation: &OrganisationName) -> Result<Turn> {
        let (share, all) = (self.share(organisation), self.all.clone());
        // The share comes first: who waits for his own organisation takes nothing from the others.
        let waiting = async {
            let share = share.acquire_owned().await.map_err(Error::internal)?;
            let all = all.acquire_owned().await.map_err(Error::internal)?;
            Ok(Turn { _all: all, _share: share })
        };
        let busy = |_| Error::new(Kind::RateLimited, "too many plugins are being uploaded");
        timeout(PATIENCE, waiting).await.map_err(busy)?
    }

    fn share(&self, organisation: &OrganisationName) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(organisation).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(SHARE));
        shares.insert(organisation.clone(), Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};

    use super::*;

    #[tokio::test]
    async fn an_organisation_that_holds_its_share_keeps_no_other_waiting() {
        let turns = Turns::new();
        let (acme, other) = ("acme".parse().unwrap(), "other".parse().unwrap());
        let held = join_all((0..SHARE).map(|_| turns.next(&acme))).await;
        assert!(held.iter().all(Result::is_ok));
        assert!(turns.next(&acme).now_or_never().is_none());
        turns.next(&other).now_or_never().unwrap().unwrap();
        drop(held);
        turns.next(&acme).now_or_never().unwrap().unwrap();
    }
}
