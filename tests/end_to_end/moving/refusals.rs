//! What backup and restore refuse, in words.

use super::{back_up, empty_house, restore, said, told};
use crate::harness::{Image, Wharf};

#[tokio::test]
async fn a_restore_needs_empty_stores_a_stopped_server_and_the_old_key() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    let directory = wharf.directory("backup");
    told(&back_up(&wharf, &directory));

    let refused = said(&restore(&wharf, &directory));
    assert!(refused.contains("stop it first"), "{refused}");
    wharf.stop().await;
    let refused = said(&restore(&wharf, &directory));
    assert!(refused.contains("the storage is not empty"), "{refused}");
    wharf.restart().await;
    wharf.admin().repository("acme/app").manifest("v1").await.is(200);

    let mut other = empty_house(&wharf).await;
    std::fs::remove_file(other.data.join("secret-key")).unwrap();
    let refused = said(&restore(&other, &directory));
    assert!(refused.contains("the secret key is not in the backup"), "{refused}");
    assert!(!other.data.join("wharf.sqlite").exists(), "nothing was made");
    std::fs::write(other.data.join("secret-key"), "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n").unwrap();
    let refused = said(&restore(&other, &directory));
    assert!(refused.contains("not the one this database was sealed with"), "{refused}");
    std::fs::copy(wharf.data.join("secret-key"), other.data.join("secret-key")).unwrap();
    told(&restore(&other, &directory));
    other.restart().await;
    other.admin().repository("acme/app").manifest("v1").await.is(200);

    let mut taken = empty_house(&wharf).await;
    taken.restart().await;
    taken.stop().await;
    let refused = said(&restore(&taken, &directory));
    assert!(refused.contains("is not empty"), "{refused}");
}

#[tokio::test]
async fn rows_that_were_changed_and_directories_of_others_are_refused() {
    let mut wharf = Wharf::start().await;
    let directory = wharf.directory("backup");
    told(&back_up(&wharf, &directory));
    wharf.stop().await;
    let rows = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let rows = rows.into_iter().find(|path| path.to_string_lossy().ends_with(".jsonl.gz")).unwrap();
    let mut bytes = std::fs::read(&rows).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&rows, bytes).unwrap();
    let refused = said(&restore(&empty_house(&wharf).await, &directory));
    assert!(refused.contains("the rows of the backup are damaged"), "{refused}");

    for inside in ["", "objects", "backups/today"] {
        let refused = said(&back_up(&wharf, &wharf.data.join(inside)));
        assert!(refused.contains("lies in the data directory"), "{inside}: {refused}");
    }
    assert!(!wharf.data.join("backups").exists());

    let occupied = wharf.directory("occupied");
    std::fs::write(occupied.join("a-thesis.tex"), "").unwrap();
    let refused = said(&back_up(&wharf, &occupied));
    assert!(refused.contains("holds other things than a backup"), "{refused}");
    assert_eq!(std::fs::read_dir(&occupied).unwrap().count(), 1);
}

#[tokio::test]
async fn a_database_that_a_refused_start_left_takes_a_restore() {
    let mut wharf = Wharf::start_in_files(&[]).await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    let directory = wharf.directory("backup");
    told(&back_up(&wharf, &directory));
    wharf.stop().await;

    let mut other = empty_house(&wharf).await;
    // An empty database that is there already meets the objects of another.
    std::fs::write(other.data.join("wharf.sqlite"), "").unwrap();
    let mark = other.data.join("objects/mark");
    std::fs::create_dir(other.data.join("objects")).unwrap();
    std::fs::write(&mark, "of another").unwrap();
    let refused = said(&other.try_command(&["gc"], ""));
    assert!(refused.contains("belongs to another database"), "{refused}");
    std::fs::remove_file(&mark).unwrap();
    told(&restore(&other, &directory));
    other.restart().await;
    other.admin().repository("acme/app").manifest("v1").await.is(200);
}
