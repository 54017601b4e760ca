//! Images that clients can unpack, which noise is not, and how they lie on a disk as an OCI image layout.

use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::harness::{Image, descriptor, media_type, sha256};

/// An image of one archive, for the machine that runs the tests.
pub(super) fn unpackable(archive: &Path) -> Image {
    let layer = Bytes::from(std::fs::read(archive).unwrap());
    let described = descriptor("application/vnd.oci.image.layer.v1.tar", &layer);
    of_one_layer(&json!({"architecture": architecture(), "os": "linux"}), layer, described)
}

/// An image for this platform of one layer, which `described` describes.
pub(super) fn of_one_layer(platform: &Value, layer: Bytes, described: Value) -> Image {
    let mut config = platform.clone();
    config["rootfs"] = json!({"type": "layers", "diff_ids": [sha256(&layer)]});
    let config = Bytes::from(config.to_string());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_CONFIG, &config),
        "layers": [described],
    });
    let manifest = Bytes::from(manifest.to_string());
    Image { media_type: media_type::OCI_MANIFEST, blobs: vec![config, layer], manifest }
}

/// Writes a layout in which `v1` is this image.
pub(super) fn write_image(directory: &Path, image: &Image) {
    let top = descriptor(image.media_type, &image.manifest);
    write_layout(directory, image.blobs.iter().chain([&image.manifest]), top);
}

/// Writes a layout of all this content, in which `v1` is what `top` describes.
pub(super) fn write_layout<'a>(
    directory: &Path,
    content: impl IntoIterator<Item = &'a Bytes>,
    mut top: Value,
) {
    let blobs = directory.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    for bytes in content {
        std::fs::write(blobs.join(sha256(bytes).trim_start_matches("sha256:")), bytes).unwrap();
    }
    top["annotations"] = json!({"org.opencontainers.image.ref.name": "v1"});
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [top]});
    std::fs::write(directory.join("index.json"), index.to_string()).unwrap();
    std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

/// This machine's, as images call it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
