//! Blobs of a registry: looked up, and opened at any offset.

use futures_util::StreamExt as _;
use reqwest::{
    Method, StatusCode,
    header::{CONTENT_RANGE, HeaderValue, RANGE},
};
use wharf_core::{ByteStream, Digest, Error, Result, Subject};

use super::{Call, Upstream, pull, refusal::refusal};
use crate::{download::Download, repository::Repository};

impl Upstream {
    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// What a request may fail with.
    pub async fn has_blob(&self, repository: &Repository, digest: Digest) -> Result<bool> {
        let url = self.url(&format!("{repository}/blobs/{digest}"))?;
        let answer = self.exchange(&Call::new(Method::HEAD, url, pull(repository))).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            _ => Err(refusal(answer, Subject::Blob).await),
        }
    }

    /// A blob of so many bytes, checked as it comes.
    pub fn blob(&self, repository: &Repository, digest: Digest, size: u64) -> Download<'_> {
        let repository = repository.clone();
        let open = move |offset| {
            let repository = repository.clone();
            Box::pin(async move { self.open_blob(&repository, digest, (offset, size)).await }) as _
        };
        Download::new(digest, size, Box::new(open))
    }

    async fn open_blob(
        &self,
        repository: &Repository,
        digest: Digest,
        (offset, size): (u64, u64),
    ) -> Result<ByteStream> {
        let url = self.url(&format!("{repository}/blobs/{digest}"))?;
        let mut call = Call::new(Method::GET, url, pull(repository));
        if offset > 0 {
            let range = HeaderValue::from_str(&format!("bytes={offset}-")).map_err(Error::internal)?;
            call = call.header(RANGE, range);
        }
        let answer = self.exchange(&call).await?;
        let starts = answer.header(CONTENT_RANGE.as_str()).and_then(start_of);
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if starts == Some(offset) => Ok(answer.into_stream(size - offset)),
            // It does not know ranges, or will not have them.
            StatusCode::OK => Ok(without_first(answer.into_stream(size), offset)),
            _ => Err(refusal(answer, Subject::Blob).await),
        }
    }
}

/// The first byte of `bytes 5-9/10`.
fn start_of(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

fn without_first(stream: ByteStream, mut skip: u64) -> ByteStream {
    Box::pin(stream.map(move |piece| {
        piece.map(|mut bytes| {
            let cut = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
            skip -= cut as u64;
            bytes.split_off(cut)
        })
    }))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::{TryStreamExt as _, stream};

    use super::*;

    #[tokio::test]
    async fn the_first_bytes_of_a_stream_are_left_out_across_its_pieces() {
        let pieces = ["ab", "cd", "ef"].map(|piece| Ok(Bytes::from(piece)));
        let rest = without_first(Box::pin(stream::iter(pieces)), 3);
        let rest: Vec<Bytes> = rest.try_collect().await.unwrap();
        assert_eq!(rest.concat(), b"def");
    }

    #[test]
    fn the_start_of_a_range_is_read() {
        assert_eq!(start_of("bytes 5-9/10"), Some(5));
        assert_eq!(start_of("bytes */10"), None);
        assert_eq!(start_of("5-9/10"), None);
    }
}
