//! The headers of refusals, the same behind every door.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use wharf_core::{Detail, Error, Kind};

use crate::status::retry_after;

/// What a client is told beside the words: how to say who it is, which methods the path takes, how large the thing is that
/// a range fell outside of, when to come again. A face that has a challenge of its own puts it in the place of this one.
pub fn refusal_headers(error: &Error) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if error.kind() == Kind::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"wharf\""));
    }
    let told: Option<(HeaderName, String)> = match error.detail() {
        Some(Detail::Allow(methods)) => Some((header::ALLOW, methods.clone())),
        Some(Detail::Size(size)) => Some((header::CONTENT_RANGE, format!("bytes */{size}"))),
        _ => None,
    };
    if let Some((name, text)) = told
        && let Ok(value) = HeaderValue::try_from(text)
    {
        headers.insert(name, value);
    }
    headers.extend(retry_after(error).map(|seconds| (header::RETRY_AFTER, seconds)));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_what_its_client_can_act_on() {
        let of = |kind, detail: Option<Detail>| {
            let error = Error::new(kind, "no");
            let headers =
                refusal_headers(&detail.map_or_else(|| Error::new(kind, "no"), |it| error.with(it)));
            let shown =
                |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
            headers.iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(of(Kind::Unauthenticated, None), ["www-authenticate: Basic realm=\"wharf\""]);
        assert_eq!(of(Kind::Unsupported, Some(Detail::Allow("GET".to_owned()))), ["allow: GET"]);
        assert_eq!(of(Kind::OutOfRange, Some(Detail::Size(7))), ["content-range: bytes */7"]);
        assert_eq!(of(Kind::RateLimited, Some(Detail::Wait(9))), ["retry-after: 9"]);
        assert_eq!(of(Kind::NotFound(wharf_core::Subject::Name), None), [""; 0]);
    }
}
