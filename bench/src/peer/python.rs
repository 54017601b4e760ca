//! The peers written in Python, installed into an environment of their own and kept until their versions change.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use wharf_core::Algorithm;

use crate::Result;

/// Their versions, all of them: nothing else is installed.
const REQUIREMENTS: &str = include_str!("../../python.txt");

/// The folder of their programs, installed unless they are there; nothing without a Python.
///
/// # Errors
/// What keeps them from being installed.
pub(super) fn programs() -> Result<Option<PathBuf>> {
    let key = wharf_hash::digest(Algorithm::Sha256, REQUIREMENTS.as_bytes()).hex();
    let folder = cache()?.join(format!("python-{}", key.split_at_checked(16).unwrap_or_default().0));
    // An environment knows where it lies and cannot be renamed, so the mark of a whole one is a file in it.
    let whole = folder.join("whole");
    if !whole.exists() {
        if Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_err() {
            return Ok(None);
        }
        eprintln!("the peers written in Python are being installed");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let requirements = folder.join("requirements.txt");
        fs::write(&requirements, REQUIREMENTS)?;
        let pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "-r"];
        run(Command::new(folder.join("bin/python3")).args(pip).arg(&requirements))?;
        fs::write(&whole, "")?;
    }
    Ok(Some(folder.join("bin")))
}

/// Runs a program to its end, silently.
///
/// # Errors
/// An end that is no success, with what it said.
pub(super) fn run(command: &mut Command) -> Result<()> {
    let ended = command.stdin(Stdio::null()).output()?;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ended.stderr)).into())
}

fn cache() -> Result<PathBuf> {
    let named = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let usual = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = named.or_else(usual).ok_or("neither XDG_CACHE_HOME nor HOME is set")?.join("wharf-bench");
    fs::create_dir_all(&cache)?;
    Ok(cache)
}
