//! Has every blob read and hashed again, at a pace.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{sync::watch, time::sleep};
use wharf_core::{Clock, Digest, Error, Result};
use wharf_registry::{Finding, Inspector, Registry, Scrub, ScrubTurn};

use crate::metrics::JobMeters;

/// How long it rests after something failed.
const PAUSE: Duration = Duration::from_secs(10);
/// A blob that could not be read so many times in a row is left to the next round: others are waiting.
const ATTEMPTS: u32 = 3;

/// What scrubs.
pub(crate) struct Scrubber {
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<JobMeters>,
    /// The time within which every blob is read once; `None` where none is.
    pub(crate) within: Option<Duration>,
}

/// The blob that could not be read last.
#[derive(Default)]
struct Unread {
    digest: Option<Digest>,
    attempts: u32,
}

impl Unread {
    /// Counts one more attempt at a blob.
    fn again(&mut self, digest: &Digest) -> u32 {
        if self.digest.as_ref() != Some(digest) {
            *self = Self { digest: Some(*digest), attempts: 0 };
        }
        self.attempts += 1;
        self.attempts
    }
}

impl Scrubber {
    /// Scrubs until told to stop. A blob that was being read is read again by whoever goes on.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let Some(within) = self.within else { return };
        let mut unread = Unread::default();
        loop {
            let turn = async {
                let turn = self.turn(within, &mut unread);
                let rest = self.meters.scrub.run(self.clock.now(), turn).await.unwrap_or_else(|error| {
                    tracing::warn!(?error, "scrub failed, trying again");
                    PAUSE
                });
                sleep(rest).await;
            };
            tokio::select! {
                () = turn => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Does what is to be done now; says how long to rest after it.
    async fn turn(&self, within: Duration, unread: &mut Unread) -> Result<Duration> {
        let scrub = match self.registry.next_scrub(within).await? {
            ScrubTurn::Rest(rest) => return Ok(rest),
            ScrubTurn::Blob(scrub) => scrub,
        };
        let Err(error) = self.registry.scrub(&scrub, &mut Pace::of(&self.registry, &scrub)).await else {
            *unread = Unread::default();
            return Ok(Duration::ZERO);
        };
        if unread.again(scrub.digest()) >= ATTEMPTS {
            tracing::error!(digest = %scrub.digest(), "blob cannot be read and is passed over");
            self.registry.pass_over(&scrub).await?;
        }
        Err(error)
    }
}

/// Holds the reading of a blob back to its pace, and keeps other nodes from beginning it too.
struct Pace<'a> {
    registry: &'a Registry,
    rate: u64,
    begun: Instant,
    bytes: u64,
    kept: Instant,
}

impl<'a> Pace<'a> {
    fn of(registry: &'a Registry, scrub: &Scrub) -> Self {
        let now = Instant::now();
        Self { registry, rate: scrub.rate.max(1), begun: now, bytes: 0, kept: now }
    }
}

#[async_trait]
impl Inspector for Pace<'_> {
    async fn read(&mut self, bytes: u64) -> Result<()> {
        self.bytes += bytes;
        let due = Duration::from_millis(self.bytes.saturating_mul(1000) / self.rate);
        sleep(due.saturating_sub(self.begun.elapsed())).await;
        if self.kept.elapsed() < self.registry.scrub_rest() {
            return Ok(());
        }
        self.kept = Instant::now();
        let is_ours = self.registry.keep_scrub().await?;
        is_ours.then_some(()).ok_or_else(|| Error::unavailable("another node scrubs by now"))
    }

    async fn passed(&mut self, _: &Digest) -> Result<()> {
        Ok(())
    }

    async fn found(&mut self, finding: Finding) -> Result<()> {
        if let Finding::Damaged { digest, tags } = finding {
            tracing::error!(%digest, tags = tags.join(", "), "blob is damaged");
        }
        Ok(())
    }
}
