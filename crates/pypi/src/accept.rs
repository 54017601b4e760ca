//! Which form and which encoding of a page a client wants (RFC 9110, section 12; simple repository API, PEP 691).

use axum::http::{HeaderMap, header};
use wharf_http::{Weighed, taken_coding, weighed};
use wharf_registry::format::Encoding;

use crate::page::{HTML, JSON};

/// A form of a page: which page it is, and the type it is sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// The page.
    pub(crate) kind: &'static str,
    /// The type.
    pub(crate) media_type: &'static str,
}

const JSON_V1: &str = "application/vnd.pypi.simple.v1+json";
const HTML_V1: &str = "application/vnd.pypi.simple.v1+html";
const TEXT_HTML: &str = "text/html";

const JSON_FORM: Form = Form { kind: JSON, media_type: JSON_V1 };
const HTML_FORM: Form = Form { kind: HTML, media_type: HTML_V1 };
const TEXT_FORM: Form = Form { kind: HTML, media_type: TEXT_HTML };

/// What each type asks for. Old tools and browsers send `*/*` and can read HTML only.
const FORMS: [(&str, Form); 7] = [
    (JSON_V1, JSON_FORM),
    ("application/vnd.pypi.simple.latest+json", JSON_FORM),
    (HTML_V1, HTML_FORM),
    ("application/vnd.pypi.simple.latest+html", HTML_FORM),
    (TEXT_HTML, TEXT_FORM),
    ("text/*", TEXT_FORM),
    ("*/*", TEXT_FORM),
];

/// The form that a request wants: that of `?format=`, else the best of its `Accept`. None where it takes none of ours.
pub(crate) fn form(headers: &HeaderMap, format: Option<&str>) -> Option<Form> {
    let named = |wanted: &str| FORMS.into_iter().find(|(name, _)| *name == wanted).map(|(_, form)| form);
    if let Some(format) = format {
        return named(format);
    }
    if !headers.contains_key(header::ACCEPT) {
        return Some(TEXT_FORM);
    }
    let accepted = weighed(headers, &header::ACCEPT);
    let known = accepted.iter().filter_map(|one| Some((named(&one.name)?, one.weight)));
    let known: Vec<_> = known.filter(|(_, weight)| *weight > 0).collect();
    let best = known.iter().map(|(_, weight)| *weight).max()?;
    // Of several that are wanted alike, the richest.
    let best: Vec<Form> =
        known.into_iter().filter(|(_, weight)| *weight == best).map(|(form, _)| form).collect();
    [JSON_FORM, HTML_FORM, TEXT_FORM].into_iter().find(|form| best.contains(form))
}

/// Whether a request takes JSON under this type of its own, or as JSON.
pub(crate) fn accepts_json(headers: &HeaderMap, media_type: &str) -> bool {
    let taken = [media_type, "application/json", "application/*", "*/*"];
    let is_taken = |one: Weighed| one.weight > 0 && taken.contains(&one.name.as_str());
    !headers.contains_key(header::ACCEPT) || weighed(headers, &header::ACCEPT).into_iter().any(is_taken)
}

/// The encoding that a request takes and that is smallest.
pub(crate) fn encoding(headers: &HeaderMap) -> Encoding {
    taken_coding(headers, &Encoding::SMALLER, Encoding::word).unwrap_or(Encoding::Identity)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn each_client_gets_the_form_it_reads() {
        let form = |accept: &str| form(&headers(header::ACCEPT, accept), None).map(|form| form.media_type);
        let pip = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
        assert_eq!(form(pip), Some(JSON_V1));
        for everything in ["*/*", "text/html", "text/html,application/xhtml+xml,*/*;q=0.8"] {
            assert_eq!(form(everything), Some(TEXT_HTML), "{everything}");
        }
        assert_eq!(form("application/vnd.pypi.simple.latest+json"), Some(JSON_V1));
        assert_eq!(form("application/vnd.pypi.simple.v1+json;q=0.2, text/html;q=0.3"), Some(TEXT_HTML));
        assert_eq!(form("text/html, application/vnd.pypi.simple.v1+json"), Some(JSON_V1));
        for none in ["application/vnd.pypi.simple.v2+json", "text/html;q=0", "image/png", ""] {
            assert_eq!(form(none), None, "{none}");
        }
        let nothing = HeaderMap::new();
        assert_eq!(super::form(&nothing, None), Some(TEXT_FORM));
        assert_eq!(super::form(&headers(header::ACCEPT, "text/html"), Some(JSON_V1)), Some(JSON_FORM));
        assert_eq!(super::form(&nothing, Some("xml")), None);
    }

    #[test]
    fn the_smallest_encoding_that_is_taken_is_sent() {
        let encoding = |accept: &str| encoding(&headers(header::ACCEPT_ENCODING, accept));
        assert_eq!(encoding("gzip, deflate"), Encoding::Gzip);
        assert_eq!(encoding("gzip, deflate, zstd"), Encoding::Zstd);
        assert_eq!(encoding("identity"), Encoding::Identity);
    }
}
