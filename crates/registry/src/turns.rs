//! How much is done at once – bodies taken in, manifests inspected, what a door holds in memory – so that memory and cores
//! have a bound. A short wait beats a refusal: containerd does not wait when it is told to come again.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wharf_core::{Error, Kind, OrganisationName, Result, Shared};

/// How long one more waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of all who want to do one kind of thing; of these each organisation has a share.
pub struct Turns {
    most: usize,
    all: Arc<Semaphore>,
    /// How many one organisation may have.
    share: usize,
    shares: Shared<OrganisationName, Semaphore>,
}

/// The right to do it once. It ends when it is dropped.
pub struct Turn {
    _all: OwnedSemaphorePermit,
    _share: OwnedSemaphorePermit,
}

impl Turns {
    /// So many turns in all, and so many of them for one organisation.
    pub fn new(most: usize, share: usize) -> Self {
        Self { most, all: Arc::new(Semaphore::new(most)), share, shares: Shared::default() }
    }

    /// Waits for a turn of an organisation.
    ///
    /// # Errors
    /// `RateLimited` when too many wait.
    pub async fn next(&self, organisation: &OrganisationName) -> Result<Turn> {
        let share = self.shares.hold(organisation.clone(), || Semaphore::new(self.share));
        let all = self.all.clone();
        // The share comes first: who waits for his own organisation takes nothing from the others.
        let waiting = async {
            let share = share.acquire_owned().await.map_err(Error::internal)?;
            let all = all.acquire_owned().await.map_err(Error::internal)?;
            Ok(Turn { _all: all, _share: share })
        };
        let busy = |_| {
            Error::new(
                Kind::RateLimited,
                "too much of this kind is worked on at once, try again in a few seconds",
            )
        };
        timeout(PATIENCE, waiting).await.map_err(busy)?
    }

    /// How many are taken.
    pub(crate) fn held(&self) -> usize {
        self.most - self.all.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_organisation_cannot_take_every_turn() {
        let (turns, acme, other) = (Turns::new(256, 2), "acme".parse().unwrap(), "other".parse().unwrap());
        let mut held = Vec::new();
        for _ in 0..2 {
            held.push(turns.next(&acme).await.unwrap());
        }
        assert_eq!(turns.next(&acme).await.err().unwrap().kind(), Kind::RateLimited);
        assert!(turns.next(&other).await.is_ok());
        held.pop();
        assert!(turns.next(&acme).await.is_ok());
    }
}
