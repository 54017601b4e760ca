//! Conditional requests: entity tags are digests in quotes (RFC 9110, section 13).

use axum::{
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Condition, Digest, Expected};

/// The conditions of a request.
pub fn conditions(headers: &HeaderMap) -> Condition {
    Condition {
        matches: expected(headers, header::IF_MATCH, Weak::CountsNot),
        none_matches: expected(headers, header::IF_NONE_MATCH, Weak::Counts),
    }
}

/// The answer to a reader who has this already, with the headers of the full one.
pub fn not_modified(mut headers: HeaderMap) -> Response {
    headers.remove(header::CONTENT_LENGTH);
    (StatusCode::NOT_MODIFIED, headers).into_response()
}

/// Whether a reader has a content already whose entity tag is no digest, by its `If-None-Match`.
pub(crate) fn knows_tag(headers: &HeaderMap, tag: &str) -> bool {
    let elements = headers.get_all(header::IF_NONE_MATCH).iter().flat_map(|value| elements(value.as_bytes()));
    let opaque = |element: &[u8]| {
        let strong = element.strip_prefix(b"W/").unwrap_or(element);
        strong.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) == Some(tag.as_bytes())
    };
    elements.into_iter().any(|element| element == b"*" || opaque(element))
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
    let elements = || headers.get_all(&name).iter().flat_map(|value| elements(value.as_bytes()));
    if elements().any(|element| element == b"*") {
        return Some(Expected::Anything);
    }
    Some(Expected::OneOf(elements().filter_map(|element| named(element, weak)).collect()))
}

/// What stands between the commas of a list, but for those in quotes, which are part of an entity tag.
fn elements(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let ends = move |byte: &u8| {
        is_quoted ^= *byte == b'"';
        *byte == b',' && !is_quoted
    };
    list.split(ends).map(<[u8]>::trim_ascii)
}

/// The digest an entity tag names. Nothing is escaped in one, so that a quote inside it ends it.
fn named(tag: &[u8], weak: Weak) -> Option<Digest> {
    let strong = tag.strip_prefix(b"W/").filter(|_| weak == Weak::Counts).unwrap_or(tag);
    let opaque = strong.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    std::str::from_utf8(opaque).ok()?.parse().ok()
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
    use proptest::prelude::*;

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
        assert_eq!(of(matches.clone(), "\"\u{fc}\""), Expected::OneOf(vec![]));
        for quoted in ["\"a,*,b\"", "\"*\"", "W/\"*\"", "\"a, *", "x\",*,\""] {
            assert_eq!(of(matches.clone(), quoted), Expected::OneOf(vec![]), "{quoted} counts as anything");
        }
        let beside = format!("\"\u{fc},\" ,, \"{DIGEST}\"");
        assert_eq!(of(matches, &beside), Expected::OneOf(vec![digest]));
    }

    proptest! {
        /// What stands in the quotes of one tag never counts as another one, nor as `*`.
        #[test]
        fn a_list_is_read_as_it_was_written(
            tags in proptest::collection::vec(("(W/)?", "[!#-~\u{e9}]{0,8}|[,*]{1,4}"), 0..6),
            gaps in proptest::collection::vec("[ \t]{0,2}(,[ \t]?){0,2}", 7),
            place in 0_usize..7,
        ) {
            let digest: Digest = DIGEST.parse().unwrap();
            let mut tags: Vec<String> = tags.iter().map(|(weak, opaque)| format!("{weak}\"{opaque}\"")).collect();
            let is_named = place <= tags.len();
            if is_named {
                tags.insert(place, format!("\"{DIGEST}\""));
            }
            let list: String = tags.iter().zip(&gaps).map(|(tag, gap)| format!("{gap}{tag} ,")).collect();
            let value = HeaderValue::from_bytes(list.trim().as_bytes()).unwrap();
            let headers = HeaderMap::from_iter([(header::IF_MATCH, value.clone()), (header::IF_NONE_MATCH, value)]);
            let found = Some(Expected::OneOf(is_named.then_some(digest).into_iter().collect()));
            prop_assert_eq!(conditions(&headers), Condition { matches: found.clone(), none_matches: found });
        }

        /// A condition that is there never counts as none, and holds for a digest only where its tag was written.
        #[test]
        fn no_header_loosens_a_condition(
            parts in proptest::collection::vec((0_usize..9, "[ -~]{0,3}"), 0..5),
        ) {
            let digest: Digest = DIGEST.parse().unwrap();
            let tag = format!("\"{DIGEST}\"");
            let words = [&tag, DIGEST, "W/", "\"", ",", " ", "*", "\"\"", "\t"];
            let text: String = parts.iter().flat_map(|(word, other)| [words[*word], other]).collect();
            let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
            for (name, is_strong) in [(header::IF_MATCH, true), (header::IF_NONE_MATCH, false)] {
                let headers = HeaderMap::from_iter([(name, value.clone())]);
                let Condition { matches, none_matches } = conditions(&headers);
                let found = if is_strong { matches } else { none_matches };
                match found.expect("a condition that is there is one") {
                    Expected::Anything => prop_assert!(text.contains('*')),
                    Expected::OneOf(tags) => prop_assert!(tags.iter().all(|tag| *tag == digest) && (tags.is_empty() || text.contains(&tag))),
                }
            }
            let headers = HeaderMap::from_iter([(header::IF_RANGE, value)]);
            prop_assert_eq!(range_counts(&headers, &digest), text == tag);
        }
    }
}
