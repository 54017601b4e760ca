//! A database and a storage that do not belong together are not served.

use std::fs;

use crate::harness::{Image, Wharf};

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
