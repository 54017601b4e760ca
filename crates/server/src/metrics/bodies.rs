//! Bodies that are counted on their way, and how long a request waited for its client.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::requests::{Answered, RequestMeters};
use crate::watched::{Polled, Watcher, length};

/// How long the server waited for the body of a request: its client's time and not its own.
pub(crate) struct Waits {
    began: Instant,
    /// Microseconds of the waits that are over.
    waited: AtomicU64,
    /// When the present wait began, in microseconds since `began`, plus one; zero for none.
    since: AtomicU64,
}

impl Default for Waits {
    fn default() -> Self {
        Self { began: Instant::now(), waited: AtomicU64::new(0), since: AtomicU64::new(0) }
    }
}

impl Waits {
    /// All waits together, the present one included.
    pub(crate) fn total(&self) -> Duration {
        Duration::from_micros(self.waited.load(Ordering::Relaxed) + self.present())
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn present(&self) -> u64 {
        let since = self.since.load(Ordering::Relaxed).checked_sub(1);
        since.map_or(0, |since| self.now().saturating_sub(since))
    }

    fn begin(&self) {
        let _ = self.since.compare_exchange(0, self.now() + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn end(&self) {
        self.waited.fetch_add(self.present(), Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
    }
}

/// Who watches the body of a request.
pub(crate) struct Received {
    pub(crate) meters: Arc<RequestMeters>,
    pub(crate) waits: Arc<Waits>,
}

impl Watcher for Received {
    fn polled(&mut self, polled: &Polled) {
        match polled {
            Polled::Pending => self.waits.begin(),
            Polled::Ready(_) => self.waits.end(),
        }
        self.meters.received_bytes.add(length(polled));
    }
}

/// Who watches the body of an answer. The request runs until it is dropped.
pub(crate) struct Sent(pub(crate) Arc<Answered>);

impl Watcher for Sent {
    fn polled(&mut self, polled: &Polled) {
        self.0.sent(length(polled));
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::watched::watched;

    #[tokio::test]
    async fn only_the_wait_for_the_client_is_the_clients() {
        let (waits, meters) = (Arc::<Waits>::default(), Arc::new(RequestMeters::of([])));
        let pause = Duration::from_millis(30);
        let pieces = futures_util::stream::once(async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"12345"))
        });
        let watcher = Received { meters: meters.clone(), waits: waits.clone() };
        let mut received = watched(Body::from_stream(Box::pin(pieces)), watcher);
        tokio::time::sleep(pause).await;
        assert_eq!(waits.total(), Duration::ZERO);
        received.frame().await.unwrap().unwrap();
        let waited = waits.total();
        assert!(waited >= pause, "{waited:?}");
        tokio::time::sleep(pause).await;
        assert_eq!(waits.total(), waited);
        assert_eq!(meters.received_bytes.value(), 5);
    }

    #[test]
    fn a_wait_that_goes_on_counts() {
        let waits = Waits::default();
        waits.begin();
        std::thread::sleep(Duration::from_millis(5));
        assert!(waits.total() >= Duration::from_millis(5));
    }
}
