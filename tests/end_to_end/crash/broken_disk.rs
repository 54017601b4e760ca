//! What cannot be written, and a database that is damaged: said in words, and what can be read is served.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::disk::{Disk, FileSystem};
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, component, media_type, noise, sha256};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_that_turns_read_only_serves_pulls_and_loses_nothing() {
    if !component("loop") {
        return;
    }
    let disk = Disk::make(FileSystem::Ext4);
    let mut wharf = Wharf::start_on(&disk.data()).await;
    let image = Image::oci(1);
    wharf.admin().repository("acme/app").push_image(&image, "v1").await;
    let bearer = wharf.admin().with_token(&["repository:acme/app:pull,push,delete"]).await;
    let repository = bearer.repository("acme/app");
    let upload = repository.upload().await;
    let index = Image::index(media_type::OCI_INDEX, &[]);

    disk.fail();

    repository.open_upload().await.is(503).first_error();
    upload.finish(&sha256(&noise(2, 9)), noise(2, 9)).await.is(503).first_error();
    repository.put_manifest("v2", media_type::OCI_INDEX, &index).await.is(503);
    repository.delete_manifest("v1").await.is(503);
    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    repository.blob(&sha256(&image.blobs[0])).await.is(200).has_body(&image.blobs[0]);
    wharf.anonymous().get("/healthz").await.is(200);

    wharf.kill();
    disk.repair().await;
    wharf.restart().await;

    repository.manifest("v1").await.is(200).has_body(&image.manifest);
    repository.manifest("v2").await.is(404);
    repository.put_manifest("v2", media_type::OCI_INDEX, &index).await.is(201);
    repository.push_blob(&noise(3, 1_000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_system_without_inodes_left_refuses_uploads_and_serves_pulls() {
    if !component("loop") {
        return;
    }
    let disk = Disk::make_with(FileSystem::Ext4, &["-N", "512"]);
    let wharf = Wharf::start_on(&disk.data()).await;
    let repository = wharf.admin().repository("acme/app");
    let image = Image::oci(1);
    repository.push_image(&image, "kept").await;
    repository.push_image(&image, "gone").await;
    let filler = disk.data().with_file_name("filler");
    fs::create_dir(&filler).unwrap();
    let taken = (0..).take_while(|number| File::create(filler.join(format!("{number}"))).is_ok()).count();
    assert!(taken < 1_000, "there are too many inodes");

    // A file begins with its first bytes.
    let content = noise(1, 1_000);
    let upload = repository.upload().await;
    upload.finish(&sha256(&content), content.clone()).await.is(507).first_error();
    repository.manifest("kept").await.is(200).has_body(&image.manifest);
    repository.blob(&sha256(&image.blobs[0])).await.is(200).has_body(&image.blobs[0]);
    // Manifests are rows, and rows need no file of their own.
    repository.put_manifest("more", image.media_type, &image.manifest).await.is(201);
    repository.delete_manifest("gone").await.is(202);

    fs::remove_dir_all(filler).unwrap();

    upload.finish(&sha256(&content), content).await.is(201);
    repository.push_image(&image, "again").await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_named() {
    if !component("loop") {
        return;
    }
    let disk = Disk::make(FileSystem::Ext4);
    let mut wharf = Wharf::laid_out_on(&disk.data(), &[]).await;
    fs::create_dir(disk.data()).unwrap();
    change_attribute("+i", &disk.data());

    wharf.spawn();
    assert!(wharf.ends_or_is_ready().await, "it serves what it cannot write");

    change_attribute("-i", &disk.data());
    let (said, path) = (wharf.log(), disk.data());
    let words = format!("the data directory {} cannot be used", path.display());
    assert!(said.contains(&words) && said.contains("Operation not permitted"), "{said}");
}

#[tokio::test]
async fn a_damaged_database_is_refused_by_its_name_and_not_touched() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    let repository = wharf.admin().repository("acme/app");
    // So much that SQLite carries its log over into the file.
    for number in 0..3_u8 {
        let noise = number.to_string().repeat(3_000_000);
        let long = Image::oci(1).edited(|manifest| manifest["annotations"] = json!({"noise": noise}));
        repository.push_image(&long, &format!("v{number}")).await;
    }
    wharf.kill();
    let path = wharf.data.join("wharf.sqlite");
    for beside in ["wharf.sqlite-wal", "wharf.sqlite-shm"] {
        fs::remove_file(wharf.data.join(beside)).unwrap();
    }
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 4_000_000, "{} bytes", whole.len());

    let no_header = [&noise(1, 100), &whole[100..]].concat();
    let no_pages = [&whole[..4096], &noise(2, whole.len() - 4096)].concat();
    let half = whole[..whole.len() / 8192 * 4096].to_vec();
    for (before, damaged) in [no_header, no_pages, half].into_iter().enumerate() {
        fs::write(&path, &damaged).unwrap();
        wharf.spawn();
        assert!(wharf.ends_or_is_ready().await, "it serves a damaged database");
        wharf.kill();
        let said = wharf.log();
        let words = format!("the database {} is damaged", path.display());
        assert_eq!(said.matches(&words).count(), before + 1, "{said}");
        assert!(said.contains("wharf restore"), "{said}");
        assert!(fs::read(&path).unwrap() == damaged, "it was changed");
    }

    fs::write(&path, whole).unwrap();
    wharf.restart().await;
    wharf.caller("admin", ADMIN_PASSWORD).get("/v2/").await.is(200);
}

fn change_attribute(how: &str, path: &Path) {
    let changed = Command::new("chattr").arg(how).arg(path).status().unwrap();
    assert!(changed.success(), "chattr {how} {}", path.display());
}
