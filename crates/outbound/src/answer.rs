//! What another machine said: read to a bound in bytes and in time, or not at all.

use std::{io, num::NonZeroU64, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};
use wharf_core::{ByteStream, Error, Kind, Patience, Result};

use crate::door::SLOWEST;

/// How long a body may pause.
const IDLE: Duration = Duration::from_secs(60);

/// The head of an answer, and its body unread.
pub struct Answer {
    response: Response,
    host: String,
}

impl Answer {
    pub(crate) const fn new(response: Response, host: String) -> Self {
        Self { response, host }
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Every value of a header that is text.
    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.response.headers().get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// Host and port that answered, for messages.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where it came from, after redirects.
    pub(crate) fn url(&self) -> &Url {
        self.response.url()
    }

    /// The whole body, if it has no more than so many bytes and comes within a minute.
    ///
    /// # Errors
    /// `TooLarge`, `Timeout`, or `Unavailable` where it breaks off.
    pub async fn bytes(self, most: usize) -> Result<Bytes> {
        let Self { mut response, host } = self;
        let too_large = || Error::new(Kind::TooLarge, format!("{host} answered with more than {most} bytes"));
        if response.content_length().is_some_and(|length| usize::try_from(length).is_ok_and(|n| n > most)) {
            return Err(too_large());
        }
        let until = Instant::now() + IDLE;
        let mut body = BytesMut::new();
        loop {
            let late = |_| Error::new(Kind::Timeout, format!("{host} did not finish its answer in time"));
            let broken = |error: reqwest::Error| {
                Error::new(Kind::Unavailable, format!("{host} broke off")).because(error.without_url())
            };
            match timeout_at(until, response.chunk()).await.map_err(late)?.map_err(broken)? {
                Some(chunk) if body.len() + chunk.len() > most => return Err(too_large()),
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(body.freeze()),
            }
        }
    }

    /// The body as it comes. It fails after so many bytes, after a minute's pause, and when in the long run it is slower
    /// than 16 KiB a second: whoever waits for it in no hurry makes it no slower.
    pub fn into_stream(self, most: u64) -> ByteStream {
        let body = stream::try_unfold(self.response, |mut response| async move {
            let next = response.chunk().await.map_err(|error| io::Error::other(error.without_url()))?;
            Ok(next.map(|bytes| (bytes, response)))
        });
        bounded(Box::pin(body), most)
    }
}

/// A body that ends after so many bytes, and when whoever sends it is waited for too long.
fn bounded(body: ByteStream, most: u64) -> ByteStream {
    let patience = Patience::new(IDLE, NonZeroU64::new(SLOWEST));
    let slow = |_| io::Error::new(io::ErrorKind::TimedOut, "the body pauses, or is too slow");
    let read = move |(mut body, mut patience, left): (ByteStream, Patience, u64)| async move {
        let since = Instant::now();
        let Some(bytes) = timeout(patience.left(), body.next()).await.map_err(slow)? else { return Ok(None) };
        let bytes = bytes?;
        patience.spend(since.elapsed());
        patience.earn(bytes.len());
        let Some(left) = left.checked_sub(bytes.len() as u64) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the body is longer than it may be"));
        };
        Ok(Some((bytes, (body, patience, left))))
    };
    Box::pin(stream::try_unfold((body, patience, most), read))
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    /// How a body of so many pieces ends that are so long, and come after such pauses each.
    async fn end(size: usize, pause: Duration, pieces: usize) -> Result<usize, io::ErrorKind> {
        let pieces = stream::iter(0..pieces).then(move |_| async move {
            sleep(pause).await;
            Ok(Bytes::from(vec![0; size]))
        });
        let read: Vec<_> = bounded(Box::pin(pieces), 4 << 30).collect().await;
        let last = read.last().and_then(|last| last.as_ref().err()).map(io::Error::kind);
        last.map_or_else(|| Ok(read.len()), Err)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_ends_however_long_it_may_be() {
        let (begun, slow) = (Instant::now(), Err(io::ErrorKind::TimedOut));
        assert_eq!(end(10, Duration::from_secs(20), 1000).await, slow);
        assert!(begun.elapsed() <= Duration::from_secs(61), "a trickle was read for {:?}", begun.elapsed());
        assert_eq!(end(1 << 20, Duration::from_secs(61), 2).await, slow);
        assert_eq!(end(64 * 1024, Duration::from_secs(4), 1000).await, Ok(1000));
        assert_eq!(end(64 * 1024, Duration::from_secs(8), 1000).await, slow);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_not_slow_because_its_reader_is() {
        let pieces = stream::iter((0..10).map(|_| Ok(Bytes::from_static(b"piece"))));
        let (mut body, mut read) = (bounded(Box::pin(pieces), 50), 0);
        while let Some(piece) = body.next().await {
            read += piece.unwrap().len();
            sleep(Duration::from_secs(100)).await;
        }
        assert_eq!(read, 50);
    }
}
