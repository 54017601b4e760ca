//! podman, with a store of its own in the test's directory.

use super::documented::documented_host;
use super::program::Program;
use super::{acme, archive, digest_of, only_when_public, with_image};
use crate::harness::{Wharf, component};

pub(super) fn podman(wharf: &Wharf) -> Program {
    let directory = wharf.directory("podman");
    // Where there is such a directory for logins, podman wants the file in it too.
    std::fs::write(directory.join("config.json"), "{}").unwrap();
    let directory = directory.display();
    let (root, run, temporary) =
        (format!("{directory}/root"), format!("{directory}/run"), format!("{directory}/tmp"));
    let store = ["--storage-driver=vfs", "--root", &root, "--runroot", &run, "--tmpdir", &temporary];
    Program::new(wharf, "podman", "podman").with_options(&store)
}

pub(super) fn log_in(podman: &Program, wharf: &Wharf, user: &str, password: &str) {
    let auth = auth_file(podman);
    let login = ["login", "--tls-verify=false", "--authfile", &auth, "--username", user, "--password-stdin"];
    podman.run_with_input(&[&login[..], &[&wharf.host()]].concat(), password);
}

pub(super) fn pull(podman: &Program, image: &str) -> String {
    let auth = auth_file(podman);
    podman.run(&["pull", "--quiet", "--tls-verify=false", "--authfile", &auth, image]);
    podman.run(&["image", "inspect", "--format", "{{.Digest}}", image])
}

/// All digests that podman knows an image by: for an index its own, and that of the image chosen from it.
pub(super) fn known_digests(podman: &Program, image: &str) -> String {
    podman.run(&["image", "inspect", "--format", "{{.RepoDigests}}", image])
}

fn auth_file(podman: &Program) -> String {
    podman.directory.join("auth.json").display().to_string()
}

#[tokio::test]
async fn podman_logs_in_pushes_and_pulls() {
    if !component("podman") {
        return;
    }
    let wharf = Wharf::start().await;
    wharf.found(&["acme/team"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let podman = podman(&wharf);
    let image = format!("{}/acme/team/app:v1", wharf.host());
    let archive = archive(&wharf, "podman").display().to_string();
    let digest_file = podman.directory.join("digest").display().to_string();

    log_in(&podman, &wharf, "alice", "the-password-of-alice");
    podman.run(&["import", "--quiet", &archive, &image]);
    let push = ["push", "--quiet", "--tls-verify=false", "--authfile", &auth_file(&podman), "--digestfile"];
    podman.run(&[&push[..], &[&digest_file, &image]].concat());
    podman.run(&["rmi", &image]);
    let pulled = pull(&podman, &image);

    assert_eq!(std::fs::read_to_string(&digest_file).unwrap().trim(), pulled);
    assert_eq!(digest_of(&alice, "acme/team/app", "v1").await, pulled);
}

#[tokio::test]
async fn podman_pulls_without_a_login_only_what_is_public() {
    if !component("podman") {
        return;
    }
    let (wharf, name, image) = with_image("podman-public").await;
    let podman = podman(&wharf);

    only_when_public(&wharf, &podman, &["pull", "--quiet", "--tls-verify=false", &name]);

    let known = known_digests(&podman, &name);
    assert!(known.contains(&image.digest()), "{known}");
}

#[tokio::test]
async fn the_lines_for_podman_work() {
    if !component("podman") {
        return;
    }
    let (wharf, alice) = acme().await;
    let podman = podman(&wharf);
    podman.run(&["import", "--quiet", &archive(&wharf, "podman-lines").display().to_string(), "app:v1"]);

    podman.run_lines_of("podman", &wharf);

    let known = known_digests(&podman, &format!("{}/acme/app:v1", documented_host(&wharf)));
    let digest = digest_of(&alice, "acme/app", "v1").await;
    assert!(known.contains(&digest), "{known} lacks {digest}");
}
