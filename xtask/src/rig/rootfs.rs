//! The root filesystem for images of a real size: a Debian of this machine's release, made from its own apt sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache;
use crate::failure::Failure;
use crate::program::{capture, is_root, run};
use crate::rig::install;

/// Two interpreters: their files make the image large and varied, and scanners find packages in it.
const PACKAGES: &str = "perl,python3-minimal";

/// What the tests are promised.
const SMALLEST_BYTES: u64 = 100 * 1024 * 1024;

/// The path of the tar file, made unless the cache has it; of at least 100 MiB.
pub(crate) fn make(scratch: &Path) -> Result<PathBuf, Failure> {
    let suite = suite()?;
    let path = cache::place(&format!("debian-rootfs-{suite}.tar"))?;
    cache::keep(&path, |part| {
        let sources = scratch.join("sources.list");
        fs::write(&sources, sources_of(&suite)?).map_err(Failure::file(&sources))?;
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap
            .args(["--quiet", "--variant=minbase", "--include", PACKAGES, &suite])
            .arg(part)
            .arg(&sources);
        run(&mut mmdebstrap)
    })?;
    let size = fs::metadata(&path).map_err(Failure::file(&path))?.len();
    if size < SMALLEST_BYTES {
        return Err(Failure::Broken(format!("{} has only {size} bytes", path.display())));
    }
    Ok(path)
}

/// The code name of this machine's release.
fn suite() -> Result<String, Failure> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(Failure::file(path))?;
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.map(str::to_owned)
        .ok_or_else(|| Failure::Broken("/etc/os-release has no VERSION_CODENAME".to_owned()))
}

/// The sources of `suite` that this machine is set up with, in apt's one-line form. apt tells only those whose
/// lists it has, so a fresh machine fetches them first.
fn sources_of(suite: &str) -> Result<String, Failure> {
    let mut sources = only(suite, &configured()?);
    if sources.is_empty() && is_root() {
        install::refresh();
        sources = only(suite, &configured()?);
    }
    if sources.is_empty() {
        return Err(Failure::Broken(format!("apt knows no source of {suite}; run apt-get update")));
    }
    Ok(sources)
}

/// One line per source: address, release, component.
fn configured() -> Result<String, Failure> {
    let form = "$(REPO_URI) $(RELEASE) $(COMPONENT)";
    capture(Command::new("apt-get").args(["indextargets", "--format", form, "Created-By: Packages"]))
}

/// The lines of the suite itself, its updates and its security fixes; what others publish for it stays out.
fn only(suite: &str, configured: &str) -> String {
    let parts = ["", "-updates", "-security"].map(|part| format!("{suite}{part}"));
    let of_the_suite =
        |line: &&str| line.split(' ').nth(1).is_some_and(|release| parts.iter().any(|part| part == release));
    let sources: BTreeSet<&str> = configured.lines().filter(of_the_suite).collect();
    sources.iter().map(|source| format!("deb {source}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_release_itself_is_taken_and_each_source_once() {
        let configured = "\
http://mirror.test/debian/ bookworm main
http://mirror.test/debian/ bookworm main
http://mirror.test/debian/ bookworm-security main
http://vendor.test/apt cloud-bookworm main
http://vendor.test/apt nodistro main
";
        let expected = "\
deb http://mirror.test/debian/ bookworm main
deb http://mirror.test/debian/ bookworm-security main
";
        assert_eq!(only("bookworm", configured), expected);
    }
}
