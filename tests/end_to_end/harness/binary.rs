//! The program under test: named by `WHARF_TEST_BINARY`, else built beside the tests, so that a bare `cargo test`
//! never tries yesterday's server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub(super) fn binary() -> &'static Path {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let named = || std::env::var_os("WHARF_TEST_BINARY").map(PathBuf::from);
    BINARY.get_or_init(|| named().or_else(build)).as_deref().expect("wharf builds")
}

/// The program with none of the settings that this process was started with, for they are the tests' own.
pub(crate) fn wharf_command() -> Command {
    let mut command = Command::new(binary());
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WHARF_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command
}

/// Builds `wharf` into the target directory that this test lies in, and says where it is.
fn build() -> Option<PathBuf> {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).expect("a test lies in <target>/<profile>/deps");
    let target = profile.parent().expect("a profile lies in a target directory");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "wharf-server", "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let built = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    built.success().then(|| profile.join("wharf"))
}
