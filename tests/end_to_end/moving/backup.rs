//! What is restored is what was there.

use std::path::Path;

use super::furniture::{furnish, seen};
use super::load::{HURRY, back_up_under_load};
use super::{back_up, empty_house, restore, said, told};
use crate::harness::{ADMIN_PASSWORD, Image, Wharf, media_type, sha256};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_brings_back_all_that_was_acknowledged_before() {
    let hurry = [&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)][..], &HURRY].concat();
    let wharf = Wharf::start_with(&hurry).await;
    let paths = furnish(&wharf).await;
    let before = seen(&wharf, &paths).await;
    assert!(before.iter().filter(|(_, status, _)| *status == 200).count() > 2 * paths.len() - 4);
    let directory = wharf.directory("backup");

    let loaded = back_up_under_load(&wharf, &directory).await;

    assert!(loaded.told.contains("secret key is not in the backup"), "{}", loaded.told);
    let mut other = empty_house(&wharf).await;
    told(&restore(&other, &directory));
    other.restart().await;
    assert_eq!(seen(&other, &paths).await, before);
    loaded.is_in(&other).await;
    other.admin().repository("acme/new").push_image(&Image::oci(7), "v1").await;
    assert!(!other.log().contains("First start"), "{}", other.log());
    other.stop().await;
    told(&other.try_command(&["verify"], ""));
}

/// How many blobs a backup holds.
fn blobs_in(directory: &Path) -> usize {
    let folders = std::fs::read_dir(directory.join("blobs/sha256")).unwrap();
    folders.map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn the_next_backup_copies_only_what_is_new() {
    let wharf = Wharf::start().await;
    let (repository, directory) = (wharf.admin().repository("acme/app"), wharf.directory("backup"));
    repository.push_image(&Image::oci(1), "v1").await;
    let first = told(&back_up(&wharf, &directory));
    assert!(first.contains("3 blobs were copied, 0 were there already"), "{first}");
    repository.push_image(&Image::oci(2), "v2").await;
    let second = told(&back_up(&wharf, &directory));
    assert!(second.contains("3 blobs were copied, 3 were there already"), "{second}");
    assert_eq!(blobs_in(&directory), 6);
    let lacked = sha256(&Image::oci(2).blobs[0]);
    repository.delete_blob(&lacked).await.is(202);
    let sparse = wharf.directory("sparse");
    told(&back_up(&wharf, &sparse));
    let restored = restore(&empty_house(&wharf).await, &sparse);
    let named = format!("missing: acme/app@{} names {lacked}, which is not there", Image::oci(2).digest());
    assert_eq!(restored.status.code(), Some(10), "{}", said(&restored));
    let at_source = "what is wrong (1, above) was so at the source";
    assert!(said(&restored).contains(&named) && said(&restored).contains(at_source), "{}", said(&restored));
    repository.push_blob(&Image::oci(2).blobs[0]).await;

    let kept = sha256(&Image::oci(1).blobs[1]);
    let hex = kept.strip_prefix("sha256:").unwrap();
    let path = directory.join("blobs/sha256").join(&hex[..2]).join(hex);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    // The backup lost some of its own: its restore does not say that the source had.
    let restored = restore(&empty_house(&wharf).await, &directory);
    assert_eq!(restored.status.code(), Some(10), "{}", said(&restored));
    assert!(said(&restored).contains("(1, above) 1 is the backup's"), "{}", said(&restored));
    let third = wharf.try_command(&["backup", "--check", directory.to_str().unwrap()], "");
    assert_eq!(third.status.code(), Some(10), "{}", said(&third));
    for words in ["1 blobs were copied, 5 were there already", "1 blobs had other bytes in the backup"] {
        assert!(said(&third).contains(words), "{}", said(&third));
    }
    let names = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string());
    let rows = names.filter(|name| name.as_ref().unwrap().starts_with("rows-")).count();
    assert_eq!(rows, 1, "the rows of earlier backups are gone");
}

#[tokio::test]
async fn a_damaged_blob_is_named_with_its_tags_and_healed_by_the_next_push() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    let (image, directory) = (Image::oci(1), wharf.directory("backup"));
    let repository = wharf.admin().repository("acme/app");
    repository.push_image(&image, "v1").await;
    let index = Image::index(media_type::OCI_INDEX, &[&image]);
    repository.put_manifest("all", media_type::OCI_INDEX, &index).await.is(201);
    repository.push_image(&Image::oci(2), "whole").await;
    let damaged = sha256(&image.blobs[1]);
    wharf.flip_a_byte_of(&image.blobs[1]);

    let done = back_up(&wharf, &directory);

    assert_eq!(done.status.code(), Some(10), "{}", said(&done));
    let named = format!("damaged: {damaged}, needed by acme/app:all, acme/app:v1");
    assert!(said(&done).contains(&named), "{}", said(&done));
    wharf.stop().await;
    let mut other = empty_house(&wharf).await;
    let done = restore(&other, &directory);
    assert_eq!(done.status.code(), Some(10), "{}", said(&done));
    assert!(said(&done).contains(&named), "{}", said(&done));
    other.restart().await;
    let restored = other.admin().repository("acme/app");
    restored.manifest("whole").await.is(200);
    restored.blob(&damaged).await.is(404);
    restored.push_blob(&image.blobs[1]).await;
    restored.blob(&damaged).await.is(200).has_body(&image.blobs[1]);
}
