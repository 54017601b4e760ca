//! A commit that goes unanswered, and comes after all.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use wharf_blobs::FileStore;
use wharf_core::{Algorithm, Digest, Error, Kind, Reference, Result, gate::RepositoryId};
use wharf_hash::digest;
use wharf_meta::Database;
use wharf_registry::{
    Offset, Settings,
    port::{BlobRow, Lookups, ManifestRow, Operation, Store},
};

use super::{House, body, broken, closing, push, read};

/// A database of which one commit waits for a standby, say: it is under way, and comes before the next.
struct TardyStore {
    database: Database,
    is_tardy: AtomicBool,
    under_way: Mutex<Option<Arc<dyn Operation>>>,
}

#[async_trait]
impl Lookups for TardyStore {
    async fn manifest(&self, repository: RepositoryId, reference: &Reference) -> Result<Option<ManifestRow>> {
        self.database.manifest(repository, reference).await
    }

    async fn member(&self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>> {
        self.database.member(repository, digest).await
    }
}

#[async_trait]
impl Store for TardyStore {
    async fn write(&self, operation: Arc<dyn Operation>) -> Result<()> {
        if self.is_tardy.swap(false, Ordering::SeqCst) {
            *self.under_way.lock().unwrap() = Some(operation);
            return Err(Error::unavailable("nobody answered the commit"));
        }
        let before = self.under_way.lock().unwrap().take();
        if let Some(before) = before {
            self.database.write(before).await?;
        }
        self.database.write(operation).await
    }

    async fn read(&self, operation: Arc<dyn Operation>) -> Result<()> {
        self.database.read(operation).await
    }

    async fn check(&self) -> Result<()> {
        self.database.check().await
    }

    fn is_shared(&self) -> bool {
        self.database.is_shared()
    }
}

fn tardy(house: &House) -> (Arc<TardyStore>, wharf_registry::Registry) {
    let (database, is_tardy, under_way) = (house.database(), AtomicBool::new(false), Mutex::default());
    let store = Arc::new(TardyStore { database: database.clone(), is_tardy, under_way });
    let blobs = Arc::new(FileStore::open(house.path(), "one").unwrap());
    (store.clone(), house.beside(store, database, blobs, Settings::default()))
}

#[tokio::test]
async fn an_upload_that_was_ended_after_all_is_not_written_to_any_more() {
    let house = House::new().await;
    let (store, registry) = tardy(&house);
    let whole = digest(Algorithm::Sha256, b"some bytes");
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;

    store.is_tardy.store(true, Ordering::SeqCst);
    let unanswered = registry.finish_upload(&grant, id, closing("some bytes", body(&["some bytes"]))).await;
    assert_eq!(unanswered.unwrap_err().kind(), Kind::Unavailable);
    let again = registry.finish_upload(&grant, id, closing("some bytes", broken(&["some"]))).await;

    assert!(matches!(again.unwrap_err().kind(), Kind::NotFound(_)), "it is a blob");
    assert_eq!(read(&registry, &whole).await.unwrap(), b"some bytes");
}

#[tokio::test]
async fn a_chunk_that_was_kept_after_all_is_not_written_over() {
    let house = House::new().await;
    let (store, registry) = tardy(&house);
    let id = registry.begin_upload(&push(&registry).await, Algorithm::Sha256).await.unwrap().id;
    let grant = push(&registry).await;

    store.is_tardy.store(true, Ordering::SeqCst);
    let unanswered = registry.append(&grant, id, Offset::At(0), body(&["some "])).await;
    assert_eq!(unanswered.unwrap_err().kind(), Kind::Unavailable);
    let other = registry.append(&grant, id, Offset::At(0), body(&["other"])).await.unwrap_err();
    assert_eq!(other.kind(), Kind::OutOfRange, "{other}");

    let finished = registry.finish_upload(&grant, id, closing("some bytes", body(&["bytes"]))).await;
    assert_eq!(finished.unwrap().size, 10);
    assert_eq!(read(&registry, &digest(Algorithm::Sha256, b"some bytes")).await.unwrap(), b"some bytes");
}
