//! A plugin as an OCI artifact: its types, where it lies and what it is tagged.
//!
//! A file with plugins of several names is one manifest in the repository of each, over the same layer. The layer's digest
//! is what memflow's clients know the file by.

use serde_json::json;
use sha2::{Digest as _, Sha256};
use wharf_core::{Digest, MediaType, Place, RegistryPlace, RepositoryName, Tag};
use wharf_registry::{HashedBytes, format::Refusal};
use wharf_signing::Message;

use crate::descriptor::{Architecture, Descriptor, FileType};

/// What makes a manifest a plugin.
pub(crate) const PLUGIN: &str = "application/vnd.memflow.plugin.v1";
/// What makes a manifest a signature of a plugin.
pub(crate) const SIGNATURE: &str = "application/vnd.memflow.signature.v1";
/// The descriptors, as JSON.
const CONFIG: &str = "application/vnd.memflow.plugin.config.v1+json";
/// The plugin itself.
const FILE: &str = "application/vnd.memflow.plugin.file.v1";
/// The bytes of a signature, as `openssl` takes them.
pub(crate) const SIGNATURE_BYTES: &str = "application/vnd.memflow.signature.bytes.v1";
/// An empty object (image-spec, manifest.md).
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// The annotation with a signature in hex.
pub(crate) const SIGNATURE_ANNOTATION: &str = "memflow.signature";
/// The annotation with the id of the key that made it.
pub(crate) const KEY_ANNOTATION: &str = "memflow.key";
/// What `oras pull` calls a file.
const TITLE: &str = "org.opencontainers.image.title";

/// The folder of repositories in which plugins lie.
pub(crate) const FOLDER: &str = "memflow";
/// How many digits of a digest people are shown.
const SHORT: usize = 7;

/// The repository of a plugin: its name, in lower case where only that is legal, else its hash.
pub(crate) fn repository(name: &str) -> Result<RepositoryName, Refusal> {
    let below = |name: &str| format!("{FOLDER}/{name}").parse::<RepositoryName>();
    let found = below(name).or_else(|_| below(&name.to_lowercase())).or_else(|_| below(&hashed(name)));
    found.map_err(|error| Refusal::new(error.message()))
}

/// The place of a plugin in a registry.
pub(crate) fn place(registry: &RegistryPlace, name: &str) -> Result<Place, Refusal> {
    let RegistryPlace { organisation, registry } = registry.clone();
    Ok(Place { organisation, registry, repository: repository(name)? })
}

/// The tag that no other file of a repository has.
pub(crate) fn file_tag(file: &Digest) -> Result<Tag, Refusal> {
    tag(&format!("file-{}", file.hex()))
}

/// The tag of the newest file of a version for a platform. A tag cannot hold the plus sign of a version.
pub(crate) fn platform_tag(descriptor: &Descriptor) -> Result<Tag, Refusal> {
    let Descriptor { version, file_type, architecture, .. } = descriptor;
    let architecture = match architecture {
        Architecture::Unknown(number) => number.to_string(),
        known => known.word().unwrap_or_default().to_owned(),
    };
    let tagged = |version: &str| format!("{version}-{}-{architecture}", file_type.word());
    tag(&tagged(&version.replace('+', "_"))).or_else(|_| tag(&tagged(&hashed(version))))
}

fn tag(text: &str) -> Result<Tag, Refusal> {
    text.parse().map_err(|error: wharf_core::Error| Refusal::new(error.message()))
}

fn hashed(name: &str) -> String {
    let hash = sha256(name.as_bytes()).hex();
    format!("h-{}", hash.split_at(40).0)
}

/// What memflow's clients call an installed plugin.
pub fn file_name(descriptor: &Descriptor, file: &Digest) -> String {
    let extension = match descriptor.file_type {
        FileType::Pe => "dll",
        FileType::Elf => "so",
        FileType::Mach => "dylib",
    };
    let legal = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = descriptor.name.chars().map(legal).collect();
    format!("libmemflow_{name}_{}.{extension}", short(file))
}

/// The first digits of a digest.
pub(crate) fn short(file: &Digest) -> String {
    file.hex().split_at(SHORT).0.to_owned()
}

/// SHA-256 of some bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::sha256(Sha256::digest(bytes).into())
}

