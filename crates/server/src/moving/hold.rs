//! The hold on the source's objects while a backup copies them, renewed until it is released.

use std::time::Duration;

use tokio::{task::JoinHandle, time::sleep};
use wharf_core::Result;
use wharf_registry::Registry;

/// How often it is renewed: many times while it stands.
const RENEW: Duration = Duration::from_secs(60);

/// A hold that stands while the value lives, and a while longer if it is dropped.
pub(super) struct Hold {
    registry: Registry,
    holder: String,
    renewing: JoinHandle<()>,
}

impl Hold {
    /// Takes it.
    pub(super) async fn take(registry: &Registry, holder: String) -> Result<Self> {
        registry.hold_objects(&holder).await?;
        let renewing = tokio::spawn(renew(registry.clone(), holder.clone()));
        Ok(Self { registry: registry.clone(), holder, renewing })
    }

    /// Ends it; false where it had not stood all the time.
    pub(super) async fn release(self) -> Result<bool> {
        self.renewing.abort();
        self.registry.release_objects(&self.holder).await
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.renewing.abort();
    }
}

async fn renew(registry: Registry, holder: String) {
    loop {
        sleep(RENEW).await;
        if let Err(error) = registry.hold_objects(&holder).await {
            tracing::warn!(?error, "the hold of a backup could not be renewed, trying again");
        }
    }
}
