//! One fetch of one thing at a time, in this process and among all nodes.
//!
//! In the process whoever wants the same waits for a mutex; among nodes a lease says who fetches. It is prolonged as long
//! as the work goes on; a node that dies loses it by time, and whoever waits takes it over. A node that is alone needs none:
//! whoever asks it for names that are nowhere writes nothing. Whoever has got his turn looks first whether what he wanted has
//! come meanwhile. Whoever goes away while he waits waits no more.

use std::{
    borrow::Cow,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    task::AbortHandle,
    time::{Instant, sleep},
};
use wharf_core::{Error, Kind, Result, Shared};

use super::Upstreams;
use crate::{housekeeping::TakeLease, lease::EndLease, port::LeaseClaim, upload::on_its_own};

/// How long a lease stands that is not prolonged, in seconds.
const LEASE: i64 = 30;
/// How often it is prolonged.
const BEAT: Duration = Duration::from_secs(10);
/// How often who waits for another node looks again: the first time, and at most.
const LOOK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How long anybody waits for others.
const PATIENCE: Duration = Duration::from_secs(600);

type Turn = tokio::sync::Mutex<()>;

/// The turns of this process.
#[derive(Default)]
pub(super) struct Flights(Shared<String, Turn>);

impl Flights {
    fn turn(&self, name: &str) -> Arc<Turn> {
        self.0.hold(name.to_owned(), Turn::default)
    }

    /// A turn where there is no other node.
    #[cfg(test)]
    pub(super) async fn alone(&self, name: &str) -> Flight {
        Flight { turn: self.turn(name).lock_owned().await, _lease: None }
    }
}

/// The turn to fetch something. It ends when it is dropped.
pub struct Flight {
    turn: tokio::sync::OwnedMutexGuard<()>,
    _lease: Option<FetchLease>,
}

impl Flight {
    /// Whoever waits for what is fetched in this turn.
    pub(super) fn waiters(&self) -> Waiters {
        Waiters(Arc::downgrade(tokio::sync::OwnedMutexGuard::mutex(&self.turn)))
    }
}

/// Whoever waits, in this process, for what somebody fetches.
pub(super) struct Waiters(Weak<Turn>);

impl Waiters {
    /// Whether there is anybody beside him who fetches.
    pub(super) fn are_there(&self) -> bool {
        self.0.strong_count() > 1
    }
}

/// What other nodes see of a turn. It is given back when it is dropped.
struct FetchLease {
    upstreams: Upstreams,
    claim: LeaseClaim,
    beat: AbortHandle,
}

impl Upstreams {
    /// Waits until nobody else fetches what goes by this name.
    pub(super) async fn flight(&self, name: String) -> Result<Flight> {
        let busy = |_| Error::new(Kind::Unavailable, "this is being fetched, and takes long: try again");
        let turn = tokio::time::timeout(PATIENCE, self.0.flights.turn(&name).lock_owned());
        let turn = turn.await.map_err(busy)?;
        if !self.0.registry.store().is_shared() {
            return Ok(Flight { turn, _lease: None });
        }
        let upstreams = self.clone();
        // Whoever waits may go; a lease that was taken by then must be given back all the same.
        on_its_own(async move {
            let lease = upstreams.lease(name).await?;
            Ok(Flight { turn, _lease: Some(lease) })
        })
        .await
    }

    async fn lease(self, name: String) -> Result<FetchLease> {
        let holder = self.0.registry.0.parts.entropy.id::<16>();
        let claim = LeaseClaim { name: Cow::Owned(name), holder, until: self.0.registry.now() };
        self.take(&claim).await?;
        let (upstreams, prolonged) = (self.clone(), claim.clone());
        let beat = tokio::spawn(async move { upstreams.prolong(prolonged).await }).abort_handle();
        Ok(FetchLease { upstreams: self, claim, beat })
    }

    async fn take(&self, claim: &LeaseClaim) -> Result<()> {
        let (until, mut pause) = (Instant::now() + PATIENCE, LOOK.0);
        while !self.try_take(claim).await? {
            if Instant::now() > until {
                return Err(Error::new(
                    Kind::Unavailable,
                    "another node fetches this, and takes long: try again",
                ));
            }
            sleep(pause).await;
            pause = (pause * 2).min(LOOK.1);
        }
        Ok(())
    }

    async fn try_take(&self, claim: &LeaseClaim) -> Result<bool> {
        let now = self.0.registry.now();
        let claim = LeaseClaim { until: now.plus_seconds(LEASE), ..claim.clone() };
        self.0.registry.store().commit(TakeLease { claim, now }).await
    }

    async fn prolong(&self, claim: LeaseClaim) {
        loop {
            sleep(BEAT).await;
            if let Err(error) = self.try_take(&claim).await {
                tracing::warn!(?error, "a lease could not be prolonged");
            }
        }
    }
}

impl Drop for FetchLease {
    fn drop(&mut self) {
        self.beat.abort();
        let (upstreams, claim) = (self.upstreams.clone(), self.claim.clone());
        tokio::spawn(async move {
            // Where it fails the lease ends by time.
            if let Err(error) = upstreams.0.registry.store().commit(EndLease(claim)).await {
                tracing::warn!(?error, "a lease could not be given back");
            }
        });
    }
}
