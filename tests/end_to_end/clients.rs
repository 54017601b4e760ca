//! The clients that people really use: each logs in, pushes and pulls, and all of them see the same digest.
//!
//! A client that is not in `WHARF_TEST_COMPONENTS` is skipped visibly; in CI that is a failure. `docker` speaks to
//! the daemon at `WHARF_TEST_DOCKER_HOST`, `ctr` to the one at `WHARF_TEST_CONTAINERD`; those written in Go were built
//! from `tests/clients` and lie in the directory `WHARF_TEST_PROGRAMS`, and those in Python in `WHARF_TEST_PYTHON`. The large image is made of the root file system
//! in the archive `WHARF_TEST_ROOTFS`, which `mmdebstrap` made.

mod attestations;
mod cognito;
mod cosign;
mod crane;
mod credentials;
mod ctr;
mod docker;
mod documented;
mod export;
mod helm;
mod helm_repository;
mod identity_provider;
mod image;
mod jobs;
mod large_image;
mod memflowup;
mod oras;
mod podman;
mod program;
mod publishers;
mod python;
mod regctl;
mod schemathesis;
mod skopeo;

use std::path::{Path, PathBuf};
use std::process::Command;

use self::image::unpackable;
use self::program::Program;
use crate::harness::{Caller, Image, Wharf};

/// The path in an environment variable that goes with a component.
fn path_from_environment(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set, but its component is listed")).into()
}

/// The path of a program that was built from `tests/clients`.
pub(crate) fn built_by_go(name: &str) -> PathBuf {
    path_from_environment("WHARF_TEST_PROGRAMS").join(name)
}

/// The world of docs/clients.md: an organisation `acme`, and alice, who may write there.
async fn acme() -> (Wharf, Caller) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    (wharf, alice)
}

/// A server with an image in a private registry, and the name that clients call it by.
async fn with_image(label: &str) -> (Wharf, String, Image) {
    let (wharf, alice) = acme().await;
    let image = unpackable(&archive(&wharf, label));
    alice.repository("acme/app").push_image(&image, "v1").await;
    let name = format!("{}/acme/app:v1", wharf.host());
    (wharf, name, image)
}

/// A client without a login is refused, in words that say so; once the registry is public, the same command works.
fn only_when_public(wharf: &Wharf, stranger: &Program, command: &[&str]) {
    let refused = stranger.try_run(command, "");
    assert!(!refused.status.success(), "{command:?} worked without a login");
    let said = String::from_utf8_lossy(&refused.stderr).to_lowercase();
    assert!(said.contains("unauthorized"), "{said}");
    wharf.set_public("acme/main", true);
    stranger.run(command);
}

/// A small archive to make an image of; another label, another image.
fn archive(wharf: &Wharf, label: &str) -> PathBuf {
    let content = wharf.directory(&format!("content-{label}"));
    std::fs::write(content.join("label"), label).unwrap();
    let archive = wharf.directory("archives").join(format!("{label}.tar"));
    pack(&content, &archive);
    archive
}

/// Packs what is in a directory.
fn pack(directory: &Path, archive: &Path) {
    let packed =
        Command::new("tar").arg("-cf").arg(archive).arg("-C").arg(directory).arg(".").status().unwrap();
    assert!(packed.success());
}

/// The digest of a tag, as the server tells it.
async fn digest_of(caller: &Caller, repository: &str, tag: &str) -> String {
    let answer = caller.repository(repository).head_manifest(tag).await.is(200);
    answer.header("docker-content-digest").to_owned()
}
