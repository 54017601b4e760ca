//! The clients that people really use: each logs in, pushes and pulls, and all of them see the same digest.
//!
//! A client that is not in `WHARF_TEST_COMPONENTS` is skipped visibly; in CI that is a failure. `docker` speaks to
//! the daemon at `WHARF_TEST_DOCKER_HOST`, `ctr` to the one at `WHARF_TEST_CONTAINERD`; those written in Go were built
//! from `tests/clients` and lie in the directory `WHARF_TEST_PROGRAMS`. The large image is made of the root file system
//! in the archive `WHARF_TEST_ROOTFS`, which `mmdebstrap` made.

mod crane;
mod docker;
mod large_image;
mod podman;
mod program;
mod skopeo;

use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Caller, Wharf};

/// The path in an environment variable that goes with a component.
fn path_from_environment(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("{name} is not set, but its component is listed")).into()
}

/// The path of a program that was built from `tests/clients`.
fn built_by_go(name: &str) -> PathBuf {
    path_from_environment("WHARF_TEST_PROGRAMS").join(name)
}

/// A small archive to make an image of; another label, another image.
fn archive(wharf: &Wharf, label: &str) -> PathBuf {
    let content = wharf.directory(&format!("content-{label}"));
    std::fs::write(content.join("label"), label).unwrap();
    let archive = wharf.directory("archives").join(format!("{label}.tar"));
    let packed =
        Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&content).arg(".").status().unwrap();
    assert!(packed.success());
    archive
}

/// The digest of a tag, as the server tells it.
async fn digest_of(caller: &Caller, repository: &str, tag: &str) -> String {
    let answer = caller.repository(repository).head_manifest(tag).await.is(200);
    answer.header("docker-content-digest").to_owned()
}
