//! One blob on its way in. It follows the `Location` that each answer hands out, as clients must.

use bytes::Bytes;
use futures_util::stream;

use super::{Answer, Caller};

#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) caller: Caller,
    pub(crate) location: String,
}

impl Upload {
    /// The upload that a 202 opened.
    #[track_caller]
    pub(crate) fn of(caller: Caller, opened: &Answer) -> Self {
        Self { caller, location: opened.location() }
    }

    /// The same upload in another's hands.
    pub(crate) fn as_seen_by(&self, caller: &Caller) -> Self {
        Self { caller: caller.clone(), location: self.location.clone() }
    }

    /// A chunk that says where it starts and ends.
    pub(crate) async fn chunk(&mut self, range: &str, body: Bytes) -> Answer {
        let request = self.caller.request("PATCH", &self.location).header("content-range", range);
        let sent = request.header("content-type", "application/octet-stream").body(body).send().await;
        self.follow(sent)
    }

    /// A chunk of known length that starts wherever the upload stands.
    pub(crate) async fn append(&mut self, body: Bytes) -> Answer {
        let sent = self.caller.request("PATCH", &self.location).body(body).send().await;
        self.follow(sent)
    }

    /// Bytes of unknown length, the way docker sends them.
    pub(crate) async fn stream(&mut self, pieces: Vec<Bytes>) -> Answer {
        let body = reqwest::Body::wrap_stream(stream::iter(pieces.into_iter().map(Ok::<_, std::io::Error>)));
        let sent = self.caller.request("PATCH", &self.location).body(body).send().await;
        self.follow(sent)
    }

    pub(crate) async fn status(&self) -> Answer {
        self.caller.get(&self.location).await
    }

    /// How many bytes the server says it has.
    pub(crate) async fn offset(&self) -> u64 {
        let answer = self.status().await.is(204);
        let range = answer.header("range");
        let last: u64 =
            range.strip_prefix("0-").unwrap_or_else(|| panic!("odd Range {range}")).parse().unwrap();
        // The specification has no word for "nothing": `0-0` is also one byte. The tests never send just one.
        if last == 0 { 0 } else { last + 1 }
    }

    /// Closes the upload, with the last bytes if there are any.
    pub(crate) async fn finish(&self, digest: &str, body: Bytes) -> Answer {
        self.closing(digest).body(body).send().await
    }

    /// Closes the upload with a last chunk that says where it starts.
    pub(crate) async fn finish_at(&self, digest: &str, range: &str, body: Bytes) -> Answer {
        self.closing(digest).header("content-range", range).body(body).send().await
    }

    pub(crate) async fn cancel(&self) -> Answer {
        self.caller.delete(&self.location).await
    }

    pub(crate) fn closing(&self, digest: &str) -> super::caller::Request {
        self.caller.request("PUT", &with_digest(&self.location, digest))
    }

    fn follow(&mut self, answer: Answer) -> Answer {
        if answer.status == 202 {
            self.location = answer.location();
        }
        answer
    }
}

/// The URL that closes an upload. Its `Location` may have a query already.
pub(crate) fn with_digest(location: &str, digest: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={digest}")
}
