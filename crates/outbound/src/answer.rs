//! What another machine said: read to a bound in bytes and in time, or not at all.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use reqwest::{Response, StatusCode, Url};
use tokio::time::{Instant, timeout, timeout_at};
use wharf_core::{ByteStream, Error, Kind, Result};

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

    /// The body as it comes. It fails after so many bytes, after a minute's pause, and when on the whole it is slower
    /// than 16 KiB a second.
    pub fn into_stream(self, most: u64) -> ByteStream {
        let until = Instant::now() + IDLE + Duration::from_secs(most / SLOWEST);
        let slow = || io::Error::new(io::ErrorKind::TimedOut, "the body pauses, or is too slow");
        let read = move |(mut response, left): (Response, u64)| async move {
            let late = until.saturating_duration_since(Instant::now()).min(IDLE);
            let next = timeout(late, response.chunk()).await.map_err(|_| slow())?;
            let next = next.map_err(|error| io::Error::other(error.without_url()))?;
            let Some(bytes) = next else { return Ok(None) };
            let Some(left) = left.checked_sub(bytes.len() as u64) else {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the body is longer than it may be"));
            };
            Ok(Some((bytes, (response, left))))
        };
        Box::pin(stream::try_unfold((self.response, most), read))
    }
}
