//! The body of a request: it must keep coming, and an early answer must reach a client that is still sending it.
//!
//! A client may take any time in all, but not stand still or trickle: a body that uses up the patience it was given
//! ends with an error.
//!
//! A handler that refuses drops the body. If the connection then closed at once, the kernel would tear it down
//! under the client's writes, and the answer would be lost with it. So what is left of a dropped body is read and
//! thrown away for a while, within bounds.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep, timeout};
use wharf_core::Patience;

use crate::listener::Counts;

/// The most that is thrown away, in bytes.
const MOST: usize = 32 * 1024 * 1024;
/// How long.
const PATIENCE: Duration = Duration::from_secs(5);

/// A body that must keep coming, and is read to its end, or to the bounds, when it is dropped before.
pub(crate) struct Lingering {
    body: Option<Body>,
    patience: Patience,
    /// Since when the client is waited for, and until when it is.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
    counts: Arc<Counts>,
}

impl Lingering {
    /// The body of a request, if it has one, under such guard.
    pub(crate) fn around(body: Incoming, patience: Patience, counts: &Arc<Counts>) -> Body {
        if body.is_end_stream() {
            return Body::empty();
        }
        Body::new(Self::new(Body::new(body), patience, counts.clone()))
    }

    const fn new(body: Body, patience: Patience, counts: Arc<Counts>) -> Self {
        Self { body: Some(body), patience, waiting: None, counts }
    }
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(context);
        let Poll::Ready(frame) = polled else {
            let patience = self.patience.left();
            let (_, until) = self.waiting.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(patience))));
            ready!(until.as_mut().poll(context));
            self.body = None;
            self.counts.stalled_bodies.increment();
            return Poll::Ready(Some(Err(axum::Error::new(io::Error::from(ErrorKind::TimedOut)))));
        };
        if let Some((since, _)) = self.waiting.take() {
            self.patience.spend(since.elapsed());
        }
        match &frame {
            Some(Ok(frame)) => self.patience.earn(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) | None => self.body = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        // Outside of a runtime there is no connection either.
        if let (Some(body), Ok(runtime)) = (left, tokio::runtime::Handle::try_current()) {
            runtime.spawn(timeout(PATIENCE, drain(body)));
        }
    }
}

async fn drain(mut body: Body) {
    let mut drained = 0;
    while let Some(Ok(frame)) = body.frame().await {
        drained += frame.data_ref().map_or(0, Bytes::len);
        if drained > MOST {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use futures_util::{Stream, StreamExt as _, stream};

    use super::*;

    /// So many bytes at every pause.
    fn pieces(bytes: usize, pause: Duration, times: usize) -> impl Stream<Item = io::Result<Bytes>> {
        stream::iter(0..times).then(move |_| async move {
            sleep(pause).await;
            Ok(Bytes::from(vec![0; bytes]))
        })
    }

    fn guarded(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Lingering {
        let patience = Patience::new(Duration::from_secs(60), NonZeroU64::new(1024));
        Lingering::new(
            Body::from_stream(pieces),
            patience.starting_with(Duration::from_secs(20)),
            Arc::default(),
        )
    }

    /// A body that brings so many bytes at every pause.
    fn body(bytes: usize, pause: Duration, times: usize) -> Lingering {
        guarded(pieces(bytes, pause, times))
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_passes_and_a_trickle_does_not() {
        let slow = body(64 * 1024, Duration::from_secs(30), 100);
        assert!(slow.collect().await.is_err(), "nothing in the first twenty seconds");
        let slow = body(64 * 1024, Duration::from_secs(10), 100);
        assert_eq!(slow.collect().await.unwrap().to_bytes().len(), 100 * 64 * 1024);
        let trickle = body(1, Duration::from_secs(1), 100);
        assert!(trickle.collect().await.is_err());
        let pausing = body(1024 * 1024, Duration::from_secs(61), 2);
        assert!(pausing.collect().await.is_err());
        let quick = pieces(1 << 20, Duration::ZERO, 8);
        let quick_then_slow = guarded(quick.chain(pieces(1, Duration::from_secs(1), 100)));
        assert!(quick_then_slow.collect().await.is_err(), "a fast start buys a slow end");
    }
}
