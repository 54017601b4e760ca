//! Bytes to push: noise that follows from a seed, digests, and small images.

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

use super::Random;

pub(crate) mod media_type {
    pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    pub(crate) const OCI_FOREIGN_LAYER: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    pub(crate) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    pub(crate) const DOCKER_FOREIGN_LAYER: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
    pub(crate) const DOCKER_SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

pub(crate) fn sha512(bytes: &[u8]) -> String {
    format!("sha512:{}", hex(&Sha512::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that follow from a seed. Each KiB begins with its own number and goes on like all others: tests are not
/// optimised, and copying is fast in any case.
pub(crate) fn noise(seed: u64, length: usize) -> Bytes {
    let mut random = Random::new(seed);
    let block: Vec<u8> = (0..127).flat_map(|_| random.next().to_le_bytes()).collect();
    let mut bytes = Vec::with_capacity(length + 1_024);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
        bytes.extend_from_slice(&block);
    }
    bytes.truncate(length);
    Bytes::from(bytes)
}

/// An image with one configuration and some layers, as one of the two families writes it.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) media_type: &'static str,
    pub(crate) blobs: Vec<Bytes>,
    pub(crate) manifest: Bytes,
}

impl Image {
    /// An OCI image of two small layers; another seed, another image.
    pub(crate) fn oci(seed: u64) -> Self {
        use media_type::{OCI_CONFIG, OCI_LAYER, OCI_MANIFEST};
        Self::new(seed, OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)
    }

    pub(crate) fn docker(seed: u64) -> Self {
        use media_type::{DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST};
        Self::new(seed, DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)
    }

    fn new(seed: u64, media_type: &'static str, config_type: &str, layer_type: &str) -> Self {
        let config = Bytes::from(json!({"architecture": "amd64", "os": "linux", "seed": seed}).to_string());
        let layers = [noise(seed, 900), noise(seed.wrapping_add(1 << 32), 1_700)];
        let descriptors: Vec<Value> = layers.iter().map(|layer| descriptor(layer_type, layer)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": descriptor(config_type, &config),
            "layers": descriptors,
        });
        let blobs = [config].into_iter().chain(layers).collect();
        Self { media_type, blobs, manifest: Bytes::from(manifest.to_string()) }
    }

    /// The same image with its manifest edited; the new text is what its digest is of.
    pub(crate) fn edited(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut manifest: Value = serde_json::from_slice(&self.manifest).unwrap();
        edit(&mut manifest);
        self.manifest = Bytes::from(manifest.to_string());
        self
    }

    /// The same image as a referrer of another.
    pub(crate) fn about(self, subject: &Image) -> Self {
        self.edited(|manifest| manifest["subject"] = descriptor(subject.media_type, &subject.manifest))
    }

    pub(crate) fn digest(&self) -> String {
        sha256(&self.manifest)
    }

    /// An index or list of manifests that are pushed already.
    pub(crate) fn index(media_type: &str, children: &[&Image]) -> Bytes {
        let of_child = |child: &&Image| {
            let mut entry = descriptor(child.media_type, &child.manifest);
            entry["platform"] = json!({"architecture": "amd64", "os": "linux"});
            entry
        };
        let manifests: Vec<Value> = children.iter().map(of_child).collect();
        Bytes::from(json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).to_string())
    }
}

pub(crate) fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(content), "size": content.len()})
}
