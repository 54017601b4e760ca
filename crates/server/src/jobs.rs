//! What Wharf does for itself, now and then.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::sleep};
use wharf_auth::Auth;
use wharf_registry::{Registry, Swept};

use crate::data_dir::DataDir;

/// How long the jobs rest between two rounds.
const REST: Duration = Duration::from_secs(60);

/// Runs the jobs until told to stop; a round that fails is tried again at the next.
pub(crate) async fn run(
    registry: Registry,
    auth: Auth,
    data_dir: Arc<DataDir>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        match registry.sweep().await {
            Ok(swept) if swept != Swept::default() => {
                let Swept { uploads, objects, repositories } = swept;
                tracing::info!(uploads, objects, repositories, "swept");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(?error, "sweep failed"),
        }
        if let Err(error) = auth.tend().await {
            tracing::warn!(?error, "keys could not be tended");
        }
        if let Err(error) = data_dir.keep_ballast() {
            tracing::warn!(?error, "the ballast could not be put back");
        }
        tokio::select! {
            () = sleep(REST) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
