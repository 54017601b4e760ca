//! The data directory: nobody but its owner may look into it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::harness::{IN_FILES, Image, Wharf};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Everything below a directory.
fn below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let inner = |path: PathBuf| {
        let deeper = if path.is_dir() { below(&path) } else { Vec::new() };
        deeper.into_iter().chain([path])
    };
    entries.flat_map(inner).collect()
}

/// A server that has been used, without a password given to it.
async fn used() -> Wharf {
    let wharf = Wharf::start_with(&IN_FILES).await;
    let made = fs::read_to_string(wharf.data.join("admin-password")).unwrap();
    let repository = wharf.caller("admin", made.trim()).repository("acme/app");
    repository.push_image(&Image::oci(1), "v1").await;
    repository.upload().await.append(crate::harness::noise(1, 1_000)).await.is(202);
    wharf
}

#[tokio::test]
async fn the_data_directory_opens_to_its_owner_only() {
    let wharf = used().await;

    assert_eq!(mode(&wharf.data), 0o700);
    for secret in ["lock", "control.sock", "secret-key", "admin-password", "wharf.sqlite"] {
        assert_eq!(mode(&wharf.data.join(secret)), 0o600, "{secret}");
    }
}

#[tokio::test]
async fn nothing_in_the_data_directory_can_be_written_or_run_by_others() {
    let wharf = used().await;

    let all = below(&wharf.data);

    assert!(all.iter().filter(|path| path.is_file()).count() > 5, "{all:?}");
    for path in all {
        let refused = if path.is_dir() { 0o7022 } else { 0o7133 };
        assert_eq!(mode(&path) & refused, 0, "{} has the mode {:o}", path.display(), mode(&path));
    }
}

#[tokio::test]
async fn a_directory_that_is_restarted_on_keeps_its_modes() {
    let mut wharf = used().await;

    wharf.kill();
    wharf.restart().await;

    for name in
        ["", "lock", "control.sock", "secret-key", "wharf.sqlite", "wharf.sqlite-wal", "wharf.sqlite-shm"]
    {
        assert_eq!(mode(&wharf.data.join(name)) & 0o077, 0, "{name}");
    }
}
