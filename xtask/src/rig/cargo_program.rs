//! Clients written in Rust, installed from the package registry and kept until their version changes.

use std::path::PathBuf;

use crate::cache;
use crate::failure::Failure;
use crate::program::{cargo, run};

/// One program, called like its package, and of the components.
pub(crate) struct CargoProgram {
    pub(crate) name: &'static str,
    /// Pinned, and installed with its own lock file.
    version: &'static str,
    /// The variable that leads the tests to it.
    pub(crate) variable: &'static str,
}

/// What the tests use.
pub(crate) const ALL: &[CargoProgram] =
    &[CargoProgram { name: "memflowup", version: "0.2.0", variable: "WHARF_TEST_MEMFLOWUP" }];

impl CargoProgram {
    /// Installs it unless the cache has it; says where it lies. A debug build takes a third of the time of a release
    /// build, and what it does here is done in an instant either way.
    pub(crate) fn install(&self) -> Result<PathBuf, Failure> {
        let root = cache::place(&format!("{}-{}", self.name, self.version))?;
        let path = root.join("bin").join(self.name);
        if !path.exists() {
            let mut install =
                cargo(["install", self.name, "--quiet", "--version", self.version, "--locked", "--debug"]);
            // Its own directory of artefacts, thrown away after: nothing of it is ours.
            run(install
                .arg("--root")
                .arg(&root)
                .env_remove("CARGO_TARGET_DIR")
                .env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
        }
        Ok(path)
    }
}
