//! Turns at something that takes few at a time: whoever comes waits for one, for a while, and one client has some of them at
//! most, so that it holds up nobody but itself.

use std::{net::IpAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wharf_core::{Error, Kind, Network, Result, Shared};

/// How long one waits for a turn.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Turns {
    all: Arc<Semaphore>,
    /// How many of them one client has at most.
    share: usize,
    /// What is left of the shares of clients that have a turn or wait for one.
    shares: Shared<Option<Network>, Semaphore>,
}

/// A turn, until it is dropped: one of the client's own and one of all.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_client: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    pub(crate) fn new(all: usize, share: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), share, shares: Shared::default() }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `RateLimited` where none came in time.
    pub(crate) async fn take(&self, address: Option<IpAddr>) -> Result<Turn> {
        let own = self.shares.hold(address.map(Network::of_client), || Semaphore::new(self.share));
        let taken = async {
            let of_client = own.acquire_owned().await.map_err(Error::internal)?;
            let of_all = self.all.clone().acquire_owned().await.map_err(Error::internal)?;
            Ok(Turn { _of_client: of_client, _of_all: of_all })
        };
        let busy = |_| Error::new(Kind::RateLimited, "too many logins are being checked, try again later");
        timeout(PATIENCE, taken).await.map_err(busy)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn one_client_holds_its_share_and_others_wait_for_nothing() {
        let turns = Turns::new(3, 2);
        let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = turns.take(here).await.unwrap();
        let _second = turns.take(here).await.unwrap();
        assert_eq!(turns.take(here).await.unwrap_err().kind(), Kind::RateLimited, "its share is spent");
        let third = turns.take(there).await.unwrap();
        assert_eq!(turns.take(there).await.unwrap_err().kind(), Kind::RateLimited, "all turns are");
        drop(first);
        turns.take(here).await.unwrap();
        drop(third);
        let _again = turns.take(there).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_turn_that_comes_free() {
        let turns = Arc::new(Turns::new(1, 1));
        let held = turns.take(None).await.unwrap();
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(None).await.is_ok() }
        });
        tokio::time::sleep(PATIENCE / 2).await;
        drop(held);
        assert!(waiting.await.unwrap());
    }
}
