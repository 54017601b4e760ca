//! The artifact that `helm push` makes of a packaged chart (Helm, `pkg/registry`): always the same for the same parts. The
//! door of ChartMuseum's API stores it, and an import pushes it from elsewhere.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use wharf_core::{Digest, Error, Kind, MediaType, Result, Tag};
use wharf_registry::format::Refusal;

use crate::{
    archive::Archive,
    chart::Chart,
    format::{CONFIG, CONTENT, PROVENANCE, tag_of},
    provenance::names_digest,
};

/// A packaged chart that was read and found good, with its provenance file where it has one.
pub struct Artifact {
    chart: Chart,
    tag: Tag,
    config: Part,
    content: Part,
    provenance: Option<Part>,
}

impl Artifact {
    /// Reads a packaged chart. It may take a while, and does nothing else.
    ///
    /// # Errors
    /// `Invalid`, in words for whoever packed it: for what is no chart, for a version that cannot be a tag, and for a
    /// provenance file of another chart.
    pub fn read(packaged: Bytes, provenance: Option<Bytes>) -> Result<Self> {
        let chart = Archive::read(&packaged[..], packaged.len() as u64)?.chart()?;
        let version = &chart.version;
        let no_tag = || Refusal::new(format!("the chart's version {version:?} cannot be a tag"));
        let tag = tag_of(version).ok_or_else(no_tag)?;
        let (config, content) = (Part::config(&chart)?, Part::content(packaged));
        let provenance = provenance.map(Part::provenance);
        if let Some(provenance) = &provenance {
            expect_named(&provenance.bytes, &content.digest.to_string())?;
        }
        Ok(Self { chart, tag, config, content, provenance })
    }

    /// What the chart is called, by its `Chart.yaml`.
    pub fn name(&self) -> &str {
        &self.chart.name
    }

    /// Its version, by its `Chart.yaml`.
    pub fn version(&self) -> &str {
        &self.chart.version
    }

    /// The tag of its version.
    pub const fn tag(&self) -> &Tag {
        &self.tag
    }

    /// The digest of the packaged chart.
    pub const fn content(&self) -> Digest {
        self.content.digest
    }

    /// What its manifest names, by digest, the config last.
    pub fn parts(&self) -> impl Iterator<Item = (Digest, &Bytes)> {
        self.layers().chain([&self.config]).map(|part| (part.digest, &part.bytes))
    }

    /// Its manifest.
    pub fn manifest(&self) -> Bytes {
        let mut layers: Vec<&Part> = self.layers().collect();
        layers.sort_by_key(|layer| layer.digest.to_string());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "config": self.config.descriptor(),
            "layers": layers.into_iter().map(Part::descriptor).collect::<Vec<_>>(),
            "annotations": annotations(&self.chart),
        });
        manifest.to_string().into()
    }

    fn layers(&self) -> impl Iterator<Item = &Part> {
        [&self.content].into_iter().chain(&self.provenance)
    }
}

/// Refuses a provenance file that speaks of another chart.
pub(crate) fn expect_named(provenance: &[u8], content: &str) -> Result<()> {
    if names_digest(provenance, content) {
        return Ok(());
    }
    Err(Error::new(Kind::Invalid, "the provenance file does not name this packaged chart by its digest"))
}

/// Something that a manifest names.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Its media type.
    pub(crate) media_type: &'static str,
    /// Its digest.
    pub(crate) digest: Digest,
    /// The bytes.
    pub(crate) bytes: Bytes,
}

impl Part {
    /// The config: what the chart says of itself.
    pub(crate) fn config(chart: &Chart) -> Result<Self> {
        let text = serde_json::to_string(chart).map_err(Error::internal)?;
        // As Go writes it, so that Helm's own config of this chart is the same blob.
        let escaped = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
        let escaped = escaped.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        Ok(Self::of(CONFIG, escaped.into()))
    }

    /// The packaged chart.
    pub(crate) fn content(bytes: Bytes) -> Self {
        Self::of(CONTENT, bytes)
    }

    /// A provenance file.
    pub(crate) fn provenance(bytes: Bytes) -> Self {
        Self::of(PROVENANCE, bytes)
    }

    fn of(media_type: &'static str, bytes: Bytes) -> Self {
        Self { media_type, digest: Digest::sha256(Sha256::digest(&bytes).into()), bytes }
    }

    /// How a manifest names it.
    pub(crate) fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest.to_string(), "size": self.bytes.len() })
    }
}

/// What Helm says in the annotations, but for the time: the same chart is the same artifact.
fn annotations(chart: &Chart) -> Map<String, Value> {
    let own = |name: &str| format!("org.opencontainers.image.{name}");
    let (title, version) = (own("title"), own("version"));
    let mut annotations: Map<String, Value> = chart
        .annotations()
        .filter(|(name, _)| **name != title && **name != version)
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    let authors = chart.authors();
    let known = [
        ("description", chart.description()),
        ("url", chart.home()),
        ("source", chart.source()),
        ("authors", (!authors.is_empty()).then_some(authors.as_str())),
    ];
    for (name, value) in known {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            annotations.entry(own(name)).or_insert_with(|| value.into());
        }
    }
    annotations.insert(title, chart.name.as_str().into());
    annotations.insert(version, chart.version.as_str().into());
    annotations
}
