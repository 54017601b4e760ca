//! A database and a storage that do not belong together are not served.

use std::{fs, path::PathBuf};

use crate::harness::{ADMIN_PASSWORD, IN_FILES, Image, Wharf};

async fn with_image() -> Wharf {
    let wharf = Wharf::start_in_files(&[]).await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
    wharf
}

/// What a start that is refused says.
fn refusal(wharf: &Wharf) -> String {
    let output = wharf.try_command(&["gc"], "");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_database_without_its_objects_is_refused_until_they_are_back() {
    let mut wharf = with_image().await;
    wharf.stop().await;
    let (objects, away) = (wharf.data.join("objects"), wharf.data.join("away"));
    fs::rename(&objects, &away).unwrap();
    let refused = refusal(&wharf);
    assert!(refused.contains("the storage is not the one they lie in"), "{refused}");

    fs::remove_dir_all(&objects).unwrap();
    fs::rename(&away, &objects).unwrap();
    wharf.restart().await;
    wharf.admin().repository("acme/app").manifest("v1").await.is(200);
}

#[tokio::test]
async fn objects_whose_database_is_gone_are_no_first_start() {
    let mut wharf = with_image().await;
    wharf.stop().await;
    for name in ["wharf.sqlite", "wharf.sqlite-wal", "wharf.sqlite-shm"] {
        let _ = fs::remove_file(wharf.data.join(name));
    }
    let refused = refusal(&wharf);
    assert!(refused.contains("the storage belongs to another database"), "{refused}");
    assert!(refusal(&wharf).contains("another database"), "the second time too");
}

/// A data directory that was never served from, and its folder of objects.
async fn not_served() -> (Wharf, PathBuf) {
    let password: &[_] = &[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD)];
    let wharf = Wharf::not_started(&[password, &IN_FILES].concat()).await;
    let objects = wharf.data.join("objects");
    fs::create_dir_all(&objects).unwrap();
    (wharf, objects)
}

#[tokio::test]
async fn a_start_that_its_storage_refuses_leaves_no_database_and_no_key() {
    let (mut wharf, objects) = not_served().await;
    for (name, words) in [("mark", "belongs to another database"), ("mark.new", "cannot be used")] {
        let in_the_way = objects.join(name);
        match name {
            "mark" => fs::write(&in_the_way, "of another").unwrap(),
            _ => fs::create_dir(&in_the_way).unwrap(),
        }
        let refused = refusal(&wharf);
        assert!(refused.contains(words), "{refused}");
        for made in ["wharf.sqlite", "secret-key", "admin-password"] {
            assert!(!wharf.data.join(made).exists(), "{name}: {made} was left behind");
        }
        let _ = fs::remove_file(&in_the_way).or_else(|_| fs::remove_dir(&in_the_way));
    }
    wharf.restart().await;
    wharf.admin().repository("acme/app").push_image(&Image::oci(1), "v1").await;
}
