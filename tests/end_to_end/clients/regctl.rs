//! regctl: copies images with what refers to them, and deletes a tag without its manifest.

use super::image::{unpackable, write_image};
use super::program::Program;
use super::{acme, archive, built_by_go, digest_of, only_when_public, with_image};
use crate::harness::{Wharf, component, sha256};

fn regctl(wharf: &Wharf) -> Program {
    Program::new(wharf, "regctl", built_by_go("regctl"))
}

#[tokio::test]
async fn regctl_copies_images_with_their_referrers_and_deletes_tags() {
    if !component("regctl") {
        return;
    }
    let (wharf, alice) = acme().await;
    let regctl = regctl(&wharf);
    let image = unpackable(&archive(&wharf, "regctl"));
    write_image(&regctl.directory.join("layout"), &image);
    std::fs::write(regctl.directory.join("sbom.json"), "{}").unwrap();

    let said = regctl.run_lines_of("regctl", &wharf);

    assert!(said.contains("application/spdx+json"), "{said}");
    assert_eq!(digest_of(&alice, "acme/app", "v1").await, image.digest());
    let copy = alice.repository("acme/copy");
    copy.manifest("v1").await.is(404);
    copy.manifest(&image.digest()).await.is(200).has_body(&image.manifest);
    let attached = copy.referrers(&image.digest(), "").await.is(200).json();
    assert_eq!(attached["manifests"][0]["artifactType"], "application/spdx+json");
    let pulled = regctl.directory.join("pulled/blobs/sha256");
    let manifest = std::fs::read(pulled.join(image.digest().trim_start_matches("sha256:"))).unwrap();
    assert_eq!(sha256(&manifest), image.digest());
}

#[tokio::test]
async fn regctl_pulls_without_a_login_only_what_is_public() {
    if !component("regctl") {
        return;
    }
    let (wharf, name, _) = with_image("regctl").await;
    let regctl = regctl(&wharf);
    regctl.run(&["registry", "set", "--tls", "disabled", &wharf.host()]);

    only_when_public(&wharf, &regctl, &["image", "copy", &name, "ocidir://layout:v1"]);
}
