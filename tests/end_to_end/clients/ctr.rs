//! ctr: what speaks here is containerd's own client library, as under Kubernetes.

use super::image::{unpackable, write_image};
use super::program::Program;
use super::{acme, archive, digest_of, only_when_public, pack, path_from_environment, with_image};
use crate::harness::{Wharf, component};

/// In a namespace of the test's own; snapshots as plain copies, for which every file system will do.
pub(super) fn ctr(wharf: &Wharf, namespace: &str) -> Program {
    Program::new(wharf, "ctr", "ctr")
        .with_variable("CONTAINERD_ADDRESS", path_from_environment("WHARF_TEST_CONTAINERD"))
        .with_variable("CONTAINERD_NAMESPACE", namespace)
        .with_variable("CONTAINERD_SNAPSHOTTER", "native")
}

/// Pulls an image, whose content containerd checks, and lists what is there then: name, type, digest, size.
pub(super) fn pull(ctr: &Program, user: &str, password: &str, image: &str) -> String {
    ctr.run(&["images", "pull", "--plain-http", "--user", &format!("{user}:{password}"), image]);
    ctr.run(&["images", "ls"])
}

#[tokio::test]
async fn ctr_pushes_and_pulls() {
    if !component("ctr") {
        return;
    }
    let (wharf, alice) = acme().await;
    let ctr = ctr(&wharf, "pushes");
    let image = unpackable(&archive(&wharf, "ctr"));
    let layout = ctr.directory.join("layout");
    write_image(&layout, &image);
    pack(&layout, &ctr.directory.join("app.tar"));

    ctr.run_lines_of("ctr", &wharf);

    assert_eq!(digest_of(&alice, "acme/app", "v1").await, image.digest());
}

#[tokio::test]
async fn ctr_pulls_with_a_login_what_is_private() {
    if !component("ctr") {
        return;
    }
    let (wharf, name, image) = with_image("ctr-private").await;
    let ctr = ctr(&wharf, "private");

    let listed = pull(&ctr, "alice", "the-password-of-alice", &name);

    assert!(listed.contains(&image.digest()), "{listed}");
}

#[tokio::test]
async fn ctr_pulls_without_a_login_only_what_is_public() {
    if !component("ctr") {
        return;
    }
    let (wharf, name, image) = with_image("ctr-public").await;
    let ctr = ctr(&wharf, "public");

    only_when_public(&wharf, &ctr, &["images", "pull", "--plain-http", &name]);

    let listed = ctr.run(&["images", "ls"]);
    assert!(listed.contains(&image.digest()), "{listed}");
}
