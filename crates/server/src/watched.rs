//! A body that somebody watches on its way: to count it, to time it, or only to know when it is dropped.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// What asking a body for its next frame brings.
pub(crate) type Polled = Poll<Option<Result<Frame<Bytes>, axum::Error>>>;

/// Who watches a body, for as long as it lives.
pub(crate) trait Watcher: Send + Unpin + 'static {
    /// The body was asked for its next frame, and this came of it.
    fn polled(&mut self, _polled: &Polled) {}
}

/// The same body, watched. Its length and its end are known as before.
pub(crate) fn watched(body: Body, watcher: impl Watcher) -> Body {
    Body::new(Watched { body, watcher })
}

/// How many bytes a poll brought.
pub(crate) fn length(polled: &Polled) -> u64 {
    match polled {
        Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, |data| data.len() as u64),
        _ => 0,
    }
}

struct Watched<W> {
    body: Body,
    watcher: W,
}

impl<W: Watcher> HttpBody for Watched<W> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.watcher.polled(&polled);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
