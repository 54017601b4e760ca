//! Conditional requests: entity tags are digests in quotes (RFC 9110, section 13).

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Condition, Digest, Expected};

/// The conditions of a request.
pub(crate) fn conditions(headers: &HeaderMap) -> Condition {
    Condition {
        matches: expected(headers, header::IF_MATCH, Weak::CountsNot),
        none_matches: expected(headers, header::IF_NONE_MATCH, Weak::Counts),
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

/// A list of entity tags or `*`. One that is no digest of ours can never match, and is left out; so is one that
/// cannot be read, for a condition that is there must not count as none.
fn expected(headers: &HeaderMap, name: HeaderName, weak: Weak) -> Option<Expected> {
    headers.get(&name)?;
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let tags: Vec<&str> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    if tags.contains(&"*") {
        return Some(Expected::Anything);
    }
    let digest = |tag: &&str| {
        let strong = if weak == Weak::Counts { tag.trim_start_matches("W/") } else { tag };
        strong.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
    };
    Some(Expected::OneOf(tags.iter().filter_map(digest).collect()))
}

/// Whether a weak entity tag counts as its digest (RFC 9110, section 13.1: not for `If-Match`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weak {
    Counts,
    CountsNot,
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

    #[test]
    fn entity_tags_are_read_from_lists() {
        let digest: Digest = DIGEST.parse().unwrap();
        let of = |name: HeaderName, text: &str| {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_bytes(text.as_bytes()).unwrap())]);
            let Condition { matches, none_matches } = conditions(&headers);
            matches.or(none_matches).unwrap()
        };
        let (matches, none) = (header::IF_MATCH, header::IF_NONE_MATCH);
        assert_eq!(conditions(&HeaderMap::new()), Condition::default());
        let list = format!("\"other\", W/\"{DIGEST}\"");
        assert_eq!(of(matches.clone(), "*"), Expected::Anything);
        assert_eq!(of(matches.clone(), &format!("\"{DIGEST}\"")), Expected::OneOf(vec![digest]));
        assert_eq!(of(matches.clone(), &list), Expected::OneOf(vec![]));
        assert_eq!(of(none, &list), Expected::OneOf(vec![digest]));
        assert_eq!(of(matches, "\"\u{fc}\""), Expected::OneOf(vec![]));
    }
}
