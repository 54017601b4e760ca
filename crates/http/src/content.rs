//! Content that is known by its digest, as every door serves it: whole, one range of it, or not at all to a reader who
//! has it already.

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Detail, Digest, Error, Kind, Result};

use crate::{
    condition::{conditions, not_modified, range_counts},
    range::{ByteRange, byte_range},
};

/// What is served. The bytes are somebody's upload: no browser may take them for a page.
#[derive(Debug)]
pub struct Content {
    digest: Digest,
    size: Option<u64>,
    headers: HeaderMap,
}

/// What a reader gets.
#[derive(Debug)]
pub enum Served {
    /// All there is to say: it has the content already.
    Known(Response),
    /// An answer that lacks only the bytes of this range.
    Part(Response, Range<u64>),
}

impl Content {
    /// Content of this digest, to be kept by readers as `cache` says.
    ///
    /// # Errors
    /// `Internal`, which cannot be.
    pub fn new(digest: Digest, cache: &'static str) -> Result<Self> {
        let etag = HeaderValue::try_from(format!("\"{digest}\"")).map_err(Error::internal)?;
        let headers = HeaderMap::from_iter([
            (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (header::ETAG, etag),
            (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ]);
        Ok(Self { digest, size: None, headers })
    }

    /// With its size, in bytes. Without one it can be served only as it comes.
    pub fn sized(self, size: u64) -> Self {
        Self { size: Some(size), ..self }
    }

    /// With another header, or another value of one.
    ///
    /// # Errors
    /// `Internal` for text that cannot stand in a header.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Result<Self> {
        self.headers.insert(name, HeaderValue::try_from(value.into()).map_err(Error::internal)?);
        Ok(self)
    }

    /// The answer to `HEAD`.
    ///
    /// # Errors
    /// As [`Content::known`].
    pub fn head(self, request: &HeaderMap) -> Result<Response> {
        Ok(match self.known(request)? {
            Some(known) => known,
            None => self.all(Body::empty()),
        })
    }

    /// The answer to a reader who has it already.
    ///
    /// # Errors
    /// `PreconditionFailed` where another one is wanted, by `If-Match`.
    pub fn known(&self, request: &HeaderMap) -> Result<Option<Response>> {
        let is_known = conditions(request).is_known(&self.digest)?;
        Ok(is_known.then(|| not_modified(self.headers.clone())))
    }

    /// All of it, from a body.
    pub fn all(mut self, body: Body) -> Response {
        if let Some(size) = self.size {
            self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        }
        (StatusCode::OK, self.headers, body).into_response()
    }

    /// The answer to `GET`.
    ///
    /// # Errors
    /// `OutOfRange` with [`Detail::Size`] for a range that begins behind the end; as [`Content::known`].
    pub fn get(self, request: &HeaderMap) -> Result<Served> {
        if let Some(known) = self.known(request)? {
            return Ok(Served::Known(known));
        }
        let size = self.size.unwrap_or_default();
        let wanted = request.get(header::RANGE).filter(|_| range_counts(request, &self.digest));
        match byte_range(wanted.and_then(|range| range.to_str().ok()), size) {
            ByteRange::Whole => Ok(Served::Part(self.all(Body::empty()), 0..size)),
            ByteRange::Part(range) => {
                let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                let part = self.with(header::CONTENT_RANGE, text)?.sized(range.end - range.start);
                let mut response = part.all(Body::empty());
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                Ok(Served::Part(response, range))
            }
            ByteRange::Unsatisfiable => {
                let error = Error::new(Kind::OutOfRange, "the range begins behind the end of the blob");
                Err(error.with(Detail::Size(size)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_reader_who_wants_another_content_is_told_so_before_anything_else() {
        let digest: Digest = format!("sha256:{}", "5".repeat(64)).parse().unwrap();
        let content = || Content::new(digest, "private").unwrap().sized(7);
        let with = |name, tag: String| HeaderMap::from_iter([(name, HeaderValue::from_str(&tag).unwrap())]);
        let other = format!("\"sha256:{}\"", "6".repeat(64));
        let mut known = with(header::IF_NONE_MATCH, format!("\"{digest}\""));
        known.extend(with(header::IF_MATCH, other.clone()));
        for request in [with(header::IF_MATCH, other), known] {
            assert_eq!(content().head(&request).unwrap_err().kind(), Kind::PreconditionFailed);
            let refused = content().get(&request).err().map(|error| error.kind());
            assert_eq!(refused, Some(Kind::PreconditionFailed));
        }
        let own = with(header::IF_MATCH, format!("\"{digest}\""));
        assert_eq!(content().head(&own).unwrap().status(), StatusCode::OK);
        assert!(content().get(&own).is_ok());
    }

    proptest! {
        /// A part names its ends, which lie within, and is as long as they say; the whole names none.
        #[test]
        fn an_answer_says_which_bytes_follow(
            range in "bytes=([0-9]{1,20})?-([0-9]{1,20})?|(bytes|lines)=[0-9,a-]{0,9}",
            size in prop_oneof![0_u64..20, any::<u64>()],
        ) {
            let digest: Digest = format!("sha256:{}", "5".repeat(64)).parse().unwrap();
            let request = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(&range).unwrap())]);
            let served = match Content::new(digest, "private").unwrap().sized(size).get(&request) {
                Ok(served) => served,
                Err(error) => {
                    prop_assert_eq!((error.kind(), error.detail()), (Kind::OutOfRange, Some(&Detail::Size(size))));
                    return Ok(());
                }
            };
            let Served::Part(response, bytes) = served else { panic!("nobody has it already") };
            let text = |name: HeaderName| response.headers().get(name).map(|value| value.to_str().unwrap());
            let length = (bytes.end - bytes.start).to_string();
            prop_assert_eq!(text(header::CONTENT_LENGTH), Some(length.as_str()));
            let Some(named) = text(header::CONTENT_RANGE) else {
                prop_assert_eq!((response.status(), bytes), (StatusCode::OK, 0..size));
                return Ok(());
            };
            prop_assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
            let (ends, of) = named.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
            let (first, last) = ends.split_once('-').unwrap();
            let [first, last, of] = [first, last, of].map(|number| number.parse::<u64>().unwrap());
            prop_assert!(first <= last && last < of, "{}", named);
            prop_assert_eq!((first, last - first, of), (bytes.start, bytes.end - bytes.start - 1, size));
        }
    }
}
