//! How many bodies are taken in at once, so that memory has a bound. A short wait beats a refusal: containerd does
//! not wait when it is told to come again.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use wharf_core::{Error, Kind, Result};

/// How many bodies at once.
const BODIES: usize = 256;
/// How long one more waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// The turns of all bodies.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

/// The right to take a body in.
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(BODIES)))
    }
}

impl Turns {
    /// Waits for a turn.
    pub(crate) async fn next(&self) -> Result<Turn> {
        match timeout(PATIENCE, self.0.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            Ok(Err(closed)) => Err(Error::internal(closed)),
            Err(_) => Err(Error::new(Kind::RateLimited, "too many uploads at once, try again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_body_too_many_waits_and_is_then_refused() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for _ in 0..BODIES {
            held.push(turns.next().await.unwrap());
        }
        assert_eq!(turns.next().await.err().unwrap().kind(), Kind::RateLimited);
        held.pop();
        assert!(turns.next().await.is_ok());
    }
}
