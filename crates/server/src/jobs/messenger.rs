//! Sends what webhooks are to be told.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use wharf_core::Clock;
use wharf_registry::webhooks::{Lanes, Webhooks};

use crate::metrics::JobMeters;

/// How often it is looked for what is due.
const LOOKS: Duration = Duration::from_millis(500);

/// What sends.
pub(crate) struct Messenger {
    pub(crate) webhooks: Webhooks,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<JobMeters>,
}

impl Messenger {
    /// Sends until told to stop. What is not acknowledged soon after that is sent again, by whoever sends next.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let (mut ticks, lanes) = (interval(LOOKS), Lanes::default());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = lanes.left() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            if let Err(error) = self.meters.webhooks.run(self.clock.now(), self.webhooks.round(&lanes)).await
            {
                tracing::warn!(?error, "webhooks could not be served");
            }
        }
        if let Err(error) = self.webhooks.stop(&lanes).await {
            tracing::warn!(?error, "the sending of webhooks could not be left to another node");
        }
    }
}
