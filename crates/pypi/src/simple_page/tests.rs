use proptest::prelude::*;

use super::*;

const JSON: &str = "application/vnd.pypi.simple.v1+json";

fn arrived(media_type: &str, text: &str) -> Arrived {
    let url = "https://index.example/simple/foo/".to_owned();
    Arrived { url, media_type: media_type.to_owned(), bytes: text.to_owned().into() }
}

fn sha() -> String {
    "a".repeat(64)
}

fn read(media_type: &str, text: &str) -> Vec<Listed> {
    project(&arrived(media_type, text)).unwrap().files
}

fn of_json(fields: &str) -> Listed {
    let name = r#""filename":"foo-1.0.tar.gz","url":"foo-1.0.tar.gz""#;
    let text = format!(r#"{{"files":[{{{name},"hashes":{{"sha256":"{}"}},{fields}}}]}}"#, sha());
    let [file] = read(JSON, &text).try_into().unwrap();
    file
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
    let json = project(&arrived(JSON, &json)).unwrap();
    let html = project(&arrived("Text/HTML; charset=utf-8", &html)).unwrap();
    assert_eq!(json, html);
    assert_eq!((&json.unvouched[..], json.goes_on), (&["foo-0.9.tar.gz".to_owned()][..], false));
    let [file] = json.files.as_slice() else { panic!("a file without a SHA-256 is one of them: {json:?}") };
    assert_eq!(file.url, "https://index.example/files/foo-1.0-py3-none-any.whl");
    assert_eq!(file.requires_python.as_deref(), Some(">=3.8,<4"));
    assert_eq!((&file.yanked, &file.metadata), (&Some("broken".to_owned()), &Some(sha())));
}

#[test]
fn only_the_types_of_pages_are_taken_and_what_they_promise_is_there() {
    let page = r#"{"files":[],"projects":[]}"#;
    assert!(project(&arrived(JSON, page)).is_ok() && projects(&arrived(JSON, page)).is_ok());
    for (media_type, text) in [
        ("application/json", page),
        ("text/plain", page),
        ("", page),
        ("image/png", "x"),
        (JSON, "<html>"),
        (JSON, "{}"),
    ] {
        for refused in [project(&arrived(media_type, text)).err(), projects(&arrived(media_type, text)).err()]
        {
            assert_eq!(refused.map(|error| error.kind()), Some(Kind::Invalid), "{media_type} {text}");
        }
    }
    let latin = Arrived { bytes: vec![0xe9].into(), ..arrived("text/html", "") };
    assert!(project(&latin).is_err());
}

#[test]
fn projects_are_read_in_both_forms_as_they_are_written() {
    let json = r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"Foo.Bar","_last-serial":7},{"name":""},{"name":"z"}]}"#;
    let html = "<a href='/simple/foo-bar/'>Foo.Bar</a><a name=here>no</a><!-- <a href=no>no</a> -->\n<A HREF=z/> z </A>";
    for (media_type, text) in [(JSON, json), ("application/vnd.pypi.simple.v1+html", html)] {
        assert_eq!(projects(&arrived(media_type, text)).unwrap(), ["Foo.Bar", "z"]);
    }
    let long = format!("<a href=x>{}</a>", "x".repeat(LONGEST_PROJECT + 1));
    assert!(projects(&arrived("text/html", &long)).unwrap().is_empty());
    let many = "<a href=x>x</a>".repeat(MOST_PROJECTS + 1);
    assert_eq!(projects(&arrived("text/html", &many)).unwrap_err().kind(), Kind::TooLarge);
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
    let beyond = project(&arrived(JSON, &format!(r#"{{"files":[{empty},{file}]}}"#))).unwrap();
    assert!(beyond.files.is_empty() && beyond.goes_on);
    let beyond = format!("{}<a href=\"y#sha256={}\">foo</a>", "<a href=x></a>".repeat(MOST_FILES), sha());
    let beyond = project(&arrived("text/html", &beyond)).unwrap();
    assert!(beyond.files.is_empty() && beyond.goes_on);
    let long = Arrived {
        url: format!("https://index.example/{}/", "x".repeat(4000)),
        ..arrived(JSON, &page(10_000))
    };
    let page = project(&long).unwrap();
    assert!((1..10_000).contains(&page.files.len()) && page.goes_on);
    let weight = page.files.iter().map(Listed::weight).sum();
    assert!((MOST_BYTES / 2..=MOST_BYTES).contains(&weight));
}

#[test]
fn a_file_lies_where_something_can_be_fetched() {
    for (url, is_shown) in [("https://a.example/x", true), ("../x", true), ("file:///etc/passwd", false)] {
        let json =
            format!(r#"{{"files":[{{"filename":"foo","url":"{url}","hashes":{{"sha256":"{}"}}}}]}}"#, sha());
        let html = format!("<a href=\"{url}#sha256={}\">foo</a>", sha());
        assert_eq!(read(JSON, &json).len(), usize::from(is_shown), "{url}");
        assert_eq!(read("text/html", &html).len(), usize::from(is_shown), "{url}");
    }
    let named = format!("<a href='x#sha256={}'>foo-1.0&#43;a&#x2B;b&apos;&amp;lt; &none; &</a>", sha());
    assert_eq!(read("text/html", &named)[0].filename, "foo-1.0+a+b'&lt; &none; &");
}

#[test]
fn a_page_of_what_never_ends_is_read_once() {
    // Read again from every sign on, a million of them would keep a core for hours.
    for torn in ["<", "<a ", "<a href='", "<!--", "\"<a href=x>"] {
        assert!(read("text/html", &torn.repeat(1_000_000)).is_empty(), "{torn}");
    }
    let name = format!("{}&#0000000000038;&#x26;", "&".repeat(100));
    let page = format!("<a href=x#sha256={}>{name}</a>", sha());
    assert!(read("text/html", &page)[0].filename.ends_with("&&#0000000000038;&"));
}

proptest! {
    #[test]
    fn no_page_panics_the_reader(text in "[<>aA =\"'/&#;hrefdt!-]{0,200}", letters in "\\PC{0,100}") {
        for text in [text, letters] {
            for media_type in ["text/html", JSON] {
                let _ = project(&arrived(media_type, &text));
                let _ = projects(&arrived(media_type, &text));
            }
        }
    }
}
