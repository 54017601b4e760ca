//! What the server said, with the assertions on it. Each names the request, so that a failure explains itself.

use bytes::Bytes;
use reqwest::{Version, header::HeaderMap};
use serde_json::Value;

use super::Challenge;

#[derive(Debug)]
pub(crate) struct Answer {
    /// The method and path that were asked, for messages.
    pub(crate) request: String,
    pub(crate) version: Version,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The status must be this one.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.described());
        self
    }

    #[track_caller]
    pub(crate) fn any_of(self, statuses: &[u16]) -> Self {
        assert!(statuses.contains(&self.status), "expected one of {statuses:?}: {}", self.described());
        self
    }

    /// The body must be a list of errors in the shape of the distribution API, the first with this code.
    #[track_caller]
    pub(crate) fn error(self, code: &str) -> Self {
        let found = self.first_error()["code"].clone();
        assert_eq!(found, code, "{}", self.described());
        self
    }

    #[track_caller]
    pub(crate) fn error_any_of(self, codes: &[&str]) -> Self {
        let found = self.first_error()["code"].as_str().unwrap_or_default().to_owned();
        assert!(codes.contains(&found.as_str()), "expected one of {codes:?}: {}", self.described());
        self
    }

    /// The first error of the body, after a check that the whole body has the shape the specification gives it.
    #[track_caller]
    pub(crate) fn first_error(&self) -> Value {
        let content_type = self.header("content-type");
        assert!(content_type.starts_with("application/json"), "{}", self.described());
        let body = self.json();
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no errors in {}", self.described()));
        assert!(!errors.is_empty(), "no error in {}", self.described());
        for error in errors {
            let code = error["code"].as_str().unwrap_or_default();
            let is_code = !code.is_empty() && code.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            assert!(is_code, "odd error code in {}", self.described());
            assert!(error["message"].is_string(), "no message in {}", self.described());
            assert_ne!(error["detail"], serde_json::json!({}), "an empty detail in {}", self.described());
        }
        errors[0].clone()
    }

    /// A header that must be there, as text.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {}", self.described()));
        value.to_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn has_header(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), value, "{name}: {}", self.described());
        self
    }

    #[track_caller]
    pub(crate) fn lacks_header(self, name: &str) -> Self {
        assert!(!self.headers.contains_key(name), "{name} is there: {}", self.described());
        self
    }

    /// The body must be exactly these bytes; a message shows lengths only.
    #[track_caller]
    pub(crate) fn has_body(self, expected: &[u8]) -> Self {
        let equal = self.body == expected;
        assert!(equal, "{} bytes where {} were due: {}", self.body.len(), expected.len(), self.request);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.described()))
    }

    /// The `Location`, reduced to path and query: it may be absolute or relative.
    #[track_caller]
    pub(crate) fn location(&self) -> String {
        path_of(self.header("location"))
    }

    /// The target of `Link: <…>; rel="next"`, if there is one.
    #[track_caller]
    pub(crate) fn next_page(&self) -> Option<String> {
        self.headers.get("link")?;
        let link = self.header("link");
        assert!(link.contains("rel=\"next\""), "{}", self.described());
        let target = link.trim_start_matches('<').split('>').next().unwrap();
        Some(path_of(target))
    }

    #[track_caller]
    pub(crate) fn challenge(&self) -> Challenge {
        Challenge::parse(self.header("www-authenticate"))
    }

    fn described(&self) -> String {
        let shown = self.body.slice(..self.body.len().min(600));
        let text = String::from_utf8_lossy(&shown);
        format!("{} answered {}\n{:#?}\n{text}", self.request, self.status, self.headers)
    }
}

fn path_of(target: &str) -> String {
    match target.split_once("://") {
        None => target.to_owned(),
        Some((_, rest)) => rest.find('/').map_or_else(|| "/".to_owned(), |start| rest[start..].to_owned()),
    }
}
