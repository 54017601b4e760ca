//! Manifests: the exact bytes are kept, and these few fields are read from them, tolerantly.
//!
//! Image-spec `manifest.md` and `image-index.md`, and Docker's schema 2 of both. Unknown fields pass; a document
//! that is an image and an index at once does not (CVE-2021-41190), nor one whose `mediaType` contradicts its
//! `Content-Type`.

mod keys;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

pub use self::keys::is_folded;
use crate::{Detail, Digest, Error, Kind, MediaType, Result, json::Fault};

/// The largest manifest that is accepted, in bytes.
pub const LARGEST: usize = 4 * 1024 * 1024;

/// The most contents a manifest may name.
const MOST_DESCRIPTORS: usize = 10_000;

/// How deep a manifest may be nested. The parser itself does not count in fields it passes over.
const DEEPEST: usize = 64;

/// Whether a manifest names layers or other manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An image or artifact: config and layers.
    Image,
    /// An index or list: other manifests.
    Index,
}

/// What a manifest names one of its contents for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The configuration blob.
    Config,
    /// A layer blob.
    Layer,
    /// A child manifest.
    Manifest,
}

impl Role {
    /// The word in rows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Layer => "layer",
            Self::Manifest => "manifest",
        }
    }
}

/// A reference to content by digest (image-spec, descriptor.md).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the content.
    pub media_type: String,
    /// The digest as written, which may be of an algorithm this registry does not serve.
    pub digest: String,
    /// Size in bytes.
    pub size: u64,
    /// Its annotations.
    #[serde(default, deserialize_with = "none_is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `null` counts as no annotations.
fn none_is_empty<'de, D: Deserializer<'de>>(source: D) -> Result<BTreeMap<String, String>, D::Error> {
    Option::deserialize(source).map(Option::unwrap_or_default)
}

impl Descriptor {
    /// The digest, if its algorithm is one that is served.
    pub fn digest(&self) -> Option<Digest> {
        self.digest.parse().ok()
    }

    /// Whether the content is a layer that may lie elsewhere and need not be pushed.
    pub fn is_nondistributable(&self) -> bool {
        self.media_type.contains(".layer.nondistributable.") || self.media_type.contains(".rootfs.foreign.")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// What was read of a manifest.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The type it is stored and served under.
    pub media_type: MediaType,
    /// Image or index.
    pub shape: Shape,
    /// Its artifact type: its own, or for an image the type of its config (distribution-spec, listing referrers).
    pub artifact_type: Option<String>,
    /// What it names, in order.
    pub references: Vec<(Role, Descriptor)>,
    /// The manifest it is about.
    pub subject: Option<Descriptor>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest that was pushed with this `Content-Type`, or with none: then its own `mediaType` counts,
    /// else its shape.
    ///
    /// # Errors
    /// `Invalid` with what is wrong; `TooLarge` above [`LARGEST`].
    pub fn parse(content_type: Option<&MediaType>, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > LARGEST {
            return Err(Error::new(Kind::TooLarge, "manifest is larger than 4 MiB"));
        }
        if depth(bytes) > DEEPEST {
            return Err(invalid(format!("manifest is nested deeper than {DEEPEST} levels")));
        }
        // The parser itself does not look at the bytes of texts it passes over.
        let text = std::str::from_utf8(bytes).map_err(|_| invalid("a manifest must be UTF-8"))?;
        let document: Document =
            serde_json::from_str(text).map_err(|error| no_manifest(&Fault::of::<Document>(bytes, error)))?;
        keys::expect_exact(bytes).map_err(|error| no_manifest(&error.into()))?;
        if document.schema_version != 2 {
            return Err(invalid("schemaVersion must be 2"));
        }
        let types =
            [&document.artifact_type, &document.config.as_ref().map(|config| config.media_type.clone())];
        if types.into_iter().flatten().any(|text| text.len() > 255 || text.contains(char::is_control)) {
            return Err(invalid("a type must have at most 255 characters, none of them a control character"));
        }
        let written = document.media_type.as_deref().map(str::parse::<MediaType>).transpose()?;
        if let (Some(sent), Some(written)) = (content_type, &written)
            && sent != written
        {
            return Err(invalid(format!("mediaType {written} disagrees with Content-Type {sent}")));
        }
        document.expect_sane()?;
        let media_type = content_type.cloned().or(written);
        let shape = shape(&document, media_type.as_ref())?;
        let media_type = match media_type {
            Some(media_type) => media_type,
            None => default_type(shape).parse()?,
        };
        Ok(document.into_manifest(media_type, shape))
    }
}

impl Manifest {
    /// What it names, each content once in each role, with its first position. An image may well have the same layer
    /// twice.
    pub fn contents(&self) -> impl Iterator<Item = (usize, Role, &Descriptor)> {
        let mut seen = BTreeSet::new();
        let references = self.references.iter().enumerate();
        references.filter_map(move |(position, (role, descriptor))| {
            seen.insert((role.word(), &descriptor.digest)).then_some((position, *role, descriptor))
        })
    }
}

impl Document {
    /// Refuses more descriptors than any client makes, and digests outside the grammar: each is a row.
    fn expect_sane(&self) -> Result<()> {
        let lists = [&self.layers, &self.manifests];
        let all = || lists.into_iter().flatten().flatten().chain(&self.config).chain(&self.subject);
        if all().count() > MOST_DESCRIPTORS {
            return Err(invalid(format!("a manifest may name at most {MOST_DESCRIPTORS} contents")));
        }
        match all().find(|descriptor| !is_digest(&descriptor.digest)) {
            Some(descriptor) => Err(invalid(format!("{:?} is not a digest", descriptor.digest))),
            None => Ok(()),
        }
    }

