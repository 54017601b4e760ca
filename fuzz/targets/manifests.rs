//! Manifests, against the same bytes read as plain JSON.

use bolero::check;
use serde::de::IgnoredAny;
use serde_json::Value;
use wharf_core::{
    MediaType,
    manifest::{Manifest, Role, Shape},
};

use crate::alphabet;

const DESCRIPTOR: &str = r#"{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "2",
    "1",
    "-1",
    "1e3",
    "18446744073709551615",
    "\"\"",
    DESCRIPTOR,
    "\"config\":",
    "\"layers\":",
    "\"manifests\":",
    "\"subject\":",
    "\"annotations\":",
    "\"schemaVersion\":2,",
    "\"mediaType\":",
    "\"application/vnd.oci.image.manifest.v1+json\"",
    "\"application/vnd.oci.image.index.v1+json\"",
    "\"artifactType\":",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "[[[[[[[[",
    "\"config\":{},",
    "\"size\":",
    "\"digest\":\"sha256:\",",
    "é",
];
/// Fields of a document, of which some subset in some order is often a manifest.
const FIELDS: &[&str] = &[
    r#""schemaVersion":2"#,
    r#""schemaVersion":1"#,
    r#""config":"#,
    r#""layers":"#,
    r#""manifests":"#,
    r#""subject":"#,
    r#""annotations":{"a":"b"}"#,
    r#""artifactType":"x/y""#,
    r#""unknown":[[1],{"layers":2}]"#,
    r#""mediaType":"application/vnd.oci.image.manifest.v1+json""#,
    r#""mediaType":"application/vnd.oci.image.index.v1+json""#,
];

/// A document of fields: each byte chooses a field, and what it holds.
fn document(bytes: &[u8]) -> String {
    let field = |byte: &u8| {
        let field = FIELDS[usize::from(byte & 15) % FIELDS.len()];
        let count = usize::from(byte >> 6);
        let list = vec![DESCRIPTOR; count].join(",");
        match field.trim_matches(['"', ':']) {
            "config" | "subject" => format!("{field}{DESCRIPTOR}"),
            "layers" | "manifests" => format!("{field}[{list}]"),
            _ => field.to_owned(),
        }
    };
    let fields: Vec<String> = bytes.iter().map(field).collect();
    format!("{{\"schemaVersion\":2,{}}}", fields.join(",")).replace("2,}", "2}")
}

/// What plain JSON says that a manifest names.
fn named(json: &Value) -> Vec<String> {
    let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
    let config = json["config"].is_object().then(|| json["config"].clone());
    let all = config.into_iter().chain(list("layers")).chain(list("manifests"));
    all.map(|descriptor| descriptor["digest"].as_str().unwrap().to_owned()).collect()
}

fn agree(content_type: Option<&str>, bytes: &[u8]) {
    let content_type: Option<MediaType> = content_type.map(|text| text.parse().unwrap());
    let Ok(manifest) = Manifest::parse(content_type.as_ref(), bytes) else { return };
    let text = std::str::from_utf8(bytes).expect("a manifest is UTF-8");
    serde_json::from_str::<IgnoredAny>(text).expect("a manifest is JSON");
    // Half a surrogate pair and numbers beyond all bounds are JSON too, in fields that nobody reads.
    let Ok(json) = serde_json::from_str::<Value>(text) else { return };
    let found: Vec<String> = manifest.references.iter().map(|(_, part)| part.digest.clone()).collect();
    assert_eq!(found, named(&json));
    let is_image = json.get("config").is_some_and(|config| !config.is_null());
    let is_index = json.get("manifests").is_some_and(|manifests| !manifests.is_null());
    assert!(is_image != is_index, "an image and an index at once: {json}");
    assert_eq!(manifest.shape == Shape::Image, is_image);
    let of_an_index = |role: &Role| *role == Role::Manifest;
    assert!(manifest.references.iter().all(|(role, _)| of_an_index(role) == is_index), "{json}");
    if let Some(written) = json["mediaType"].as_str() {
        assert_eq!(manifest.media_type.as_str(), written);
    }
    let subject = manifest.subject.map(|subject| subject.digest);
    assert_eq!(subject.as_deref(), json["subject"]["digest"].as_str());
}

const TYPES: [Option<&str>; 4] =
    [None, Some(MediaType::OCI_MANIFEST), Some(MediaType::OCI_INDEX), Some(MediaType::DOCKER_MANIFEST)];

#[test]
fn a_manifest_names_what_plain_json_says_and_is_of_one_kind() {
    check!().with_max_len(48).for_each(|bytes: &[u8]| {
        for content_type in TYPES {
            agree(content_type, document(&bytes[..bytes.len().min(8)]).as_bytes());
            agree(content_type, alphabet::text(bytes, WORDS).as_bytes());
            agree(content_type, bytes);
        }
    });
}

/// One byte changed in a good manifest: refused, or read as plain JSON reads it.
#[test]
fn a_manifest_with_a_byte_changed_means_the_same_to_every_reader() {
    let good = document(&[2, 3 | 0x80, 5, 6, 7, 8]);
    assert!(Manifest::parse(None, good.as_bytes()).is_ok());
    check!().with_type().for_each(|(at, byte): &(u16, u8)| {
        let mut bytes = good.clone().into_bytes();
        let at = usize::from(*at) % bytes.len();
        bytes[at] = *byte;
        agree(None, &bytes);
    });
}
