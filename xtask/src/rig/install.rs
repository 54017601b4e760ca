//! Installs Debian packages where this process may, and says which command would where it may not.

use std::process::Command;

use crate::failure::Failure;
use crate::program::{capture, find, is_root, run, succeeds};

/// Installs `packages`. Where that is not possible it is not a failure: the caller looks again and decides.
pub(crate) fn packages(packages: &[&str]) -> Result<(), Failure> {
    if find("apt-get").is_none() {
        println!("missing, and not installed for want of apt-get: {}", packages.join(" "));
        return Ok(());
    }
    if !is_root() {
        println!(
            "to install what is missing: sudo apt-get install -y --no-install-recommends {}",
            packages.join(" ")
        );
        return Ok(());
    }
    refresh();
    let known: Vec<&str> = packages.iter().copied().filter(|package| is_known(package)).collect();
    println!("installing {}", known.join(" "));
    // Captured, for it names every file it unpacks; what went wrong is in the failure.
    capture(apt_get().args(["install", "-y", "-qq", "--no-install-recommends"]).args(known)).map(drop)
}

/// Renews the package lists. A source that does not answer is no reason to stop: the others may have it all.
pub(crate) fn refresh() {
    println!("renewing the package lists");
    if let Err(failure) = run(apt_get().args(["update", "-qq"])) {
        println!("the package lists may be old: {}", failure.with_causes());
    }
}

fn is_known(package: &str) -> bool {
    succeeds(Command::new("apt-cache").args(["show", package]))
}

/// Asks nobody anything, and waits for its turn if another installation is under way.
fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-o", "DPkg::Lock::Timeout=600"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
