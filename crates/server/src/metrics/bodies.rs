//! Bodies that are counted on their way, and how long a request waited for its client.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use super::requests::{Answered, RequestMeters};

type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

/// How many bytes a poll brought.
fn length(polled: &Polled) -> u64 {
    match polled {
        Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
        _ => 0,
    }
}

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

/// The body of a request.
pub(crate) struct Received {
    pub(crate) body: Body,
    pub(crate) meters: Arc<RequestMeters>,
    pub(crate) waits: Arc<Waits>,
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        match &polled {
            Poll::Pending => self.waits.begin(),
            Poll::Ready(_) => self.waits.end(),
        }
        self.meters.received_bytes.add(length(&polled));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer. The request runs until it is dropped.
pub(crate) struct Sent {
    pub(crate) body: Body,
    pub(crate) answered: Arc<Answered>,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.answered.sent(length(&polled));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn only_the_wait_for_the_client_is_the_clients() {
        let (waits, meters) = (Arc::<Waits>::default(), Arc::new(RequestMeters::of([])));
        let pause = Duration::from_millis(30);
        let pieces = futures_util::stream::once(async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"12345"))
        });
        let body = Body::from_stream(Box::pin(pieces));
        let mut received = Received { body, meters: meters.clone(), waits: waits.clone() };
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
