//! Plugins as a format: whichever door they come through, their descriptors are read and their signatures held against
//! the registry's keys.
//!
//! A manifest of a plugin brings its first signature as an annotation; later ones are manifests of their own that are about
//! it. Those name the plugin's file too, so that they can be verified by themselves.

use std::{borrow::Cow, io::Read as _, sync::Arc};

use serde_json::{Map, Value, json};
use wharf_core::{
    Algorithm, Clock, Digest, Timestamp,
    manifest::{Descriptor as Content, Role},
};
use wharf_registry::format::{Candidate, Contents, Fact, Format, Refusal};
use wharf_signing::{Message, Signing, Trust, Verified};

use crate::{
    artifact::{self, KEY_ANNOTATION, PLUGIN, SIGNATURE, SIGNATURE_ANNOTATION, SIGNATURE_BYTES},
    descriptor::{self, Descriptor},
    held::{Held, HeldFiles},
};

/// The word for plugins in rows and filters.
pub(crate) const NAME: &str = "memflow";
/// The largest plugin, in bytes.
pub const LARGEST: usize = 32 * 1024 * 1024;
/// The longest signature that is kept where nobody verifies it, in bytes.
const LONGEST_UNVERIFIED: usize = 1024;

/// memflow plugins as a format.
#[derive(Clone)]
pub struct Plugins {
    /// Who knows which keys registries believe.
    pub(crate) signing: Signing,
    /// The files that the door is taking in.
    pub(crate) held: Arc<HeldFiles>,
    /// The time, by which the newest is told.
    clock: Arc<dyn Clock>,
}

impl Format for Plugins {
    fn name(&self) -> &'static str {
        NAME
    }

    fn found_by(&self) -> &'static [&'static str] {
        &["name", "release", "digest", "digest_short", "file_type", "plugin_version", "architecture"]
    }

    fn recognises(&self, candidate: &Candidate) -> bool {
        matches!(candidate.manifest.artifact_type.as_deref(), Some(PLUGIN | SIGNATURE))
    }

    fn inspect(&self, candidate: &Candidate, contents: &Contents) -> Result<Vec<Fact>, Refusal> {
        let trust = self.trust(candidate, contents)?;
        if candidate.manifest.artifact_type.as_deref() == Some(SIGNATURE) {
            return Ok(vec![self.signature(candidate, contents, &trust)?]);
        }
        let mut layers = layers(candidate);
        let (Some(layer), None) = (layers.next(), layers.next()) else {
            return Err(Refusal::new("a plugin is one layer: the file itself"));
        };
        let file = self.file(contents, layer)?;
        if layer.digest() != Some(file.digest()) {
            return Err(Refusal::new("a plugin's file is named by its SHA-256"));
        }
        let descriptors = file.descriptors()?;
        let signed = Signed::of(candidate, &trust, &file)?;
        // One moment for all that is in a file: they stand in its order.
        let (mut here, now) = (Vec::new(), self.clock.now());
        for descriptor in &*descriptors {
            if artifact::repository(&descriptor.name)? == candidate.place.repository {
                here.push(fact(descriptor, (&file, &signed), now)?);
            }
        }
        if here.is_empty() {
            return Err(elsewhere(&descriptors, candidate)?);
        }
        Ok(here)
    }
}

impl Plugins {
    /// Plugins whose signatures are held against these keys, with the time by which the newest is told. All clones are one.
    pub fn new(signing: Signing, clock: Arc<dyn Clock>) -> Self {
        Self { signing, held: Arc::default(), clock }
    }

    /// What the registry believes.
    fn trust(&self, candidate: &Candidate, contents: &Contents) -> Result<Trust, Refusal> {
        contents.ask(self.signing.trust(&candidate.place.registry_place()))
    }

    /// A file that a manifest names: out of the hands of the door, if it is taking it in, else out of the store.
    fn file(&self, contents: &Contents, layer: &Content) -> Result<File, Refusal> {
        let mut reader = contents.open(layer)?;
        if let Some(held) = layer.digest().and_then(|digest| self.held.find(&digest)) {
            return Ok(File::Held(held));
        }
        let size = usize::try_from(reader.size()).unwrap_or(usize::MAX);
        if size > LARGEST {
            return Err(Refusal::new(format!("the plugin is larger than {} MiB", LARGEST >> 20)));
        }
        let mut bytes = Vec::with_capacity(size);
        reader.read_to_end(&mut bytes)?;
        // Clients know files by their SHA-256, whatever the manifest names them by. Usually it is what the store hashed
        // them by when they came.
        let named = layer.digest().filter(|digest| digest.algorithm() == Algorithm::Sha256);
        Ok(File::Read { digest: named.unwrap_or_else(|| artifact::sha256(&bytes)), bytes })
    }

