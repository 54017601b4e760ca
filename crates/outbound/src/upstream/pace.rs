//! How often something is tried again, and with which pauses.

use std::time::Duration;

use wharf_core::{Error, Result};

/// The first pause; each next one is twice as long.
const FIRST: Duration = Duration::from_millis(200);
/// How many tries follow the first without any progress: some twelve seconds.
const MOST: u32 = 6;
/// The longest pause a registry may ask for, in seconds.
const LONGEST: u64 = 60;

/// The pauses between tries, one after the other.
#[derive(Default)]
pub(crate) struct Pace(u32);

impl Pace {
    /// Waits before the next try: as many seconds as the other end asked for, else longer each time.
    ///
    /// # Errors
    /// The error that called for the wait, when it was tried often enough or the other end asks for too much.
    pub(crate) async fn wait(&mut self, asked: Option<u64>, error: Error) -> Result<()> {
        if self.0 >= MOST || asked.is_some_and(|seconds| seconds > LONGEST) {
            return Err(error);
        }
        let own = FIRST * 2_u32.pow(self.0);
        self.0 += 1;
        tokio::time::sleep(asked.map_or(own, |seconds| own.max(Duration::from_secs(seconds)))).await;
        Ok(())
    }

    /// There was progress: what comes is a new trouble.
    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;
    use wharf_core::Kind;

    use super::*;

    fn busy() -> Error {
        Error::new(Kind::Unavailable, "busy")
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_end() {
        let (begun, mut pace) = (Instant::now(), Pace::default());
        while pace.wait(None, busy()).await.is_ok() {}
        assert_eq!(begun.elapsed(), FIRST * 63);
        pace.reset();
        assert!(pace.wait(None, busy()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_is_waited_but_not_for_hours() {
        let (begun, mut pace) = (Instant::now(), Pace::default());
        assert!(pace.wait(Some(7), busy()).await.is_ok());
        assert_eq!(begun.elapsed().as_secs(), 7);
        assert!(pace.wait(Some(3_600), busy()).await.is_err());
        assert_eq!(begun.elapsed().as_secs(), 7);
    }
}
