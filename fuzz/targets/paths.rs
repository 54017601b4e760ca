//! Paths below `/v2`, against a reading of our own: by one expression for each form, longest name first.

use std::sync::LazyLock;

use axum::http::Method;
use bolero::check;
use percent_encoding::percent_decode_str;
use regex::Regex;
use wharf_core::Place;
use wharf_oci::{Begin, Endpoint};

use crate::alphabet;

const WORDS: &[&str] = &[
    "/",
    "a",
    "acme",
    "app",
    "blobs",
    "uploads",
    "manifests",
    "tags",
    "list",
    "referrers",
    "_catalog",
    "_oci",
    "ext",
    "discover",
    "latest",
    "..",
    ".",
    "%2e",
    "%2F",
    "%25",
    "%252f",
    "%00",
    "%ff",
    "%",
    "A",
    "//",
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "018f0000-0000-7000-8000-000000000abc",
    "/blobs/uploads/",
    "/manifests/",
    "/blobs/",
    "/tags/list",
    "/referrers/",
];
const QUERIES: &[&str] = &[
    "n=",
    "last=",
    "digest=",
    "mount=",
    "from=",
    "tag=",
    "artifactType=",
    "&",
    "-1",
    "10",
    "acme/app",
    "%2e",
    "%00",
    "+",
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "digest-algorithm=",
    "sha512",
    "é",
    "=",
    "a",
];

/// What names, forms and references are made of, plain and encoded once and twice.
const PARTS: &[&str] =
    &["a", "/", "%61", "%2561", "a%2fb", "blobs", "uploads", "tags", "%2F", "..", "manifests", "-b"];
const MIDDLES: &[&str] = &[
    "/manifests/",
    "/blobs/",
    "/tags/list",
    "/blobs/uploads/",
    "/referrers/",
    "%2fmanifests%2f",
    "/%62lobs/",
];
const ENDS: &[&str] = &[
    "",
    "latest",
    "%6catest",
    "%256catest",
    "list",
    "uploads",
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "sha256%3A44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "018f0000-0000-7000-8000-000000000abc",
];

/// A path that is often one of the API's: a name of some parts, a form, a reference.
fn likely(bytes: &[u8]) -> String {
    let (choices, name) = bytes.split_at(bytes.len().min(2));
    let choose = |at: usize, from: &[&'static str]| {
        from[usize::from(choices.get(at).copied().unwrap_or_default()) % from.len()]
    };
    let name = alphabet::words(&name[..name.len().min(4)], PARTS);
    format!("{name}{}{}", choose(0, MIDDLES), choose(1, ENDS))
}

/// The name, of a path that is decoded already. The name is as long as it can be, so the form is the last one.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    let forms = "/v2/(?<name>.*)/(tags/list|blobs/uploads/?|blobs/uploads/[^/]+|blobs/[^/]+|\
                 manifests/[^/]+|referrers/[^/]+)";
    Regex::new(&format!(r"(?s)\A{forms}\z")).unwrap()
});

fn methods() -> [Method; 8] {
    use Method as M;
    [M::GET, M::HEAD, M::POST, M::PUT, M::PATCH, M::DELETE, M::OPTIONS, M::CONNECT]
}

fn place(endpoint: &Endpoint) -> Option<&Place> {
    match endpoint {
        Endpoint::Ping | Endpoint::Extensions | Endpoint::Catalog(_) => None,
        Endpoint::Tags(place, _)
        | Endpoint::HeadBlob(place, _)
        | Endpoint::GetBlob(place, _)
        | Endpoint::DeleteBlob(place, _)
        | Endpoint::BeginUpload(place, _)
        | Endpoint::UploadStatus(place, _)
        | Endpoint::Append(place, _)
        | Endpoint::FinishUpload(place, ..)
        | Endpoint::CancelUpload(place, _)
        | Endpoint::HeadManifest(place, _)
        | Endpoint::GetManifest(place, _)
        | Endpoint::PutManifest(place, ..)
        | Endpoint::DeleteManifest(place, _)
        | Endpoint::Referrers(place, _) => Some(place),
    }
}

/// The second reading: the place a decoded path is about.
fn read(path: &str) -> Option<Place> {
    let found = FORMS.captures(path)?;
    found["name"].parse().ok()
}

#[test]
fn a_path_is_decoded_once_and_read_from_its_right_end() {
    check!().with_max_len(16).for_each(|bytes: &[u8]| {
        for rest in [likely(bytes), alphabet::text(bytes, WORDS), alphabet::words(bytes, WORDS)] {
            let path = format!("/v2/{rest}");
            for method in methods() {
                let Ok(endpoint) = Endpoint::parse(&method, &path, None) else { continue };
                let decoded = percent_decode_str(&path).decode_utf8().unwrap();
                let Some(found) = place(&endpoint) else { continue };
                assert_eq!(Some(found), read(&decoded).as_ref(), "{path:?} is {endpoint:?}");
                // Decoding again must change nothing: no name, reference or digest holds a `%`.
                assert!(!decoded.contains('%'), "{path:?}");
                assert_eq!(Endpoint::parse(&method, &decoded, None).unwrap(), endpoint);
            }
        }
    });
}

#[test]
fn a_query_changes_neither_place_nor_method() {
    const PATHS: [(&str, Method); 6] = [
        ("/v2/acme/app/blobs/uploads/", Method::POST),
        ("/v2/acme/app/blobs/uploads/018f0000-0000-7000-8000-000000000abc", Method::PUT),
        ("/v2/acme/app/manifests/latest", Method::PUT),
        ("/v2/acme/app/tags/list", Method::GET),
        ("/v2/_catalog", Method::GET),
        (
            "/v2/acme/app/referrers/sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            Method::GET,
        ),
    ];
    check!().with_max_len(20).for_each(|bytes: &[u8]| {
        for query in [alphabet::text(bytes, QUERIES), alphabet::words(bytes, QUERIES)] {
            for (path, method) in PATHS {
                let Ok(endpoint) = Endpoint::parse(&method, path, Some(&query)) else { continue };
                assert!(place(&endpoint).is_none_or(|place| place.to_string() == "acme/app"), "{query:?}");
                expect_pages(&endpoint, &query);
            }
        }
    });
}

/// What lists are asked for is bounded, and holds nothing that a database cannot.
fn expect_pages(endpoint: &Endpoint, query: &str) {
    match endpoint {
        Endpoint::Tags(_, page) | Endpoint::Catalog(page) => {
            assert!(page.limit.get() <= 1_000, "{query:?}");
            assert!(page.last.as_ref().is_none_or(|last| !last.contains('\0')), "{query:?}");
        }
        Endpoint::BeginUpload(_, Begin::Mount(digest, _) | Begin::Whole(digest)) => {
            let named =
                form_urlencoded::parse(query.as_bytes()).any(|(_, value)| value == digest.to_string());
            assert!(named, "{query:?} begins {digest}");
        }
        _ => {}
    }
}
