//! Conditional requests: entity tags are digests in quotes (RFC 9110, section 13).

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Condition, Digest, Expected};

/// The conditions of a request.
pub(crate) fn conditions(headers: &HeaderMap) -> Condition {
    Condition {
        matches: expected(headers, header::IF_MATCH),
        none_matches: expected(headers, header::IF_NONE_MATCH),
    }
}

/// The answer to a reader who has this already, with the headers of the full one.
pub(crate) fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(header::CONTENT_LENGTH);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// Whether a `Range` still counts: there is no `If-Range`, or it names this content. A date never does.
pub(crate) fn range_counts(headers: &HeaderMap, digest: &Digest) -> bool {
    let named = headers.get(header::IF_RANGE).map(|value| value.to_str().unwrap_or_default());
    named.is_none_or(|named| named == format!("\"{digest}\""))
}

/// A list of entity tags or `*`. One that is no digest of ours can never match, and is left out.
fn expected(headers: &HeaderMap, name: HeaderName) -> Option<Expected> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).peekable();
    values.peek()?;
    let tags: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    if tags.contains(&"*") {
        return Some(Expected::Anything);
    }
    let digest = |tag: &&str| tag.trim_start_matches("W/").trim_matches('"').parse().ok();
    Some(Expected::OneOf(tags.iter().filter_map(digest).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    #[test]
    fn entity_tags_are_read_from_lists() {
        let digest: Digest = DIGEST.parse().unwrap();
        let of = |text: &str| {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, text.parse().unwrap())]);
            conditions(&headers).matches.unwrap()
        };
        assert_eq!(conditions(&HeaderMap::new()), Condition::default());
        assert_eq!(of("*"), Expected::Anything);
        assert_eq!(of(&format!("\"{DIGEST}\"")), Expected::OneOf(vec![digest]));
        assert_eq!(of(&format!("\"other\", W/\"{DIGEST}\"")), Expected::OneOf(vec![digest]));
        assert_eq!(of("\"other\""), Expected::OneOf(vec![]));
    }
}
