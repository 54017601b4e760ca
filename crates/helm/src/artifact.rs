//! The artifact that `helm push` makes of a packaged chart (Helm, `pkg/registry`): always the same for the same parts.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use wharf_core::{Digest, Error, MediaType, Result};

use crate::{
    chart::Chart,
    format::{CONFIG, CONTENT, PROVENANCE},
};

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

/// The manifest of a chart.
pub(crate) fn manifest(chart: &Chart, config: &Part, layers: &[&Part]) -> Bytes {
    let mut layers: Vec<&Part> = layers.to_vec();
    layers.sort_by_key(|layer| layer.digest.to_string());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": config.descriptor(),
        "layers": layers.into_iter().map(Part::descriptor).collect::<Vec<_>>(),
        "annotations": annotations(chart),
    });
    manifest.to_string().into()
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
