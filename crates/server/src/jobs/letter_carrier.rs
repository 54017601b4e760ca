//! Has the letters to users brought.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use wharf_auth::Auth;
use wharf_core::Clock;

use crate::metrics::JobMeters;

/// How often it is looked for what is due.
const LOOKS: Duration = Duration::from_secs(1);

/// What has them brought.
pub(crate) struct LetterCarrier {
    pub(crate) auth: Auth,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<JobMeters>,
}

impl LetterCarrier {
    /// Goes until told to stop, where letters are sent at all. What was not taken by then is brought after the next start.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        if !self.auth.sends_letters() {
            return;
        }
        let mut ticks = interval(LOOKS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            if let Err(error) = self.meters.letters.run(self.clock.now(), self.auth.bring_letters()).await {
                tracing::warn!(?error, "letters could not be brought");
            }
        }
    }
}
