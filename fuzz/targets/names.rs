//! Names, tags and digests, against the expressions of the specification.

use std::sync::LazyLock;

use bolero::check;
use regex::Regex;
use wharf_core::{Digest, Place, Reference, RepositoryName, Scope, Tag, UploadId};

use crate::alphabet;

/// Distribution specification, "pulling manifests"; anchored at both ends.
const NAME: &str = r"\A[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*\z";
const TAG: &str = r"\A[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}\z";
/// Image specification, "digests", of the two algorithms that are served.
const DIGEST: &str = r"\A(sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})\z";

const WORDS: &[&str] = &[
    "a",
    "b",
    "0",
    "9",
    "z",
    "/",
    ".",
    "_",
    "-",
    "__",
    "..",
    "--",
    "___",
    "A",
    "%2f",
    "%2e",
    ":",
    "\0",
    "é",
    "library",
    "main",
    "library/main/",
    "v2",
    "blobs",
    "uploads",
    "_catalog",
    "sha256:",
    "sha512:",
    "0123456789abcdef",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

fn is(expression: &LazyLock<Regex>, text: &str) -> bool {
    expression.is_match(text)
}

#[test]
fn a_name_is_what_the_specification_calls_one() {
    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| Regex::new(NAME).unwrap());
    check!().with_max_len(40).for_each(|bytes: &[u8]| {
        for text in [alphabet::text(bytes, WORDS), alphabet::words(bytes, &WORDS[..12])] {
            let expected = text.len() <= 190 && is(&EXPRESSION, &text);
            assert_eq!(text.parse::<RepositoryName>().is_ok(), expected, "{text:?}");
        }
    });
}

#[test]
fn a_place_is_a_name_and_has_one_shortest_spelling() {
    static EXPRESSION: LazyLock<Regex> = LazyLock::new(|| Regex::new(NAME).unwrap());
    check!().with_max_len(24).for_each(|bytes: &[u8]| {
        for text in [alphabet::text(bytes, WORDS), alphabet::words(bytes, &WORDS[..12])] {
            let Ok(place) = text.parse::<Place>() else { continue };
            assert!(is(&EXPRESSION, &text), "{text:?} is no name, yet a place");
            let printed = place.to_string();
            assert!(printed.len() <= text.len(), "{text:?} is printed as {printed:?}");
            assert_eq!(printed.parse::<Place>().unwrap(), place);
            let whole = format!("{}/{}/{}", place.organisation, place.registry, place.repository);
            assert_eq!(whole.parse::<Place>().unwrap(), place, "{whole:?}");
        }
    });
}

#[test]
fn a_reference_is_a_tag_or_a_digest_as_the_specifications_write_them() {
    static TAGS: LazyLock<Regex> = LazyLock::new(|| Regex::new(TAG).unwrap());
    static DIGESTS: LazyLock<Regex> = LazyLock::new(|| Regex::new(DIGEST).unwrap());
    check!().with_max_len(140).for_each(|bytes: &[u8]| {
        let hex = alphabet::words(bytes, &["0", "9", "a", "f", "00000000", "ffffffffffffffff", "A", "g"]);
        for text in [alphabet::text(bytes, WORDS), format!("sha256:{hex}"), format!("sha512:{hex}")] {
            assert_eq!(text.parse::<Tag>().is_ok(), is(&TAGS, &text), "{text:?}");
            assert_eq!(text.parse::<Digest>().is_ok(), is(&DIGESTS, &text), "{text:?}");
            if let Ok(reference) = text.parse::<Reference>() {
                assert_eq!(reference.to_string(), text);
            }
        }
    });
}

#[test]
fn an_upload_has_one_spelling() {
    const ID: &str = "018f0000-0000-7000-8000-000000000abc";
    check!().with_type().for_each(|(at, byte): &(u8, u8)| {
        let mut bytes = ID.as_bytes().to_vec();
        bytes[usize::from(*at) % ID.len()] = *byte;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for text in [text.clone(), format!("{{{text}}}"), text.replace('-', ""), text.to_uppercase()] {
            if let Ok(id) = text.parse::<UploadId>() {
                assert_eq!(id.to_string(), text);
                assert_eq!(UploadId::from_row(&id.to_row()), Some(id));
            }
        }
    });
}

/// What a scope covers it names, and printing it changes nothing of it.
#[test]
fn a_scope_says_the_same_when_it_is_printed() {
    const SCOPES: &[&str] = &[
        "repository",
        "registry",
        ":",
        ",",
        "pull",
        "push",
        "delete",
        "*",
        "catalog",
        "acme/app",
        "library/",
        "main/",
        "a",
        "(plugin)",
        "(",
        " ",
        "localhost:5000/",
        "\0",
        "é",
    ];
    check!().with_max_len(16).for_each(|bytes: &[u8]| {
        for text in [alphabet::text(bytes, SCOPES), alphabet::words(bytes, SCOPES)] {
            let Ok(scope) = text.parse::<Scope>() else { continue };
            assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope, "{text:?}");
            let written = text.rsplit(':').next().unwrap();
            assert!(
                scope.actions.iter().all(|action| written.split(',').any(|one| one == action)),
                "{text:?}"
            );
            if let Some(place) = scope.place() {
                let (_, name) = text.split_once(':').unwrap();
                let (name, _) = name.rsplit_once(':').unwrap();
                assert_eq!(name.parse::<Place>().unwrap(), place, "{text:?} reaches another place");
            }
        }
    });
}