/// What is signed of a file: its bytes, which have this SHA-256.
pub(crate) fn message<'a>(bytes: &'a [u8], digest: &Digest) -> wharf_core::Result<Message<'a>> {
    let sha256 = digest.as_bytes().try_into().map_err(wharf_core::Error::internal)?;
    Ok(Message::hashed(bytes, sha256))
}

/// A part of an artifact, by its content.
pub(crate) struct Part {
    pub(crate) content: HashedBytes,
    kind: &'static str,
    title: Option<String>,
}

impl Part {
    /// The plugin itself.
    pub(crate) fn file(content: HashedBytes, title: String) -> Self {
        Self { content, kind: FILE, title: Some(title) }
    }

    /// What the plugin says of itself.
    pub(crate) fn config(descriptors: &[&Descriptor]) -> Self {
        let bytes = json!({ "descriptors": descriptors }).to_string().into_bytes();
        Self { content: HashedBytes::new(bytes), kind: CONFIG, title: None }
    }

    /// Nothing, where something must stand.
    pub(crate) fn empty() -> Self {
        Self { content: HashedBytes::new(&b"{}"[..]), kind: EMPTY, title: None }
    }

    /// The bytes of a signature.
    pub(crate) fn signature(bytes: &[u8], title: String) -> Self {
        Self { content: HashedBytes::new(bytes.to_vec()), kind: SIGNATURE_BYTES, title: Some(title) }
    }

    fn descriptor(&self) -> serde_json::Value {
        let (digest, size) = (self.content.digest().to_string(), self.content.bytes().len());
        let mut descriptor = json!({ "mediaType": self.kind, "digest": digest, "size": size });
        if let (Some(title), Some(fields)) = (&self.title, descriptor.as_object_mut()) {
            fields.insert("annotations".to_owned(), json!({ TITLE: title }));
        }
        descriptor
    }
}

/// The manifest of an artifact. The same parts give the same bytes.
pub(crate) struct Artifact<'a> {
    pub(crate) kind: &'static str,
    pub(crate) config: &'a Part,
    pub(crate) layers: Vec<&'a Part>,
    /// The manifest it is about, by digest and size.
    pub(crate) subject: Option<(Digest, usize)>,
    pub(crate) annotations: Vec<(&'static str, String)>,
}

impl Artifact<'_> {
    /// The manifest's bytes.
    pub(crate) fn manifest(&self) -> bytes::Bytes {
        let layers: Vec<_> = self.layers.iter().map(|layer| layer.descriptor()).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": self.kind,
            "config": self.config.descriptor(),
            "layers": layers,
        });
        if let Some(fields) = manifest.as_object_mut() {
            if let Some((digest, size)) = self.subject {
                let subject = json!({ "mediaType": MediaType::OCI_MANIFEST, "digest": digest.to_string(), "size": size });
                fields.insert("subject".to_owned(), subject);
            }
            if !self.annotations.is_empty() {
                let annotations =
                    self.annotations.iter().map(|(name, text)| ((*name).to_owned(), json!(text)));
                fields
                    .insert("annotations".to_owned(), annotations.collect::<serde_json::Map<_, _>>().into());
            }
        }
        manifest.to_string().into()
    }

    /// All its contents.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        [self.config].into_iter().chain(self.layers.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_outside_the_grammar_becomes_one_inside() {
        let of = |name: &str| repository(name).unwrap().to_string();
        assert_eq!(of("coredump"), "memflow/coredump");
        assert_eq!(of("Win32"), "memflow/win32");
        assert_eq!(of("acme/fixture"), "memflow/acme/fixture");
        assert_eq!(of("../../other"), format!("memflow/{}", hashed("../../other")));
        assert_eq!(of("caf\u{e9}").len(), "memflow/h-".len() + 40);
    }

    #[test]
    fn a_tag_tells_version_and_platform() {
        let of = |version: &str, architecture| {
            let descriptor = Descriptor {
                plugin_kind: crate::descriptor::PluginKind::Os,
                export_name: String::new(),
                file_type: FileType::Elf,
                architecture,
                plugin_version: 1,
                accept_input: false,
                name: "win32".to_owned(),
                version: version.to_owned(),
                description: String::new(),
            };
            platform_tag(&descriptor).unwrap().to_string()
        };
        assert_eq!(of("0.2.0+build", Architecture::X86_64), "0.2.0_build-elf-x86_64");
        assert_eq!(of("1 2", Architecture::Unknown(243)), format!("{}-elf-243", hashed("1 2")));
        assert!(of("", Architecture::Arm64).ends_with("-elf-arm64"));
    }
}
