//! Cuts in the middle: what is not finished is believed by nobody.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::{back_up, empty_house, restore, said, told};
use crate::harness::{Image, Wharf, noise, sha256, wharf_command};

/// Enough that neither command is through before it is cut.
const BLOBS: u64 = 12;
const SIZE: usize = 4 << 20;

async fn furnished() -> Wharf {
    let wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    repository.push_image(&Image::oci(1), "v1").await;
    for seed in 0..BLOBS {
        repository.push_blob(&noise(seed, SIZE)).await;
    }
    wharf
}

fn begin(wharf: &Wharf, command: &str, directory: &Path) -> Child {
    let mut process = wharf_command();
    process.arg(command).arg(directory).arg("--data-dir").arg(&wharf.data).envs(wharf.environment());
    process.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a command as soon as a blob of some size lies below a folder.
fn cut(mut process: Child, folder: &Path) {
    let begun = Instant::now();
    while files_below(folder)
        .iter()
        .all(|file| std::fs::metadata(file).map_or(0, |file| file.len()) < 1 << 20)
    {
        assert!(process.try_wait().unwrap().is_none(), "it was through before it was cut");
        assert!(begun.elapsed() < Duration::from_secs(30), "it brings no blob");
        std::thread::sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    assert!(process.wait().unwrap().code().is_none(), "it was through before it was cut");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    entries.flat_map(|entry| entry.map_or(Vec::new(), |entry| below(entry.path()))).collect()
}

#[tokio::test]
async fn a_backup_whose_client_is_killed_ends_at_the_server_and_leaves_none() {
    let wharf = furnished().await;
    let directory = wharf.directory("backup");
    cut(begin(&wharf, "backup", &directory), &directory.join("blobs"));

    // It may write on for a moment; as long as it does, nobody else may.
    let begun = Instant::now();
    let lock = std::fs::File::open(directory.join("backup.lock")).unwrap();
    while lock.try_lock().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the server goes on without anybody waiting");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(lock);
    assert!(!directory.join("backup.json").exists(), "a backup nobody waited for was finished");
    let refused = restore(&empty_house(&wharf).await, &directory);
    assert!(said(&refused).contains("no finished backup"), "{}", said(&refused));
    let done = told(&back_up(&wharf, &directory));
    assert!(!done.contains(", 0 were there already"), "it goes on where it was cut: {done}");
    told(&restore(&empty_house(&wharf).await, &directory));
}

#[tokio::test]
async fn a_restore_that_was_cut_is_not_served_and_comes_to_its_end_when_run_again() {
    let mut wharf = furnished().await;
    wharf.stop().await;
    let directory = wharf.directory("backup");
    told(&back_up(&wharf, &directory));
    let mut other = empty_house(&wharf).await;
    cut(begin(&other, "restore", &directory), &other.data.join("objects"));

    let refused = other.try_command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert!(!refused.status.success());
    assert!(said(&refused).contains("run the same wharf restore again"), "{}", said(&refused));
    let refused = other.try_command(&["gc"], "");
    assert!(said(&refused).contains("run the same wharf restore again"), "{}", said(&refused));

    told(&restore(&other, &directory));
    other.restart().await;
    let repository = other.admin().repository("acme/app");
    repository.manifest("v1").await.is(200).has_body(&Image::oci(1).manifest);
    for seed in 0..BLOBS {
        let blob = noise(seed, SIZE);
        repository.blob(&sha256(&blob)).await.is(200).has_body(&blob);
    }
}
