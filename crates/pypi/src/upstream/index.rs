//! The page of a project as an upstream shows it: the files, with what the upstream says of them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wharf_core::{Error, Kind, Result, Timestamp};
use wharf_registry::upstream::Arrived;

use super::{html, json, listed::Listed};
use crate::{filename::FileName, name::ProjectName};

/// The most files that are read of a page.
pub(super) const MOST_FILES: usize = 100_000;
/// The most bytes that they take in memory. A page may be short and swell all the same, by addresses below a long one.
const MOST_BYTES: usize = 32 << 20;

/// The files of a project, in the upstream's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Index {
    pub(super) files: Vec<Listed>,
}

/// A moment in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(i64);

impl Moment {
    pub(crate) const fn of(at: Timestamp) -> Self {
        Self(at.seconds())
    }
}

impl Index {
    /// Reads a page in whatever form it came. Files without a SHA-256 are left out: nobody could vouch for them. What is
    /// beyond the bounds of a page is left out too.
    ///
    /// # Errors
    /// `Unavailable` for what is no page.
    pub(super) fn read(arrived: &Arrived) -> Result<Self> {
        let wrong =
            || Error::new(Kind::Unavailable, "the upstream answered with what is no page of a project");
        let base = url::Url::parse(&arrived.url).map_err(|error| wrong().because(error))?;
        let text = std::str::from_utf8(&arrived.bytes).map_err(|error| wrong().because(error))?;
        let files = match arrived.media_type.split(';').next().unwrap_or_default().trim() {
            "application/vnd.pypi.simple.v1+json" => {
                json::files(text).map_err(|error| wrong().because(error))?
            }
            "application/vnd.pypi.simple.v1+html" | "text/html" => html::files(text),
            _ => return Err(wrong()),
        };
        let mut left = MOST_BYTES;
        let whole = files.into_iter().filter_map(|file| file.at(&base));
        let kept = whole.map_while(|file| {
            left = left.checked_sub(file.weight())?;
            Some(file)
        });
        Ok(Self { files: kept.collect() })
    }

