//! The programs of a soak, built once and put aside: who goes on to build meanwhile changes nothing under it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;

use crate::failure::Failure;
use crate::program::{capture, cargo};
use crate::test::build_wharf;

pub(super) struct Programs {
    pub(super) wharf: PathBuf,
    pub(super) end_to_end: PathBuf,
    pub(super) races: PathBuf,
    _folder: TempDir,
}

/// What cargo says of each thing that it built.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Programs {
    /// With this server, or one that is built now.
    pub(super) fn build(wharf: Option<&Path>) -> Result<Self, Failure> {
        let wharf = wharf.map_or_else(build_wharf, |built| Ok(built.to_owned()))?;
        let said = capture(&mut cargo([
            "test",
            "--package",
            "wharf-tests",
            "--no-run",
            "--message-format",
            "json-render-diagnostics",
        ]))?;
        let folder = tempfile::tempdir().map_err(Failure::file(Path::new("the temporary directory")))?;
        let keep = |program: &Path, name: &str| {
            let kept = folder.path().join(name);
            fs::copy(program, &kept).map_err(Failure::file(program)).map(|_| kept)
        };
        let test = |name: &str| keep(&executable(&said, name)?, name);
        let (wharf, end_to_end, races) = (keep(&wharf, "wharf")?, test("end_to_end")?, test("races")?);
        Ok(Self { wharf, end_to_end, races, _folder: folder })
    }
}

/// Where cargo put the test of this name.
fn executable(said: &str, name: &str) -> Result<PathBuf, Failure> {
    let built = said.lines().filter_map(|line| serde_json::from_str::<Built>(line).ok());
    let mut ours = built.filter(|built| built.target.as_ref().is_some_and(|target| target.name == name));
    let found = ours.find_map(|built| built.executable);
    found.ok_or_else(|| Failure::Broken(format!("cargo built no test called {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_found_among_what_cargo_built() {
        let said = "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"races\"},\"executable\":null}\n\
                    {\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"races\"},\"executable\":\"/races-1\"}\n\
                    {\"reason\":\"build-finished\",\"success\":true}";
        assert_eq!(executable(said, "races").unwrap(), Path::new("/races-1"));
        assert!(executable(said, "end_to_end").is_err());
    }
}
