//! A blob on its way to a registry: mounted where that spares the bytes, else streamed from its source in chunks, and
//! gone on with where the connection breaks. No more than a few pieces are in memory.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::{
    Method, StatusCode, Url,
    header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE},
};
use tokio::{sync::mpsc, time::timeout};
use wharf_core::{Digest, Error, Kind, Result, Subject};

use super::{Call, Upstream, manifests::push, refusal::refusal};
use crate::{
    door::{Ask, Body},
    download::Download,
    pace::Pace,
    repository::Repository,
};

/// The size of a chunk, in bytes: what is sent again at most where nothing can be asked.
const CHUNK: u64 = 32 * 1024 * 1024;
/// How long a registry may take nothing.
const IDLE: Duration = Duration::from_secs(60);

/// An upload that is open.
struct Upload<'a> {
    location: Url,
    repository: &'a Repository,
}

/// Whose fault it is that a chunk did not arrive.
enum Trouble {
    Source(Error),
    Target(Error),
}

/// Told how many bytes were sent.
pub type Watch<'a> = &'a (dyn Fn(u64) + Sync);

impl Upstream {
    /// Makes a blob of another repository one of this too; says whether that went.
    ///
    /// # Errors
    /// What a request may fail with.
    pub async fn mount(&self, repository: &Repository, digest: Digest, from: &Repository) -> Result<bool> {
        let url = self.url(&format!("{repository}/blobs/uploads/?mount={digest}&from={from}"))?;
        let scopes = [push(repository), super::pull(from)].concat();
        let answer = self.exchange(&Call::new(Method::POST, url, scopes)).await?;
        match answer.status() {
            StatusCode::CREATED => Ok(true),
            // The upload that was opened instead is not needed.
            StatusCode::ACCEPTED => {
                let location = answer.header(LOCATION.as_str()).unwrap_or_default();
                let location = self.own_url(answer.url(), location)?;
                self.cancel(&Upload { location, repository }).await;
                Ok(false)
            }
            _ => Err(refusal(answer, Subject::Name).await),
        }
    }

    /// Pushes a content as it comes from its source. `watch` is told the progress.
    ///
    /// # Errors
    /// The source's error, or the registry's refusal; the upload is then given up.
    pub async fn push_blob(
        &self,
        repository: &Repository,
        download: &mut Download<'_>,
        watch: Watch<'_>,
    ) -> Result<()> {
        let mut upload = self.open(repository).await?;
        let mut pace = Pace::default();
        let mut mark = download.mark();
        loop {
            let is_last = download.left() <= CHUNK;
            match self.send_chunk(&mut upload, download, watch).await {
                Ok(()) if is_last => return Ok(()),
                Ok(()) => {
                    pace.reset();
                    mark = download.mark();
                }
                Err(Trouble::Target(error)) if error.is_passing() => {
                    pace.wait(error).await?;
                    // Perhaps only the answer was lost.
                    if is_last && self.has_blob(repository, download.digest()).await? {
                        return Ok(());
                    }
                    download.rewind(mark.clone());
                    match self.offset(&upload).await? {
                        Some(offset) if offset >= download.position() => download.skip_to(offset).await?,
                        _ => {
                            upload = self.open(repository).await?;
                            download.restart();
                        }
                    }
                    mark = download.mark();
                }
                Err(Trouble::Source(error) | Trouble::Target(error)) => {
                    self.cancel(&upload).await;
                    return Err(error);
                }
            }
        }
    }

