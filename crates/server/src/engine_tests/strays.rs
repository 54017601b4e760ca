//! Objects that no row leads to, on disk and in a bucket.

use wharf_blobs::S3Store;
use wharf_core::{ObjectKey, UploadId};
use wharf_registry::port::StoreState;

use super::{nodes::place, *};

const HOUR: i64 = 3600;
/// So many folders, one an hour.
const FOLDERS: i64 = 256;

/// An object that nobody began.
async fn leave(blobs: &dyn BlobStore) -> ObjectKey {
    let key = UploadId::new(Timestamp::default(), [7; 16]).object_key();
    let mut writer = blobs.write_from(key, &StoreState::new(), 0).await.unwrap();
    writer.write(&[Bytes::from_static(b"left")]).await.unwrap();
    writer.prepare().await.unwrap();
    writer.finish().await.unwrap();
    key
}

async fn is_there(blobs: &dyn BlobStore, key: ObjectKey) -> bool {
    let folder = key.folder();
    blobs.list(folder).await.unwrap().contains(&key.name())
}

async fn objects(blobs: &dyn BlobStore) -> usize {
    let mut objects = 0;
    for folder in 0..=255 {
        objects += blobs.list(folder).await.unwrap().len();
    }
    objects
}

/// Lets every folder have its turn, and then turns the clock back: nothing grows older by it.
async fn sweep_all(house: &House, registry: &Registry) -> Result<u64> {
    let mut swept = 0;
    for _ in 0..FOLDERS {
        swept += registry.sweep_strays().await?;
        house.clock.advance(HOUR);
    }
    house.clock.advance(-FOLDERS * HOUR);
    Ok(swept)
}

async fn pass(house: &House, registry: &Registry, seconds: i64) {
    house.clock.advance(seconds);
    registry.sweep(Duration::from_secs(seconds.unsigned_abs())).await.unwrap();
}

async fn only_the_stray_goes(house: &House, blobs: Arc<dyn BlobStore>) {
    let registry = house.node(house.database(), blobs.clone());
    pass(house, &registry, 1).await;
    let grant = push(&registry).await;
    let kept = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for text in kept {
        let digest = digest(Algorithm::Sha256, text.as_bytes());
        registry.push_blob(&grant, digest, body(&[text]), Taps::none()).await.unwrap();
    }
    let id = registry.begin_upload(&grant, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;
    registry.append(&grant, id, Offset::Here, body(&["under way"])).await.unwrap();
    let again = digest(Algorithm::Sha256, b"a");
    registry.push_blob(&grant, again, body(&["a"]), Taps::none()).await.unwrap();
    let (known, stray) = (objects(blobs.as_ref()).await, leave(blobs.as_ref()).await);

    assert_eq!(sweep_all(house, &registry).await.unwrap(), 1, "of {known} others a row knows");
    assert_eq!(sweep_all(house, &registry).await.unwrap(), 0, "by now a row knows it too");

    pass(house, &registry, HOUR - 1).await;
    assert_eq!(objects(blobs.as_ref()).await, known + 1, "not before the grace");
    pass(house, &registry, 1).await;
    assert!(!is_there(blobs.as_ref(), stray).await);
    assert_eq!(objects(blobs.as_ref()).await, known - 1, "it went, and the one whose bytes came anew");
    for text in kept {
        let digest = digest(Algorithm::Sha256, text.as_bytes());
        registry.open_blob(&pull(&registry).await, &digest).await.unwrap().body(0..1).await.unwrap();
    }
    let last = closing("under way, arrived", body(&[", arrived"]));
    registry.finish_upload(&push(&registry).await, id, last).await.unwrap();
}

#[tokio::test]
async fn a_stray_file_goes_after_the_grace_and_nothing_that_a_row_names() {
    let house = House::new().await;
    let blobs = Arc::new(FileStore::open(house.path(), "one").unwrap());
    only_the_stray_goes(&house, blobs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_in_a_bucket_goes_after_the_grace_and_nothing_that_a_row_names() {
    let house = House::new().await;
    let Some(place) = place("strays") else { return };
    let blobs = Arc::new(S3Store::open(&place, "strays").await.unwrap());
    only_the_stray_goes(&house, blobs).await;
}

#[tokio::test]
async fn a_database_that_knows_little_of_the_store_condemns_nothing() {
    let house = House::new().await;
    let blobs = Arc::new(FileStore::open(house.path(), "one").unwrap());
    let registry = house.node(house.database(), blobs.clone());
    let kept = digest(Algorithm::Sha256, b"kept");
    registry.push_blob(&push(&registry).await, kept, body(&["kept"]), Taps::none()).await.unwrap();
    let stray = leave(blobs.as_ref()).await;

    assert_eq!(sweep_all(&house, &registry).await.unwrap_err().kind(), Kind::Conflict);

    pass(&house, &registry, 48 * HOUR).await;
    assert!(is_there(blobs.as_ref(), stray).await);
}
