//! What buildx pushes: an index of an image and, for no platform, of what is said about it. No client may lose that,
//! and none may take it for an image to run.

use bytes::Bytes;
use serde_json::{Value, json};

use super::image::{architecture, of_one_layer, unpackable, write_layout};
use super::{archive, crane, ctr, digest_of, docker, podman, skopeo};
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, component, descriptor, media_type, sha256};

/// The manifest of an attestation: its layer is a statement of in-toto.
fn attestation_of(image: &Image) -> Image {
    let predicate = "https://slsa.dev/provenance/v0.2";
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": predicate,
        "subject": [{"name": "app", "digest": {"sha256": image.digest().trim_start_matches("sha256:")}}],
        "predicate": {"buildType": "https://mobyproject.org/buildkit@v1"},
    });
    let statement = Bytes::from(statement.to_string());
    let mut described = descriptor("application/vnd.in-toto+json", &statement);
    described["annotations"] = json!({"in-toto.io/predicate-type": predicate});
    of_one_layer(&json!({"architecture": "unknown", "os": "unknown"}), statement, described)
}

fn index_of(image: &Image, attestation: &Image) -> Bytes {
    let entry = |image: &Image, architecture: &str, os: &str| -> Value {
        let mut entry = descriptor(image.media_type, &image.manifest);
        entry["platform"] = json!({"architecture": architecture, "os": os});
        entry
    };
    let mut about = entry(attestation, "unknown", "unknown");
    about["annotations"] = json!({
        "vnd.docker.reference.digest": image.digest(),
        "vnd.docker.reference.type": "attestation-manifest",
    });
    let manifests = [entry(image, architecture(), "linux"), about];
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests});
    Bytes::from(index.to_string())
}

#[tokio::test]
async fn an_image_with_attestations_is_the_same_for_every_client() {
    if !component("crane") {
        return;
    }
    let wharf = Wharf::start().await;
    let image = unpackable(&archive(&wharf, "attested"));
    let attestation = attestation_of(&image);
    let index = index_of(&image, &attestation);
    let name = format!("{}/acme/app:v1", wharf.host());
    let crane = crane::crane(&wharf);
    let (layout, pulled) = (crane.directory.join("layout"), crane.directory.join("pulled"));
    let content = content_of(&image).chain(content_of(&attestation)).chain([&index]);
    write_layout(&layout, content, descriptor(media_type::OCI_INDEX, &index));

    crane::log_in(&crane, &wharf, "admin", ADMIN_PASSWORD);
    crane.run(&["push", &layout.display().to_string(), &name]);
    crane.run(&["pull", "--format=oci", &name, &pulled.display().to_string()]);

    let digest = sha256(&index);
    assert_eq!(digest_of(&wharf.admin(), "acme/app", "v1").await, digest);
    for bytes in content_of(&attestation).chain([&index]) {
        let path = pulled.join("blobs/sha256").join(sha256(bytes).trim_start_matches("sha256:"));
        assert_eq!(&std::fs::read(path).unwrap(), bytes);
    }
    if component("docker") {
        let docker = docker::docker(&wharf, "admin");
        docker::log_in(&docker, &wharf, "admin", ADMIN_PASSWORD);
        docker.run(&["pull", "--quiet", &name]);
        assert_eq!(docker::known_digest(&docker, &name), digest, "docker");
        docker.run(&["rmi", &name]);
    }
    if component("podman") {
        let podman = podman::podman(&wharf);
        podman::log_in(&podman, &wharf, "admin", ADMIN_PASSWORD);
        podman::pull(&podman, &name);
        let known = podman::known_digests(&podman, &name);
        assert!(known.contains(&digest) && known.contains(&image.digest()), "podman knows {known}");
    }
    if component("skopeo") {
        let skopeo = skopeo::skopeo(&wharf);
        skopeo::log_in(&skopeo, &wharf, "admin", ADMIN_PASSWORD);
        assert_eq!(skopeo::copy_to(&skopeo, &name, "attested"), digest, "skopeo");
    }
    if component("ctr") {
        let listed = ctr::pull(&ctr::ctr(&wharf, "attested"), "admin", ADMIN_PASSWORD, &name);
        assert!(listed.contains(&digest), "{listed}");
    }
}

fn content_of(image: &Image) -> impl Iterator<Item = &Bytes> {
    image.blobs.iter().chain([&image.manifest])
}