    async fn open<'a>(&self, repository: &'a Repository) -> Result<Upload<'a>> {
        let url = self.url(&format!("{repository}/blobs/uploads/"))?;
        let answer = self.exchange(&Call::new(Method::POST, url, push(repository))).await?;
        match (answer.status(), answer.header(LOCATION.as_str())) {
            (StatusCode::ACCEPTED, Some(location)) => {
                Ok(Upload { location: self.own_url(answer.url(), location)?, repository })
            }
            _ => Err(refusal(answer, Subject::Name).await),
        }
    }

    /// Sends the next chunk, and with the last one the word that it is.
    async fn send_chunk(
        &self,
        upload: &mut Upload<'_>,
        download: &mut Download<'_>,
        watch: Watch<'_>,
    ) -> Result<(), Trouble> {
        let (start, length) = (download.position(), download.left().min(CHUNK));
        let (mut method, mut url) = (Method::PATCH, upload.location.clone());
        let is_last = length == download.left();
        if is_last {
            method = Method::PUT;
            url.query_pairs_mut().append_pair("digest", &download.digest().to_string());
        }
        let headers = chunk_headers(start, length).map_err(Trouble::Target)?;
        let headers =
            self.authorised(&url, &headers, &push(upload.repository)).await.map_err(Trouble::Target)?;
        let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(2);
        let pieces = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let ask = Ask { method, url, headers, body: Body::Stream(pieces.boxed(), length) };
        let sending = async { self.door.send(ask).await.map_err(Trouble::Target) };
        let (answer, ()) = tokio::try_join!(sending, feed(download, length, (sender, watch)))?;
        let expected = if is_last { StatusCode::CREATED } else { StatusCode::ACCEPTED };
        if answer.status() != expected {
            return Err(Trouble::Target(refused(refusal(answer, Subject::Upload).await)));
        }
        if let (false, Some(location)) = (is_last, answer.header(LOCATION.as_str())) {
            upload.location = self.own_url(answer.url(), location).map_err(Trouble::Target)?;
        }
        Ok(())
    }

    /// How many bytes of an upload are there; `None` where it is gone.
    async fn offset(&self, upload: &Upload<'_>) -> Result<Option<u64>> {
        let call = Call::new(Method::GET, upload.location.clone(), push(upload.repository));
        let answer = self.exchange(&call).await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        let last =
            answer.header(RANGE.as_str()).and_then(|range| range.split_once('-')?.1.parse::<u64>().ok());
        // `0-0` is nothing, or one byte: of that the next chunk would tell.
        Ok(last.map(|last| if last == 0 { 0 } else { last + 1 }))
    }

    /// Gives an upload up. If that fails too, the registry does so in time.
    async fn cancel(&self, upload: &Upload<'_>) {
        let call = Call::new(Method::DELETE, upload.location.clone(), push(upload.repository));
        let _ = self.attempt(&call).await;
    }
}

/// A token may end, and an offset be another, between two chunks: both are asked for again.
fn refused(error: Error) -> Error {
    match error.kind() {
        Kind::Unauthenticated | Kind::OutOfRange | Kind::NotFound(Subject::Upload) => {
            Error::new(Kind::Unavailable, error.message().to_owned())
        }
        _ => error,
    }
}

fn chunk_headers(start: u64, length: u64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    if start > 0 && length > 0 {
        let range = format!("{start}-{}", start + length - 1);
        headers.insert(CONTENT_RANGE, HeaderValue::from_str(&range).map_err(Error::internal)?);
    }
    Ok(headers)
}

/// Passes the next bytes on, as fast as the other end takes them.
async fn feed(
    download: &mut Download<'_>,
    length: u64,
    (sender, watch): (mpsc::Sender<io::Result<Bytes>>, Watch<'_>),
) -> Result<(), Trouble> {
    let mut left = length;
    if left == 0 {
        // Also nothing is judged.
        return download.next(0).await.map(drop).map_err(Trouble::Source);
    }
    while left > 0 {
        let Some(bytes) = download.next(left).await.map_err(Trouble::Source)? else { break };
        let count = bytes.len() as u64;
        let stalled = |_| Trouble::Target(Error::new(Kind::Timeout, "the registry takes nothing any more"));
        if timeout(IDLE, sender.send(Ok(bytes))).await.map_err(stalled)?.is_err() {
            // The request has ended, and its answer says why.
            return Ok(());
        }
        left -= count;
        watch(count);
    }
    Ok(())
}
