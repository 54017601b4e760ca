//! cargo-deny over `deny.toml`: what may enter the dependency tree. Called by `lint`.
//!
//! The tool is built once into the cache, as a debug build: that takes a minute where the release build, with fat
//! LTO, takes many, and a check takes a second either way. Advisories need a database at hand, for nothing is fetched.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::cache;
use crate::failure::Failure;
use crate::program::{capture, cargo, find, run};
use crate::steps::Steps;

/// Pinned, because a newer one may need a newer compiler.
const VERSION: &str = "0.20.2";

/// Where an advisory database is; `deny.toml` reads the same variable.
const DATABASE: &str = "WHARF_ADVISORY_DB";

/// Adds the steps `dependencies` and `advisories`.
pub(crate) fn check(steps: &mut Steps) {
    steps.attempt("dependencies", || run(deny()?.args(["check", "bans", "licenses", "sources"])));
    if env::var_os(DATABASE).is_some_and(|path| PathBuf::from(path).is_dir()) {
        steps.attempt("advisories", || run(deny()?.args(["--offline", "check", "advisories"])));
    } else {
        steps.skip("advisories", "WHARF_ADVISORY_DB names no directory");
    }
}

fn deny() -> Result<Command, Failure> {
    let mut command = Command::new(tool()?);
    command.args(["--workspace", "--locked"]);
    Ok(command)
}

/// The pinned version from the `PATH`, from the cache, or built into it.
fn tool() -> Result<PathBuf, Failure> {
    if let Some(path) = find("cargo-deny")
        && capture(Command::new(&path).arg("--version")).is_ok_and(|answer| answer.trim().ends_with(VERSION))
    {
        return Ok(path);
    }
    let root = cache::place(&format!("cargo-deny-{VERSION}"))?;
    let path = root.join("bin").join("cargo-deny");
    if !path.exists() {
        println!("installing cargo-deny {VERSION} into {}", root.display());
        let mut install =
            cargo(["install", "cargo-deny", "--quiet", "--version", VERSION, "--locked", "--debug"]);
        // Its own directory of artefacts, thrown away after: nothing of it is ours.
        run(install
            .arg("--root")
            .arg(&root)
            .env_remove("CARGO_TARGET_DIR")
            .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    Ok(path)
}
