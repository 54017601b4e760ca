//! The main job on real input: an image of a Debian root file system goes in by docker and comes out by everyone.

use super::{crane, ctr, digest_of, docker, path_from_environment, podman, skopeo};
use crate::harness::{ADMIN_PASSWORD, Wharf, component};

const LEAST_BYTES: u64 = 100 << 20;

#[tokio::test]
async fn a_large_image_pushed_by_docker_is_the_same_for_every_client() {
    if !component("docker") || !component("mmdebstrap") {
        return;
    }
    let rootfs = path_from_environment("WHARF_TEST_ROOTFS");
    let size = std::fs::metadata(&rootfs).unwrap().len();
    assert!(size >= LEAST_BYTES, "{size} bytes are no large image");
    let wharf = Wharf::start().await;
    let image = format!("{}/acme/debian:bookworm", wharf.host());

    let docker = docker::docker(&wharf, "admin");
    docker::log_in(&docker, &wharf, "admin", ADMIN_PASSWORD);
    docker.run(&["import", &rootfs.display().to_string(), &image]);
    docker.run(&["push", &image]);
    let pushed = docker::known_digest(&docker, &image);
    docker.run(&["rmi", &image]);
    docker.run(&["pull", "--quiet", &image]);
    assert_eq!(docker::known_digest(&docker, &image), pushed, "docker");
    docker.run(&["rmi", &image]);
    assert_eq!(digest_of(&wharf.admin(), "acme/debian", "bookworm").await, pushed);

    if component("podman") {
        let podman = podman::podman(&wharf);
        podman::log_in(&podman, &wharf, "admin", ADMIN_PASSWORD);
        assert_eq!(podman::pull(&podman, &image), pushed, "podman");
    }
    if component("skopeo") {
        let skopeo = skopeo::skopeo(&wharf);
        skopeo::log_in(&skopeo, &wharf, "admin", ADMIN_PASSWORD);
        assert_eq!(skopeo::inspect(&skopeo, &image), pushed, "skopeo inspect");
        assert_eq!(skopeo::copy_to(&skopeo, &image, "debian"), pushed, "skopeo copy");
    }
    if component("crane") {
        let crane = crane::crane(&wharf);
        crane::log_in(&crane, &wharf, "admin", ADMIN_PASSWORD);
        crane.run(&["validate", "--remote", &image]);
        assert_eq!(crane.run(&["digest", &image]), pushed, "crane");
    }
    if component("ctr") {
        let listed = ctr::pull(&ctr::ctr(&wharf, "large"), "admin", ADMIN_PASSWORD, &image);
        assert!(listed.contains(&pushed), "{listed}");
    }
}
