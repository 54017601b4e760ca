//! From one pair of stores to the other, and back.

use super::furniture::{furnish, seen};
use super::load::{HURRY, back_up_under_load};
use super::{back_up, restore, told};
use crate::harness::postgres::{Database, SECRET_KEY};
use crate::harness::{ADMIN_PASSWORD, Wharf, storage};

/// A house that never started, on these stores.
async fn house(database: &str, storage: &str) -> Wharf {
    let stores = [
        ("WHARF_DATABASE", database),
        ("WHARF_STORAGE", storage),
        ("WHARF_SECRET_KEY", SECRET_KEY),
        ("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD),
    ];
    Wharf::not_started(&[&stores[..], &HURRY].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_moves_to_postgres_and_a_bucket_and_back() {
    let Some(database) = Database::fresh().await else { return };
    let Some(bucket) = storage::bucket("") else { return };
    let mut small = house("sqlite", "file").await;
    small.restart().await;
    let paths = furnish(&small).await;
    let before = seen(&small, &paths).await;
    let directory = small.directory("backup");
    told(&back_up(&small, &directory));
    small.stop().await;

    let mut large = house(&database.url(), &bucket).await;
    let moved = told(&restore(&large, &directory));
    assert!(moved.contains("read everything again: all is right"), "{moved}");
    large.restart().await;
    assert_eq!(seen(&large, &paths).await, before);
    let loaded = back_up_under_load(&large, &directory).await;
    assert!(!loaded.told.contains(", 0 were there already"), "blobs keep their names: {}", loaded.told);
    told(&large.try_command(&["verify"], ""));
    large.stop().await;

    let mut back = house("sqlite", "file").await;
    let moved = told(&restore(&back, &directory));
    assert!(moved.contains("read everything again: all is right"), "{moved}");
    back.restart().await;
    assert_eq!(seen(&back, &paths).await, before);
    loaded.is_in(&back).await;
    told(&back.try_command(&["verify"], ""));
}
