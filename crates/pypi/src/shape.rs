//! How distributions stand in the registry: an image index for each release, an image manifest for each file.

use serde_json::json;
use wharf_core::{
    Algorithm, Digest, MediaType,
    manifest::{Descriptor, Role},
};
use wharf_registry::format::{Candidate, Refusal};

use crate::{
    filename::{FileName, Kind},
    name::ProjectName,
};

/// The artifact type of a file's manifest.
pub(crate) const DISTRIBUTION: &str = "application/vnd.wharf.python.distribution.v1";
/// The artifact type of a release's index.
pub(crate) const RELEASE: &str = "application/vnd.wharf.python.release.v1";
/// The config of a file's manifest: its metadata as JSON.
pub(crate) const CONFIG: &str = "application/vnd.wharf.python.metadata.v1+json";
/// The exact bytes of its metadata.
pub(crate) const METADATA: &str = "application/vnd.wharf.python.core-metadata.v1";
const WHEEL: &str = "application/vnd.wharf.python.wheel.v1+zip";
const SOURCE: &str = "application/vnd.wharf.python.sdist.v1.tar+gzip";
const SOURCE_ZIP: &str = "application/vnd.wharf.python.sdist.v1+zip";
/// A config that says nothing, and its type.
pub(crate) const EMPTY: &[u8] = b"{}";
pub(crate) const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// Where clients keep the name of a file.
pub(crate) const TITLE: &str = "org.opencontainers.image.title";

/// The media type of a distribution.
pub(crate) const fn media_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Wheel => WHEEL,
        Kind::Source => SOURCE,
        Kind::SourceZip => SOURCE_ZIP,
    }
}

/// A blob that a manifest is to name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Its digest.
    pub(crate) digest: Digest,
    /// Its size in bytes.
    pub(crate) size: u64,
}

/// The manifest of a file, always the same for the same parts.
pub(crate) fn manifest(file: &FileName, content: Part, (config, metadata): (Part, Part)) -> String {
    let name = &file.text;
    let layer = |media_type: &str, Part { digest, size }: Part, title: String| {
        json!({
            "mediaType": media_type,
            "digest": digest.to_string(),
            "size": size,
            "annotations": { TITLE: title },
        })
    };
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": DISTRIBUTION,
        "config": { "mediaType": CONFIG, "digest": config.digest.to_string(), "size": config.size },
        "layers": [
            layer(media_type(file.kind), content, name.clone()),
            layer(METADATA, metadata, format!("{name}.metadata")),
        ],
        "annotations": {
            TITLE: name,
            "org.opencontainers.image.version": file.version.to_string(),
        },
    });
    manifest.to_string()
}

/// The manifest of a file of which no more is known than its name: its config says nothing.
pub(crate) fn bare_manifest(file: &FileName, Part { digest, size }: Part) -> String {
    let empty = wharf_hash::digest(Algorithm::Sha256, EMPTY);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": DISTRIBUTION,
        "config": { "mediaType": EMPTY_TYPE, "digest": empty.to_string(), "size": EMPTY.len() },
        "layers": [{
            "mediaType": media_type(file.kind),
            "digest": digest.to_string(),
            "size": size,
            "annotations": { TITLE: file.text },
        }],
    });
    manifest.to_string()
}

/// A file lies in the repository of its project.
pub(crate) fn expect_project(candidate: &Candidate, file: &FileName) -> Result<(), Refusal> {
    if ProjectName::of(&candidate.place).is_some_and(|project| project == file.project) {
        return Ok(());
    }
    let words = format!(
        "{:?} belongs to the project {}, but is pushed to {}",
        file.text, file.project, candidate.place
    );
    Err(Refusal::new(words))
}

/// The layers of a manifest that are distributions, by their titles or their types, with their names.
pub(crate) fn distributions(candidate: &Candidate) -> impl Iterator<Item = (&Descriptor, Option<&str>)> {
    let layers = candidate.manifest.references.iter().filter(|(role, _)| *role == Role::Layer);
    layers.filter_map(|(_, layer)| {
        let title = layer.annotations.get(TITLE).map(String::as_str);
        let is_typed = [WHEEL, SOURCE, SOURCE_ZIP].contains(&layer.media_type.as_str());
        (is_typed || title.is_some_and(FileName::is_likely)).then_some((layer, title))
    })
}