    fn into_manifest(self, media_type: MediaType, shape: Shape) -> Manifest {
        let config_type = self.config.as_ref().map(|config| config.media_type.clone());
        let config = self.config.into_iter().map(|descriptor| (Role::Config, descriptor));
        let layers = self.layers.into_iter().flatten().map(|descriptor| (Role::Layer, descriptor));
        let manifests = self.manifests.into_iter().flatten().map(|descriptor| (Role::Manifest, descriptor));
        let artifact_type = self.artifact_type.filter(|kind| !kind.is_empty()).or(match shape {
            Shape::Image => config_type,
            Shape::Index => None,
        });
        Manifest {
            media_type,
            shape,
            artifact_type,
            references: config.chain(layers).chain(manifests).collect(),
            subject: self.subject,
            annotations: self.annotations.unwrap_or_default(),
        }
    }
}

/// The shape the fields show, which must be the one the media type names.
fn shape(document: &Document, media_type: Option<&MediaType>) -> Result<Shape> {
    let image = document.config.is_some() || document.layers.is_some();
    let shown = match (image, document.manifests.is_some()) {
        (true, true) => return Err(invalid("a manifest cannot be an image and an index at once")),
        (true, false) => Shape::Image,
        (false, true) => Shape::Index,
        (false, false) => return Err(invalid("a manifest must have config and layers, or manifests")),
    };
    let named = match media_type.map(MediaType::as_str) {
        None => shown,
        Some(MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST) => Shape::Image,
        Some(MediaType::OCI_INDEX | MediaType::DOCKER_LIST) => Shape::Index,
        Some(other) => return Err(invalid(format!("manifests of type {other} are not stored here"))),
    };
    if named != shown {
        return Err(invalid("the manifest's fields are not those of its media type"));
    }
    if shown == Shape::Image && document.config.is_none() {
        return Err(invalid("an image manifest must have a config"));
    }
    Ok(shown)
}

/// `algorithm ":" encoded` (image-spec, descriptor.md); the algorithm need not be one that is served.
fn is_digest(text: &str) -> bool {
    let Some((algorithm, encoded)) = text.split_once(':') else { return false };
    let component =
        |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let legal = |c: u8| c.is_ascii_alphanumeric() || b"=_-".contains(&c);
    text.len() <= 255
        && algorithm.split(['+', '.', '_', '-']).all(component)
        && !encoded.is_empty()
        && encoded.bytes().all(legal)
}

/// How deep brackets and braces outside of strings are nested.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

const fn default_type(shape: Shape) -> &'static str {
    match shape {
        Shape::Image => MediaType::OCI_MANIFEST,
        Shape::Index => MediaType::OCI_INDEX,
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, message).with(Detail::Manifest)
}

