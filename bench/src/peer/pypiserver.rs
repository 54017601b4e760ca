//! pypiserver under gunicorn: a worker with four threads for each processor, so that connections are kept, its cache of
//! the folder on, nobody asked who he is. It flushes nothing of what is uploaded.

use std::{fs, path::Path, process::Command};

use super::python;
use crate::Result;

/// Nothing without a Python.
pub(super) fn command(folder: &Path, authority: &str) -> Result<Option<Command>> {
    let Some(programs) = python::programs()? else { return Ok(None) };
    let packages = folder.join("packages");
    fs::create_dir(&packages)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut command = Command::new(programs.join("gunicorn"));
    command.args(["--worker-class", "gthread", "--threads", "4", "--no-control-socket"]);
    command.args(["--workers", &cores.to_string(), "--bind", authority]).arg(format!(
        "pypiserver:app(roots=[{:?}], password_file='.', authenticate=[], backend_arg='cached-dir', \
         disable_fallback=True)",
        packages.display().to_string()
    ));
    command.current_dir(folder);
    Ok(Some(command))
}