    /// What is kept of it.
    pub(super) fn keep(&self) -> Result<Bytes> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }

    /// What was kept.
    pub(super) fn kept(payload: &[u8]) -> Result<Self> {
        serde_json::from_slice(payload).map_err(Error::internal)
    }

    /// The files that are of a project and that installers know, each name once.
    pub(super) fn of(mut self, project: &ProjectName) -> Self {
        let mut seen = std::collections::HashSet::new();
        self.files.retain(|file| {
            let is_own = FileName::parse(&file.filename).is_ok_and(|name| name.project == *project);
            is_own && seen.insert(file.filename.clone())
        });
        self
    }

    /// The files that are older than so many days, and until when no other is. One whose age nobody tells is as new.
    pub(super) fn cooled(mut self, days: u16, now: Moment) -> (Self, Option<Moment>) {
        if days == 0 {
            return (self, None);
        }
        let rest = i64::from(days) * 24 * 3600;
        let shown_from = |file: &Listed| {
            let published: jiff::Timestamp = file.uploaded.as_deref()?.parse().ok()?;
            Some(Moment(published.as_second().saturating_add(rest)))
        };
        let until = self.files.iter().filter_map(shown_from).filter(|from| *from > now).min();
        self.files.retain(|file| shown_from(file).is_some_and(|from| from <= now));
        (self, until)
    }

    /// A file by its name.
    pub(super) fn find(&self, filename: &str) -> Option<&Listed> {
        self.files.iter().find(|file| file.filename == filename)
    }

    /// How many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.files.iter().map(Listed::weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn arrived(media_type: &str, text: &str) -> Arrived {
        let url = "https://index.example/simple/foo/".to_owned();
        Arrived { url, media_type: media_type.to_owned(), bytes: text.to_owned().into() }
    }

    fn sha() -> String {
        "a".repeat(64)
    }

    #[test]
    fn json_and_html_say_the_same() {
        let json = format!(
            r#"{{"meta":{{"api-version":"1.1"}},"name":"foo","files":[
            {{"filename":"foo-1.0-py3-none-any.whl","url":"../../files/foo-1.0-py3-none-any.whl",
              "hashes":{{"sha256":"{sha}","md5":"x"}},"requires-python":">=3.8,<4","yanked":"broken",
              "core-metadata":{{"sha256":"{sha}"}}}},
            {{"filename":"foo-0.9.tar.gz","url":"https://files.example/foo-0.9.tar.gz","hashes":{{}}}}]}}"#,
            sha = sha()
        );
        let html = format!(
            "<html><body><!-- <a href='x'>x</a> -->\n<A HREF=\"../../files/foo-1.0-py3-none-any.whl#sha256={sha}\" \
             data-requires-python=\"&gt;=3.8,&lt;4\" data-yanked='broken' \
             data-core-metadata=\"sha256={sha}\">foo-1.0-py3-none-any.whl</A><br/>\
             <a href=\"https://files.example/foo-0.9.tar.gz#md5=abc\">foo-0.9.tar.gz</a></body>",
            sha = sha()
        );
        let json = Index::read(&arrived("application/vnd.pypi.simple.v1+json", &json)).unwrap();
        let html = Index::read(&arrived("text/html; charset=utf-8", &html)).unwrap();
        assert_eq!(json, html);
        let [file] = json.files.as_slice() else { panic!("a file without a SHA-256 is shown: {json:?}") };
        assert_eq!(file.url, "https://index.example/files/foo-1.0-py3-none-any.whl");
        assert_eq!(file.requires_python.as_deref(), Some(">=3.8,<4"));
        assert_eq!((&file.yanked, &file.metadata), (&Some("broken".to_owned()), &Some(sha())));
    }

    #[test]
    fn a_file_is_hidden_until_it_is_old_enough() {
        let at = |uploaded: &str| Listed { uploaded: Some(uploaded.to_owned()), ..Listed::default() };
        let files = vec![at("2026-01-01T00:00:00Z"), at("2026-01-05T00:00:00Z"), Listed::default()];
        let second = |text: &str| Moment(text.parse::<jiff::Timestamp>().unwrap().as_second());
        let cooled = |days| Index { files: files.clone() }.cooled(days, second("2026-01-09T00:00:00Z"));
        assert_eq!(cooled(0).0.files.len(), 3);
        let (index, until) = cooled(7);
        assert_eq!((index.files.len(), until), (1, Some(second("2026-01-12T00:00:00Z"))));
    }

    #[test]
    fn what_is_no_page_is_refused_and_strangers_on_a_page_are_not_shown() {
        for (media_type, text) in [
            ("image/png", "x"),
            ("application/vnd.pypi.simple.v1+json", "<html>"),
            ("application/json", "{}"),
        ] {
            assert!(Index::read(&arrived(media_type, text)).is_err(), "{media_type}");
        }
        let named = |filename: &str| Listed { filename: filename.to_owned(), ..Listed::default() };
        let files = ["foo-1.0.tar.gz", "bar-1.0.tar.gz", "foo-1.0.tar.gz", "foo-1.0.exe"].map(named).to_vec();
        assert_eq!(Index { files }.of(&"foo".parse().unwrap()).files.len(), 1);
    }

    fn read(media_type: &str, text: &str) -> Vec<Listed> {
        Index::read(&arrived(media_type, text)).unwrap().files
    }

    const JSON: &str = "application/vnd.pypi.simple.v1+json";

    fn of_json(fields: &str) -> Listed {
        let name = r#""filename":"foo-1.0.tar.gz","url":"foo-1.0.tar.gz""#;
        let text = format!(r#"{{"files":[{{{name},"hashes":{{"sha256":"{}"}},{fields}}}]}}"#, sha());
        let [file] = read(JSON, &text).try_into().unwrap();
        file
    }

    #[test]
    fn what_nobody_expects_on_a_page_is_passed_over_and_never_held() {
        let zeros = format!("[{}0]", "0,".repeat(10_000));
        for (yanked, expected) in [
            ("true", Some(String::new())),
            ("false", None),
            ("null", None),
            (zeros.as_str(), Some(String::new())),
            (r#"{"a":["<b>"]}"#, Some(String::new())),
            ("1.5", Some(String::new())),
            (r#""a\r\nb""#, Some("ab".to_owned())),
            (&format!("\"{}\"", "x".repeat(1000)), Some("x".repeat(512))),
        ] {
            assert_eq!(of_json(&format!("\"yanked\":{yanked}")).yanked, expected);
        }
        for (promised, expected) in [
            (format!(r#"{{"md5":{zeros},"sha256":"{}"}}"#, sha().to_uppercase()), Some(sha())),
            (format!(r#"{{"sha256":"{}\"><b>"}}"#, sha()), None),
            ("true".to_owned(), None),
            (zeros.clone(), None),
        ] {
            assert_eq!(of_json(&format!("\"core-metadata\":{promised}")).metadata, expected);
        }
        let versions = |text: &str| of_json(&format!("\"requires-python\":\"{text}\"")).requires_python;
        assert_eq!(versions(">=3.8"), Some(">=3.8".to_owned()));
        assert_eq!((versions(">=3\\r\\nX: y"), versions(&"x".repeat(513))), (None, None));
        let attributes = format!("<a {} href=foo#sha256={}>foo</a>", "a ".repeat(10_000), sha());
        assert_eq!(read("text/html", &attributes).len(), 1);
    }

    #[test]
    fn of_a_page_so_many_files_are_read_and_so_many_bytes_of_them_kept() {
        let file = format!(r#"{{"filename":"foo-1.0.tar.gz","url":"x","hashes":{{"sha256":"{}"}}}}"#, sha());
        let page = |count: usize| format!(r#"{{"files":[{}]}}"#, vec![file.as_str(); count].join(","));
        assert_eq!(read(JSON, &page(3)).len(), 3);
        let empty = vec![r#"{"filename":"","url":""}"#; MOST_FILES].join(",");
        assert!(read(JSON, &format!(r#"{{"files":[{empty},{file}]}}"#)).is_empty());
        let long = Arrived {
            url: format!("https://index.example/{}/", "x".repeat(4000)),
            ..arrived(JSON, &page(10_000))
        };
        let index = Index::read(&long).unwrap();
        assert!((1..10_000).contains(&index.files.len()));
        assert!((MOST_BYTES / 2..=MOST_BYTES).contains(&index.weight()));
    }

    #[test]
    fn a_file_lies_where_something_can_be_fetched() {
        for (url, is_shown) in [("https://a.example/x", true), ("../x", true), ("file:///etc/passwd", false)]
        {
            let json = format!(
                r#"{{"files":[{{"filename":"foo","url":"{url}","hashes":{{"sha256":"{}"}}}}]}}"#,
                sha()
            );
            let html = format!("<a href=\"{url}#sha256={}\">foo</a>", sha());
            assert_eq!(read(JSON, &json).len(), usize::from(is_shown), "{url}");
            assert_eq!(read("text/html", &html).len(), usize::from(is_shown), "{url}");
        }
        let named = format!("<a href='x#sha256={}'>foo-1.0&#43;a&#x2B;b&apos;&amp;lt; &none; &</a>", sha());
        assert_eq!(read("text/html", &named)[0].filename, "foo-1.0+a+b'&lt; &none; &");
    }

    #[test]
    fn what_was_kept_is_what_was_read() {
        let index = Index { files: vec![of_json(r#""yanked":true,"size":7"#), of_json(r#""yanked":"why""#)] };
        assert_eq!(Index::kept(&index.keep().unwrap()).unwrap(), index);
    }

    proptest! {
        #[test]
        fn no_page_panics_the_reader(text in "[<>aA =\"'/&#;hrefdt!-]{0,200}", letters in "\\PC{0,100}") {
            for text in [text, letters] {
                for media_type in ["text/html", "application/vnd.pypi.simple.v1+json"] {
                    let _ = Index::read(&arrived(media_type, &text));
                }
            }
        }
    }
}