    /// A signature that is about a plugin: true, and by the key it names.
    fn signature(&self, candidate: &Candidate, contents: &Contents, trust: &Trust) -> Result<Fact, Refusal> {
        if candidate.manifest.subject.is_none() {
            return Err(Refusal::new("a signature is about a plugin: the manifest needs a subject"));
        }
        let mut files = layers(candidate).filter(|layer| layer.media_type != SIGNATURE_BYTES);
        let (Some(layer), None) = (files.next(), files.next()) else {
            return Err(Refusal::new("a signature names the file it is about as a layer, and no other"));
        };
        let file = self.file(contents, layer)?;
        let annotation = |name: &str| candidate.manifest.annotations.get(name).map(String::as_str);
        let unsigned = || Refusal::new(format!("a signature has the annotation {SIGNATURE_ANNOTATION}"));
        let text = annotation(SIGNATURE_ANNOTATION).ok_or_else(unsigned)?;
        let verified = trust.verify(&file.message()?, text).map_err(refused)?;
        if annotation(KEY_ANNOTATION) != Some(verified.key.as_str()) {
            let words =
                format!("the annotation {KEY_ANNOTATION} must be {}, whose signature it is", verified.key);
            return Err(Refusal::new(words));
        }
        let attributes = Map::from_iter([
            ("file".to_owned(), file.attribute()),
            ("signature".to_owned(), json!(verified.signature.to_string())),
            ("key".to_owned(), json!(verified.key)),
        ]);
        Ok(Fact { subject: file.digest().hex(), attributes, ..Fact::default() })
    }
}

/// What is known of one descriptor of a file.
fn fact(descriptor: &Descriptor, (file, signed): (&File, &Signed), now: Timestamp) -> Result<Fact, Refusal> {
    let Descriptor { name, version, plugin_version, file_type, architecture, .. } = descriptor;
    let described = serde_json::to_value(descriptor).map_err(|error| Refusal::new(error.to_string()))?;
    let digest = file.digest();
    let mut attributes = Map::from_iter([
        ("descriptor".to_owned(), described),
        ("file".to_owned(), file.attribute()),
        ("signature".to_owned(), json!(signed.signature)),
    ]);
    attributes.extend(signed.key.iter().map(|key| ("key".to_owned(), json!(key))));
    let mut index = vec![
        ("name", name.clone()),
        ("release", format!("{name} {version}")),
        ("digest", digest.hex()),
        ("digest_short", artifact::short(&digest)),
        ("file_type", file_type.word().to_owned()),
        ("plugin_version", plugin_version.to_string()),
    ];
    index.extend(architecture.word().map(|word| ("architecture", word.to_owned())));
    // The newest interface first, and within it the newest file.
    let (interface, moment) = (!plugin_version.cast_unsigned(), !now.microseconds().cast_unsigned());
    let sort_key = [&interface.to_be_bytes()[..], &moment.to_be_bytes()].concat();
    Ok(Fact { subject: name.clone(), sort_key, attributes, index, ..Fact::default() })
}

/// The refusal of a plugin in another one's repository.
fn elsewhere(descriptors: &[Descriptor], candidate: &Candidate) -> Result<Refusal, Refusal> {
    let places = descriptors.iter().map(|descriptor| artifact::repository(&descriptor.name));
    let places = places.map(|place| place.map(|place| place.to_string())).collect::<Result<Vec<_>, _>>()?;
    let repository = &candidate.place.repository;
    let expected = places.join(" or ");
    Ok(Refusal::new(format!("this plugin belongs into the repository {expected}, and not into {repository}")))
}

fn layers(candidate: &Candidate) -> impl Iterator<Item = &Content> {
    let layer = |(role, content): &'_ (Role, Content)| *role == Role::Layer && !content.is_nondistributable();
    candidate.manifest.references.iter().filter(move |reference| layer(reference)).map(|(_, content)| content)
}

fn refused(error: wharf_core::Error) -> Refusal {
    Refusal::new(error.message())
}

/// The first signature of a plugin.
struct Signed {
    signature: String,
    /// The key that made it; none, where nobody could tell.
    key: Option<String>,
}

impl Signed {
    fn of(candidate: &Candidate, trust: &Trust, file: &File) -> Result<Self, Refusal> {
        let text = candidate.manifest.annotations.get(SIGNATURE_ANNOTATION).map(String::as_str);
        if trust.accepts_unverified() {
            let signature = text.unwrap_or_default().to_owned();
            if signature.len() > LONGEST_UNVERIFIED {
                return Err(Refusal::new("the signature is too long"));
            }
            return Ok(Self { signature, key: None });
        }
        let unsigned = || {
            Refusal::new(format!("the plugin is not signed: it needs the annotation {SIGNATURE_ANNOTATION}"))
        };
        let Verified { signature, key } =
            trust.verify(&file.message()?, text.ok_or_else(unsigned)?).map_err(refused)?;
        Ok(Self { signature: signature.to_string(), key: Some(key) })
    }
}

/// A plugin's file, whole: descriptors point anywhere.
enum File {
    /// Its door holds it, and has read it.
    Held(Arc<Held>),
    /// It was read out of the store.
    Read { digest: Digest, bytes: Vec<u8> },
}

impl File {
    fn digest(&self) -> Digest {
        match self {
            Self::Held(held) => *held.file.digest(),
            Self::Read { digest, .. } => *digest,
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Held(held) => held.file.bytes(),
            Self::Read { bytes, .. } => bytes,
        }
    }

    fn descriptors(&self) -> Result<Cow<'_, [Descriptor]>, Refusal> {
        match self {
            Self::Held(held) => Ok(Cow::Borrowed(&held.descriptors)),
            Self::Read { bytes, .. } => descriptor::read(bytes).map(Cow::Owned),
        }
    }

    /// What is signed of it.
    fn message(&self) -> Result<Message<'_>, Refusal> {
        artifact::message(self.bytes(), &self.digest()).map_err(refused)
    }

    /// As it stands in a fact.
    fn attribute(&self) -> Value {
        json!({ "digest": self.digest().to_string(), "size": self.bytes().len() })
    }
}

/// A text among what was read.
pub(crate) fn text<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    attributes.get(name)?.as_str()
}