fn no_manifest(fault: &Fault) -> Error {
    invalid(format!("this is no manifest: {fault}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    fn parse(content_type: Option<&str>, body: &str) -> Result<Manifest> {
        Manifest::parse(content_type.map(|text| text.parse().unwrap()).as_ref(), body.as_bytes())
    }

    fn image(extra: &str) -> String {
        format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[]{extra}}}"#)
    }

    #[test]
    fn what_is_named_twice_in_one_role_is_one_content() {
        let layer = CONFIG.replace("config.v1", "layer.v1");
        let twice = format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[{layer},{layer},{layer}]}}"#);
        let manifest = parse(None, &twice).unwrap();
        let contents = manifest.contents().map(|(position, role, _)| (position, role));
        assert_eq!(contents.collect::<Vec<_>>(), [(0, Role::Config), (1, Role::Layer)]);
        assert_eq!(manifest.references.len(), 4);
    }

    #[test]
    fn the_type_comes_from_the_header_then_the_body_then_the_shape() {
        let docker = image(&format!(r#","mediaType":"{}""#, MediaType::DOCKER_MANIFEST));
        assert_eq!(parse(None, &docker).unwrap().media_type.as_str(), MediaType::DOCKER_MANIFEST);
        assert_eq!(parse(None, &image("")).unwrap().media_type.as_str(), MediaType::OCI_MANIFEST);
        let index = r#"{"schemaVersion":2,"manifests":[]}"#;
        assert_eq!(parse(None, index).unwrap().media_type.as_str(), MediaType::OCI_INDEX);
        let sent = parse(Some(MediaType::DOCKER_LIST), index).unwrap();
        assert_eq!((sent.media_type.as_str(), sent.shape), (MediaType::DOCKER_LIST, Shape::Index));
    }

    #[test]
    fn two_shapes_at_once_and_contradicting_types_are_refused() {
        assert!(parse(None, &image(r#","manifests":[]"#)).is_err());
        assert!(parse(Some(MediaType::OCI_INDEX), &image("")).is_err());
        let written = image(&format!(r#","mediaType":"{}""#, MediaType::DOCKER_MANIFEST));
        assert!(parse(Some(MediaType::OCI_MANIFEST), &written).is_err());
        assert!(parse(Some("text/html"), &image("")).is_err());
    }

    #[test]
    fn what_is_not_a_manifest_is_refused() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for bad in
            ["", "{}", "[]", "null", r#"{"schemaVersion":1}"#, r#"{"schemaVersion":2,"layers":[]}"#, &deep]
        {
            assert!(parse(None, bad).is_err(), "{bad:.40} was accepted");
        }
        assert!(Manifest::parse(None, b"\xff\xfe").is_err());
        let passed_over = [image(r#","x":""#).trim_end_matches('}').as_bytes(), b"\xff\"}"].concat();
        assert!(Manifest::parse(None, &passed_over).is_err(), "text that is not UTF-8 was accepted");
        let twice = image(&format!(r#","config":{CONFIG}"#));
        assert!(parse(None, &twice).is_err(), "a key that stands twice means two things to two readers");
        for digest in ["", "sha256", "sha256:", ":a", "SHA256:a", "sha256:a b"] {
            let subject = format!(r#","subject":{{"mediaType":"a/b","digest":"{digest}","size":1}}"#);
            assert!(parse(None, &image(&subject)).is_err(), "{digest:?} was accepted");
        }
        let foreign = r#","subject":{"mediaType":"a/b","digest":"multihash+base58:QmRZ","size":1}"#;
        assert!(parse(None, &image(foreign)).is_ok());
        let nested = |levels: usize| image(&format!(r#","x":{}1{}"#, "[".repeat(levels), "]".repeat(levels)));
        assert!(parse(None, &nested(10_000)).is_err());
        assert!(parse(None, &nested(DEEPEST)).is_err());
        assert!(parse(None, &nested(DEEPEST - 1)).is_ok());
        let brackets_in_text = image(&format!(r#","x":"\"{}""#, "[".repeat(100)));
        assert!(parse(None, &brackets_in_text).is_ok());
        let huge = image(&format!(r#","annotations":{{"a":"{}"}}"#, "x".repeat(LARGEST)));
        assert_eq!(parse(None, &huge).unwrap_err().kind(), Kind::TooLarge);
    }

    #[test]
    fn the_artifact_type_of_an_image_is_its_configs_unless_it_has_its_own() {
        let plain = parse(None, &image("")).unwrap();
        assert_eq!(plain.artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
        let own = parse(None, &image(r#","artifactType":"application/x""#)).unwrap();
        assert_eq!(own.artifact_type.as_deref(), Some("application/x"));
        assert_eq!(parse(None, r#"{"schemaVersion":2,"manifests":[]}"#).unwrap().artifact_type, None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(None, &bytes);
        }
    }
}
