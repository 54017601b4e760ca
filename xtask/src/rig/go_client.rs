//! Clients written in Go, built from the one module `tests/clients` and kept until its versions change.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::failure::Failure;
use crate::program::{find, run};

/// Where the versions are pinned.
const MODULE: &str = "tests/clients";

/// The path of client `name`, built from `package` unless the cache has it.
pub(crate) fn build(name: &str, package: &str) -> Result<PathBuf, Failure> {
    let module = Path::new(MODULE);
    let key = cache::key(&[&module.join("go.mod"), &module.join("go.sum")])?;
    let path = cache::place(&format!("clients-{key}/{name}"))?;
    cache::keep(&path, |part| {
        let mut go = Command::new(find("go").unwrap_or_else(|| "go".into()));
        go.args(["build", "-C", MODULE, "-mod=readonly", "-trimpath", "-o"]).arg(part).arg(package);
        run(go.env("CGO_ENABLED", "0"))
    })?;
    Ok(path)
}
