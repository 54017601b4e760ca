//! The disk is full: uploads are refused, pulls and deletions go on, and with room everything does.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;

use super::disk::{Disk, FileSystem};
use crate::harness::{Image, Wharf, component, media_type, noise, sha256};

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
    let mut halfway = repository.upload().await;
    halfway.append(content.slice(..500)).await.is(202);
    let filler = disk.data().with_file_name("filler");

    fill(&filler);

    repository.open_upload().await.is(507);
    begun.append(content.clone()).await.is(507);
    repository.put_manifest("more", image.media_type, &image.manifest).await.is(507);
    halfway.finish(&sha256(&content), content.slice(500..)).await.is(507);
    repository.blob(&sha256(&content)).await.is(404);
    let scopes = ["repository:acme/app:pull,push,delete"];
    let bearer = wharf.admin().with_token(&scopes).await.repository("acme/app");
    bearer.manifest("kept").await.is(200).has_body(&image.manifest);
    bearer.blob(&sha256(&image.blobs[0])).await.is(200).has_body(&image.blobs[0]);
    bearer.delete_manifest("gone").await.is(202);
    begun.cancel().await.is(204);
    assert!(!disk.data().join("ballast").exists(), "room was made by the ballast");

    std::fs::remove_dir_all(filler).unwrap();

    let offset = usize::try_from(halfway.offset().await).unwrap();
    assert!(
        (500..=1000).contains(&offset),
        "of 500 bytes and those that were on their way {offset} are left"
    );
    halfway.finish(&sha256(&content), content.slice(offset..)).await.is(201);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    repository.manifest("gone").await.is(404);
    repository.push_image(&image, "again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nearly_full_disk_takes_nothing_new_says_so_and_recovers_by_itself() {
    if !component("loop") {
        return;
    }
    let disk = Disk::make(FileSystem::Ext4);
    let wharf = Wharf::start_on(&disk.data()).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(3, 1000);
    let (mut whole, mut begun) = (repository.upload().await, repository.upload().await);
    whole.append(content.clone()).await.is(202);
    let digest = repository.push_blob(&noise(4, 1000)).await;
    let index = Image::index(media_type::OCI_INDEX, &[]);
    let filler = disk.data().with_file_name("filler");
    let uploads = async || wharf.anonymous().get("/readyz").await.is(200).json()["uploads"].clone();
    let refused = async || {
        let page = wharf.admin().get("/metrics").await.is(200);
        String::from_utf8_lossy(&page.body).contains("\nwharf_uploads_refused 1\n")
    };
    assert!(uploads().await == "taken" && !refused().await);

    // Less than a twentieth of two gibibytes, and more than a quarter of that.
    leave(&filler, 60 << 20);
    // A disk that had room is trusted for ten milliseconds.
    tokio::time::sleep(Duration::from_millis(20)).await;

    assert!(uploads().await == "refused" && refused().await);
    let words = repository.open_upload().await.is(507).first_error()["message"].clone();
    assert!(words.as_str().unwrap().contains("pulls and deletions go on"), "{words}");
    begun.append(content.clone()).await.is(507);
    repository.put_manifest("v1", media_type::OCI_INDEX, &index).await.is(507);
    repository.mount(&digest, None).await.is(507);
    whole.finish(&sha256(&content), Bytes::new()).await.is(201);
    repository.blob(&sha256(&content)).await.is(200).has_body(&content);
    wharf.admin().delete(&repository.path(&format!("blobs/{digest}"))).await.is(202);

    std::fs::remove_file(&filler).unwrap();

    assert!(uploads().await == "taken" && !refused().await);
    begun.append(content.clone()).await.is(202);
    repository.put_manifest("v1", media_type::OCI_INDEX, &index).await.is(201);
    let log = wharf.log();
    assert_eq!(log.matches("the disk is nearly full: uploads are refused\"").count(), 1, "{log}");
}

/// Takes blocks of the file system until so many bytes are free.
fn leave(file: &Path, free: u64) {
    let folder = file.parent().unwrap();
    let asked = Command::new("stat").args(["-f", "-c", "%a %S"]).arg(folder).output().unwrap();
    let said = String::from_utf8(asked.stdout).unwrap();
    let (blocks, size) = said.trim().split_once(' ').unwrap();
    let there = blocks.parse::<u64>().unwrap() * size.parse::<u64>().unwrap();
    let taken = (there - free).to_string();
    let filled = Command::new("fallocate").args(["-l", &taken]).arg(file).output().unwrap();
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));
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
