//! The disk is full: uploads are refused, pulls and deletions go on, and with room everything does.

use std::path::Path;
use std::process::Command;

use super::disk::{Disk, FileSystem};
use crate::harness::{Image, Wharf, component, noise, sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_uploads_and_serves_pulls() {
    if !component("loop") {
        return;
    }
    let disk = Disk::make(FileSystem::Ext4);
    let wharf = Wharf::start_on(&disk.data()).await;
    let repository = wharf.admin().repository("acme/app");
    let image = Image::oci(1);
    repository.push_image(&image, "kept").await;
    repository.push_image(&image, "gone").await;
    let mut begun = repository.upload().await;
    let content = noise(2, 1000);
    let filler = disk.data().with_file_name("filler");

    fill(&filler);

    repository.open_upload().await.is(507);
    begun.append(content.clone()).await.is(507);
    let scopes = ["repository:acme/app:pull,push,delete"];
    let bearer = wharf.admin().with_token(&scopes).await.repository("acme/app");
    bearer.manifest("kept").await.is(200).has_body(&image.manifest);
    bearer.blob(&sha256(&image.blobs[0])).await.is(200).has_body(&image.blobs[0]);
    bearer.delete_manifest("gone").await.is(202);
    begun.cancel().await.is(204);
    assert!(!disk.data().join("ballast").exists(), "room was made by the ballast");

    std::fs::remove_dir_all(filler).unwrap();

    repository.push_blob(&content).await;
    repository.manifest("gone").await.is(404);
    repository.push_image(&image, "again").await;
}

/// Takes every block of the file system, also those that are kept for root, in ever smaller files.
fn fill(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let mut files = 0;
    for size in ["512M", "64M", "8M", "1M", "128K", "16K", "4K"] {
        loop {
            let file = folder.join(files.to_string());
            let taken = Command::new("fallocate").args(["-l", size]).arg(&file).output().unwrap();
            if !taken.status.success() {
                std::fs::remove_file(file).unwrap();
                break;
            }
            files += 1;
        }
    }
}
