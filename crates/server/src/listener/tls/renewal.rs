//! A certificate that was renewed is shown from the next handshake on, without a restart; connections that stand keep
//! the one they were shown.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{signal::unix::Signal, sync::watch, time::sleep};
use wharf_core::{Error, Result};

use super::{Tls, pair, pair::Pair, provider};

/// How often the files are looked at. Their content is compared, so it does not matter how they are replaced.
const EVERY: Duration = Duration::from_secs(2);

impl Tls {
    /// Looks at the files every two seconds, and at this signal, until told to stop. A pair that is not good is said
    /// once and changes nothing: the files are often replaced one after the other.
    pub(crate) async fn keep_renewed(self, mut hangup: Signal, mut stop: watch::Receiver<bool>) {
        let mut seen = self.read().await.map(|pair| pair.fingerprint()).ok();
        loop {
            tokio::select! {
                () = due(&mut hangup) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let read = self.read().await;
            let found = read.as_ref().map(Pair::fingerprint).ok();
            if found != seen {
                seen = found;
                self.replace(read);
            }
        }
    }

    async fn read(&self) -> Result<Pair> {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || Pair::read(&files)).await.map_err(Error::internal)?
    }

    fn replace(&self, read: Result<Pair>) {
        let provider = provider();
        match read.and_then(|pair| pair.certified(&self.files, &provider)) {
            Ok(pair) => {
                pair::warn_of_age(&pair, &provider, self.clock.now());
                let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
                *shown = Arc::new(pair);
                tracing::info!("certificate replaced");
            }
            Err(error) => tracing::error!(?error, "certificate could not be replaced, the old one stays"),
        }
    }
}

async fn due(hangup: &mut Signal) {
    tokio::select! {
        () = sleep(EVERY) => {}
        _ = hangup.recv() => {}
    }
}
