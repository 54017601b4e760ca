//! What Wharf does for itself, now and then.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};
use wharf_auth::Auth;
use wharf_registry::{Collected, Registry, Swept};

use crate::data_dir::DataDir;

/// What the jobs work with.
pub(crate) struct Jobs {
    pub(crate) registry: Registry,
    pub(crate) auth: Auth,
    pub(crate) data_dir: Arc<DataDir>,
    /// How long they rest between two rounds.
    pub(crate) rest: Duration,
}

/// Runs the jobs until told to stop; a round that fails is tried again at the next.
pub(crate) async fn run(jobs: Jobs, mut stop: watch::Receiver<bool>) {
    let mut last = Instant::now();
    loop {
        let now = Instant::now();
        jobs.round(now.duration_since(last)).await;
        last = now;
        tokio::select! {
            () = sleep(jobs.rest) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

impl Jobs {
    async fn round(&self, passed: Duration) {
        match self.registry.sweep(passed).await {
            Ok(swept) if swept != Swept::default() => {
                let Swept { uploads, objects, repositories, moves, collected } = swept;
                let Collected { memberships, blobs, bytes } = collected;
                tracing::info!(
                    uploads,
                    objects,
                    repositories,
                    moves,
                    memberships,
                    blobs,
                    size_bytes = bytes,
                    "swept"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(?error, "sweep failed"),
        }
        if let Err(error) = self.auth.tend().await {
            tracing::warn!(?error, "keys could not be tended");
        }
        if let Err(error) = self.data_dir.keep_ballast() {
            tracing::warn!(?error, "the ballast could not be put back");
        }
        // The store says in the log when it runs full, also where nobody pushes.
        if let Err(error) = self.registry.room().await {
            tracing::warn!(?error, "the disk could not be looked at");
        }
    }
}
