//! Distributions that lie elsewhere, as somebody pushes them who has only their names, digests and sizes: what an import
//! makes of an index or of a folder. The registry reads them when they come, as it reads everything.

use bytes::Bytes;
use serde_json::json;
use wharf_core::{Algorithm, Digest, MediaType, Place, Tag};
use wharf_registry::format::Refusal;

use crate::{
    filename::FileName,
    name::ProjectName,
    shape::{self, Part},
    version,
};

/// The config of such a manifest, which says nothing.
pub const EMPTY_CONFIG: &[u8] = shape::EMPTY;

/// A file by its name, its digest and its size.
#[derive(Clone, Debug)]
pub struct Carried {
    file: FileName,
    content: Part,
}

impl Carried {
    /// A file that a registry may take, judged by its name alone.
    ///
    /// # Errors
    /// A refusal in the words that an upload of it would get.
    pub fn new(name: &str, digest: Digest, size: u64) -> Result<Self, Refusal> {
        let file = FileName::parse(name)?;
        file.expect_normal()?;
        Ok(Self { file, content: Part { digest, size } })
    }

    /// Its name.
    pub fn filename(&self) -> &str {
        &self.file.text
    }

    /// The project, in its normal form.
    pub fn project(&self) -> &str {
        self.file.project.as_str()
    }

    /// The tag of its release.
    ///
    /// # Errors
    /// A refusal for a version that is too long for one.
    pub fn release(&self) -> Result<Tag, Refusal> {
        version::tag(&self.file.version)
    }

    /// The digest of its bytes.
    pub const fn digest(&self) -> Digest {
        self.content.digest
    }

    /// Its manifest, always the same.
    pub fn manifest(&self) -> Bytes {
        shape::bare_manifest(&self.file, self.content).into()
    }
}

/// The index of a release, always the same for the same files: the registry takes it for one of its own, and writes it
/// anew when files come or go.
pub fn release_index(files: &[Carried]) -> Option<Bytes> {
    let first = files.first()?;
    let child = |carried: &Carried| {
        let manifest = carried.manifest();
        json!({
            "mediaType": MediaType::OCI_MANIFEST,
            "digest": wharf_hash::digest(Algorithm::Sha256, &manifest).to_string(),
            "size": manifest.len(),
            "artifactType": shape::DISTRIBUTION,
            "annotations": { shape::TITLE: carried.file.text },
        })
    };
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "artifactType": shape::RELEASE,
        "manifests": files.iter().map(child).collect::<Vec<_>>(),
        "annotations": {
            shape::TITLE: first.project(),
            "org.opencontainers.image.version": first.file.version.to_string(),
        },
    });
    Some(index.to_string().into())
}

/// A project's name in its normal form, if it is one's.
pub fn normal_name(text: &str) -> Option<String> {
    text.parse().ok().map(|name: ProjectName| name.to_string())
}

/// The project whose repository this is, if it is one's: elsewhere no index lists it.
pub fn project_at(place: &Place) -> Option<String> {
    ProjectName::of(place).map(|name| name.to_string())
}

/// The project that a file belongs to, by the name of the file; nothing where it is not called like a distribution.
pub fn project_of(filename: &str) -> Option<String> {
    FileName::parse(filename).ok().map(|file| file.project.to_string())
}
