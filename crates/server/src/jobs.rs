//! What Wharf does for itself, now and then.

mod letter_carrier;
mod messenger;
mod recorder;
mod scrubber;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::sleep};
use wharf_auth::Auth;
use wharf_core::{Clock, Result};
use wharf_meta::Database;
use wharf_registry::{
    Collected, Forgotten, Registry, Swept,
    audit::{AuditLog, Kept},
    policy::Expired,
    webhooks::Webhooks,
};

pub(crate) use self::{
    letter_carrier::LetterCarrier, messenger::Messenger, recorder::Recorder, scrubber::Scrubber,
};
use crate::{data_dir::DataDir, first_start::forget_password, metrics::JobMeters};

/// What is slow to arise and dear to look for is looked for every so many rounds.
const SELDOM: u32 = 60;

/// What the jobs work with.
pub(crate) struct Jobs {
    pub(crate) registry: Registry,
    pub(crate) auth: Auth,
    pub(crate) audit: AuditLog,
    pub(crate) webhooks: Webhooks,
    pub(crate) database: Database,
    pub(crate) data_dir: Arc<DataDir>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<JobMeters>,
    /// How long they rest between two rounds.
    pub(crate) rest: Duration,
}

impl Jobs {
    /// Runs the jobs until told to stop; one that fails is tried again in the next round.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut last = Instant::now();
        for round in (0..SELDOM).cycle() {
            let now = Instant::now();
            self.round(now.duration_since(last)).await;
            if round == 0 {
                self.sweep_leftovers().await;
                self.sweep_strays().await;
                self.expire().await;
                self.forget_audit().await;
                self.forget_deliveries().await;
            }
            last = now;
            tokio::select! {
                () = sleep(self.rest) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn round(&self, passed: Duration) {
        let (meters, now) = (&self.meters, || self.clock.now());
        match meters.sweep.run(now(), self.registry.sweep(passed)).await {
            Ok(swept) if swept != Swept::default() => {
                let Swept { uploads, objects, repositories, forgotten, collected } = swept;
                let Forgotten { moves, events } = forgotten;
                let Collected { memberships, blobs, bytes } = collected;
                tracing::info!(
                    uploads,
                    objects,
                    repositories,
                    moves,
                    events,
                    memberships,
                    blobs,
                    size_bytes = bytes,
                    "swept"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(?error, "sweep failed"),
        }
        if let Err(error) = meters.pages.run(now(), self.registry.keep_pages()).await {
            tracing::warn!(?error, "rendered pages could not be kept");
        }
        if let Err(error) = meters.keys.run(now(), self.auth.tend()).await {
            tracing::warn!(?error, "keys could not be tended");
        }
        if let Err(error) = forget_password(&self.auth, &self.data_dir).await {
            tracing::warn!(?error, "the file of the first password could not be looked after");
        }
        if let Err(error) = meters.database.run(now(), self.database.tend()).await {
            tracing::warn!(?error, "the database could not be tended");
        }
        if let Err(error) = meters.disk.run(now(), self.look_after_disk()).await {
            tracing::warn!(?error, "the disk could not be looked after");
        }
    }

    async fn sweep_leftovers(&self) {
        match self.meters.leftovers.run(self.clock.now(), self.registry.sweep_leftovers()).await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "swept what uploads left in the storage"),
            Err(error) => tracing::warn!(?error, "leftovers could not be swept"),
        }
    }

    async fn sweep_strays(&self) {
        match self.meters.strays.run(self.clock.now(), self.registry.sweep_strays()).await {
            Ok(0) => {}
            Ok(objects) => tracing::info!(objects, "condemned objects that no row leads to"),
            Err(error) => tracing::warn!(?error, "strays could not be swept"),
        }
    }

    async fn expire(&self) {
        match self.meters.retention.run(self.clock.now(), self.registry.expire()).await {
            Ok(Expired { tags: 0, manifests: 0 }) => {}
            Ok(Expired { tags, manifests }) => {
                tracing::info!(tags, manifests, "let go what rules do not keep")
            }
            Err(error) => tracing::warn!(?error, "retention failed"),
        }
    }

    async fn forget_audit(&self) {
        match self.meters.audit_history.run(self.clock.now(), self.audit.forget()).await {
            Ok(Kept { removed: 0, waiting: 0 }) => {}
            Ok(Kept { removed, waiting: 0 }) => tracing::info!(removed, "forgot months of the audit log"),
            Ok(Kept { removed, waiting }) => {
                tracing::warn!(removed, waiting, "months of the audit log are old and wait for their export")
            }
            Err(error) => tracing::warn!(?error, "the audit log could not be shortened"),
        }
    }

    async fn forget_deliveries(&self) {
        match self.webhooks.forget().await {
            Ok(0) => {}
            Ok(deliveries) => tracing::info!(deliveries, "forgot old deliveries of webhooks"),
            Err(error) => tracing::warn!(?error, "old deliveries of webhooks could not be forgotten"),
        }
    }

    /// Puts the ballast back, and looks at the disk, so that the log says when it is nearly full even if nobody pushes.
    async fn look_after_disk(&self) -> Result<()> {
        self.data_dir.keep_ballast()?;
        self.registry.room().await.map(drop)
    }
}
