//! A page that was rendered before anybody asked for it, as every door sends it: whole, or not at all to a reader who has it
//! already.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use wharf_core::{Error, Result};

use crate::condition::knows_tag;

/// What was published a moment ago must be found, and no cache that others share may keep what one reader may see.
pub const REVALIDATED: &str = "private, max-age=0, must-revalidate";

/// The word for a page in no coding.
const IDENTITY: &str = "identity";

/// A page in the one coding that a reader gets. It says what somebody uploaded: no browser may take it for a page of ours.
#[derive(Clone, Debug)]
pub struct SentPage {
    /// The bytes, encoded.
    pub bytes: Bytes,
    /// The strong entity tag, without quotes.
    pub etag: String,
    /// The word of the coding, `identity` where there is none.
    pub coding: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// The headers of a request that choose among the forms of the page, as `Vary` has them.
    pub vary: &'static str,
}

impl SentPage {
    /// The answer to `GET`.
    ///
    /// # Errors
    /// `Internal` for an entity tag that cannot stand in a header.
    pub fn answer(self, request: &HeaderMap) -> Result<Response> {
        let etag = HeaderValue::try_from(format!("\"{}\"", self.etag)).map_err(Error::internal)?;
        let mut headers = HeaderMap::from_iter([
            (header::VARY, HeaderValue::from_static(self.vary)),
            (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED)),
            (header::ETAG, etag),
        ]);
        if knows_tag(request, &self.etag) {
            return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(self.bytes.len()));
        if self.coding != IDENTITY {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(self.coding));
        }
        Ok((StatusCode::OK, headers, Body::from(self.bytes)).into_response())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(coding: &'static str, request: &[(header::HeaderName, &'static str)]) -> Response {
        let page = SentPage {
            bytes: Bytes::from_static(b"page"),
            etag: "a-tag".to_owned(),
            coding,
            media_type: "text/html",
            vary: "Accept-Encoding",
        };
        let request = request.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        page.answer(&request.collect()).unwrap()
    }

    fn shown(response: &Response) -> Vec<String> {
        let headers = response.headers().iter();
        let mut shown: Vec<_> =
            headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        shown.sort();
        shown
    }

    #[test]
    fn a_page_says_how_it_is_to_be_read_and_kept() {
        let kept = [
            "cache-control: private, max-age=0, must-revalidate",
            "content-length: 4",
            "content-security-policy: default-src 'none'",
            "content-type: text/html",
            "etag: \"a-tag\"",
            "vary: Accept-Encoding",
            "x-content-type-options: nosniff",
        ];
        let plain = sent(IDENTITY, &[]);
        assert_eq!((plain.status(), shown(&plain)), (StatusCode::OK, kept.map(str::to_owned).to_vec()));
        let encoded = sent("gzip", &[(header::IF_NONE_MATCH, "\"another\"")]);
        assert_eq!(encoded.headers()[header::CONTENT_ENCODING], "gzip");
    }

    #[test]
    fn a_reader_who_has_the_page_is_sent_its_tag_alone() {
        let known = sent("gzip", &[(header::IF_NONE_MATCH, "\"other\", W/\"a-tag\"")]);
        let kept = [
            "cache-control: private, max-age=0, must-revalidate",
            "etag: \"a-tag\"",
            "vary: Accept-Encoding",
        ];
        assert_eq!(
            (known.status(), shown(&known)),
            (StatusCode::NOT_MODIFIED, kept.map(str::to_owned).to_vec())
        );
    }
}
