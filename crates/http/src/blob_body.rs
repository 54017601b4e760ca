//! The bytes of a blob on their way out.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    os::unix::fs::FileExt,
    sync::Arc,
};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{Stream, stream};
use rustix::io::ReadWriteFlags;
use wharf_core::{BlobBody, Error, Result};

/// The header that tells which content an answer is about.
const DIGEST: &str = "docker-content-digest";

/// How much of a file is read and sent at a time.
const PIECE: u64 = 1 << 18;
/// Up to so much is read and sent at once, and not worth anything else.
const SMALL: u64 = 1 << 16;

/// What an answer's body is read from, as an extension of the answer: a connection that can may send that instead.
#[derive(Clone, Debug)]
pub struct FilePart {
    /// The open file.
    pub file: Arc<File>,
    /// Where the part begins.
    pub offset: u64,
    /// How long it is, in bytes; never zero.
    pub length: u64,
}

/// Puts a blob's bytes into a response that has its status and headers. A redirect replaces the status, keeps the
/// digest, and may not be cached like the bytes: where it leads to ends soon. The client sends its `Range` there too.
///
/// # Errors
/// `Internal` where a redirect's URL cannot stand in a header.
pub fn blob_body(mut response: Response, body: BlobBody) -> Result<Response> {
    match body {
        BlobBody::File { file, offset, length } => {
            if length > SMALL {
                response.extensions_mut().insert(FilePart { file: file.clone(), offset, length });
            } else if let Some(bytes) = at_hand(&file, offset, length) {
                *response.body_mut() = Body::from(bytes);
                return Ok(response);
            }
            *response.body_mut() = Body::from_stream(pieces(file, offset, length));
            Ok(response)
        }
        BlobBody::Stream(stream) => {
            *response.body_mut() = Body::from_stream(stream);
            Ok(response)
        }
        BlobBody::Redirect(url) => {
            let url = HeaderValue::from_str(&url).map_err(Error::internal)?;
            let headers = [
                (header::LOCATION, url),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
                (header::CONTENT_LENGTH, HeaderValue::from(0)),
            ];
            let mut redirect = (StatusCode::TEMPORARY_REDIRECT, headers).into_response();
            if let Some(digest) = response.headers_mut().remove(DIGEST) {
                redirect.headers_mut().insert(DIGEST, digest);
            }
            Ok(redirect)
        }
    }
}

/// A part of a file that is in memory, read without waiting for the disk.
fn at_hand(file: &File, offset: u64, length: u64) -> Option<Bytes> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    let read = rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut bytes)], offset, ReadWriteFlags::NOWAIT);
    (read == Ok(bytes.len())).then(|| bytes.into())
}

/// A part of a file, each piece from memory or else read on a thread that may block. A file that ends too early ends the connection: bytes are never made up.
fn pieces(file: Arc<File>, offset: u64, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, offset, length), |(file, offset, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let length = left.min(PIECE);
        let piece = match at_hand(&file, offset, length) {
            Some(piece) => piece,
            None => read(file.clone(), offset, length).await?,
        };
        Ok(Some((piece, (file, offset + length, left - length))))
    })
}

async fn read(file: Arc<File>, offset: u64, length: u64) -> io::Result<Bytes> {
    let read = tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact_at(&mut piece, offset)?;
        Ok(piece.into())
    });
    read.await.map_err(io::Error::other)?
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes the file it sends")]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn sent(offset: u64, length: u64) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let bytes: Vec<u8> = (0..600_000_u32).map(|n| (n % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = Arc::new(File::open(path).unwrap());
        let response = blob_body(Response::default(), BlobBody::File { file, offset, length }).unwrap();
        let sent = response.into_body().collect().await.ok()?.to_bytes();
        assert_eq!(sent, bytes[offset as usize..(offset + length) as usize]);
        Some(sent.to_vec())
    }

    #[tokio::test]
    async fn exactly_the_part_is_sent() {
        for (offset, length) in [(0, 0), (0, 1), (0, 600_000), (PIECE - 1, 2), (599_999, 1), (7, 2 * PIECE)] {
            assert_eq!(sent(offset, length).await.unwrap().len() as u64, length);
        }
    }

    #[test]
    fn a_redirect_keeps_the_digest_and_is_not_kept_itself() {
        let blob = (
            StatusCode::PARTIAL_CONTENT,
            [(DIGEST, "sha256:00"), ("cache-control", "immutable"), ("content-range", "bytes 0-1/2")],
        );
        let url = "https://store.example/object?signature=1";
        let redirect = blob_body(blob.into_response(), BlobBody::Redirect(url.to_owned())).unwrap();
        let header = |name: &str| redirect.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(redirect.status(), StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(header("location"), Some(url));
        assert_eq!(header(DIGEST), Some("sha256:00"));
        assert_eq!(header("cache-control"), Some("no-store"));
        assert_eq!(header("content-range"), None);
    }

    #[tokio::test]
    async fn a_file_that_ends_early_breaks_the_body_off() {
        let body = BlobBody::File { file: Arc::new(tempfile::tempfile().unwrap()), offset: 0, length: 5 };
        assert!(blob_body(Response::default(), body).unwrap().into_body().collect().await.is_err());
    }
}
