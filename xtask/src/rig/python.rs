//! Clients written in Python, installed into one environment of their own and kept until their versions change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::failure::Failure;
use crate::program::{find, run};

/// Where the versions are pinned, all of them: nothing else is installed.
const REQUIREMENTS: &str = "tests/clients/python.txt";

/// Installs the clients unless the cache has them; the directory of their programs.
pub(crate) fn install() -> Result<PathBuf, Failure> {
    let requirements = Path::new(REQUIREMENTS);
    let directory = cache::place(&format!("python-{}", cache::key(&[requirements])?))?;
    // An environment knows where it lies and cannot be renamed, so the mark of a whole one is a file in it.
    let whole = directory.join("whole");
    if !whole.exists() {
        run(Command::new(find("python3").unwrap_or_else(|| "python3".into()))
            .args(["-m", "venv", "--clear"])
            .arg(&directory))?;
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r"];
        run(Command::new(directory.join("bin/python3")).args(pip).arg(requirements))?;
        fs::write(&whole, "").map_err(Failure::file(&whole))?;
    }
    Ok(directory.join("bin"))
}
