//! Writes down what was noted for the audit log, and seals it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use wharf_core::Clock;
use wharf_registry::audit::AuditLog;

use crate::metrics::JobMeters;

/// How often what was noted is written down: so much of it a crash loses.
const WRITES: Duration = Duration::from_secs(1);
/// After so many writings the log is sealed.
const SEALS: u32 = 5;

/// What records.
pub(crate) struct Recorder {
    pub(crate) log: AuditLog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<JobMeters>,
}

impl Recorder {
    /// Records until told to stop: when nothing is done any more that could be noted.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut ticks = interval(WRITES);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in (0..SEALS).cycle() {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            self.write().await;
            if round == 0 {
                self.seal().await;
            }
        }
        self.write().await;
        if let Err(error) = self.log.leave().await {
            tracing::warn!(?error, "the sealing of the audit log could not be left to another node");
        }
    }

    /// Writes down what was noted.
    async fn write(&self) {
        if let Err(error) = self.meters.notes.run(self.clock.now(), self.log.write_notes()).await {
            tracing::warn!(?error, "what was noted could not be written down, trying again later");
        }
    }

    async fn seal(&self) {
        if let Err(error) = self.meters.seal.run(self.clock.now(), self.log.seal()).await {
            tracing::error!(?error, "the audit log could not be sealed");
        }
    }
}
