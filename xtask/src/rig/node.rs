//! A server written for Node.js, installed into a folder of its own and kept until its versions change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::failure::Failure;
use crate::program::{find, run};

/// Where the versions are pinned, with the hash of every package.
const PINNED: [&str; 2] = ["tests/clients/package.json", "tests/clients/package-lock.json"];

/// Installs the packages unless the cache has them; the folder that holds `node_modules`.
pub(crate) fn install() -> Result<PathBuf, Failure> {
    let pinned = PINNED.map(Path::new);
    let folder = cache::place(&format!("node-{}", cache::key(&pinned)?))?;
    cache::keep(&folder, |part| {
        fs::create_dir_all(part).map_err(Failure::file(part))?;
        for file in pinned {
            fs::copy(file, part.join(file.file_name().unwrap_or_default())).map_err(Failure::file(file))?;
        }
        // Nothing that a package brings is run while it is installed.
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new(find("npm").unwrap_or_else(|| "npm".into())).args(install).current_dir(part))
    })?;
    Ok(folder)
}
