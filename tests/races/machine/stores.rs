//! The stores behind the turnstile: each call waits for its turn.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use wharf_blobs::MemoryStore;
use wharf_core::{BlobBody, Digest, ObjectKey, Reference, Result, gate::RepositoryId};
use wharf_meta::Database;
use wharf_registry::port::{
    BlobRow, BlobStore, BlobWriter, Ended, Leftovers, Lookups, ManifestRow, Operation, Sink, Store,
    StoreState, Unfinished,
};

use super::turnstile::Turnstile;

/// A database whose transactions wait for their turn.
pub(super) struct TurnedStore {
    pub(super) database: Database,
    pub(super) turnstile: Arc<Turnstile>,
}

#[async_trait]
impl Lookups for TurnedStore {
    async fn manifest(&self, repository: RepositoryId, reference: &Reference) -> Result<Option<ManifestRow>> {
        self.turnstile.call().await;
        self.database.manifest(repository, reference).await
    }

    async fn member(&self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>> {
        self.turnstile.call().await;
        self.database.member(repository, digest).await
    }
}

#[async_trait]
impl Store for TurnedStore {
    async fn write(&self, operation: Arc<dyn Operation>) -> Result<()> {
        self.turnstile.call().await;
        self.database.write(operation).await
    }

    async fn read(&self, operation: Arc<dyn Operation>) -> Result<()> {
        self.turnstile.call().await;
        self.database.read(operation).await
    }

    async fn check(&self) -> Result<()> {
        self.database.check().await
    }

    fn is_shared(&self) -> bool {
        self.database.is_shared()
    }
}

/// Objects in memory, and which there are.
#[derive(Clone)]
pub(super) struct TurnedBlobs {
    objects: MemoryStore,
    keys: Arc<Mutex<BTreeSet<Vec<u8>>>>,
    turnstile: Arc<Turnstile>,
}

impl TurnedBlobs {
    pub(super) fn new(turnstile: Arc<Turnstile>) -> Self {
        Self { objects: MemoryStore::default(), keys: Arc::default(), turnstile }
    }

    pub(super) fn count(&self) -> usize {
        self.keys.lock().unwrap().len()
    }
}

#[async_trait]
impl BlobStore for TurnedBlobs {
    async fn write_from(
        &self,
        key: ObjectKey,
        state: &StoreState,
        offset: u64,
    ) -> Result<Box<dyn BlobWriter>> {
        self.turnstile.call().await;
        self.keys.lock().unwrap().insert(key.to_row());
        let (inner, turnstile) = (self.objects.write_from(key, state, offset).await?, self.turnstile.clone());
        Ok(Box::new(TurnedWriter { inner, turnstile }))
    }

    async fn written(&self, key: ObjectKey, state: &StoreState) -> Result<Option<u64>> {
        self.objects.written(key, state).await
    }

    async fn read(&self, key: ObjectKey, length: u64, sink: &mut Sink<'_>) -> Result<()> {
        self.objects.read(key, length, sink).await
    }

    async fn holds(&self, key: ObjectKey, size: u64) -> Result<bool> {
        self.turnstile.call().await;
        self.objects.holds(key, size).await
    }

    async fn open(&self, key: ObjectKey, size: u64, range: Range<u64>) -> Result<Option<BlobBody>> {
        self.turnstile.call().await;
        self.objects.open(key, size, range).await
    }

    async fn remove(&self, key: ObjectKey) -> Result<()> {
        self.turnstile.call().await;
        self.keys.lock().unwrap().remove(&key.to_row());
        self.objects.remove(key).await
    }

    fn incarnation(&self) -> &str {
        self.objects.incarnation()
    }

    async fn check(&self) -> Result<()> {
        self.objects.check().await
    }
}

#[async_trait]
impl Leftovers for TurnedBlobs {
    async fn list(&self, folder: u8) -> Result<Vec<String>> {
        self.turnstile.call().await;
        self.objects.list(folder).await
    }
}

struct TurnedWriter {
    inner: Box<dyn BlobWriter>,
    turnstile: Arc<Turnstile>,
}

#[async_trait]
impl BlobWriter for TurnedWriter {
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
        self.inner.write(pieces).await
    }

    async fn suspend(self: Box<Self>, offset: u64) -> Result<StoreState> {
        self.inner.suspend(offset).await
    }

    async fn finish(self: Box<Self>) -> Result<Ended, Unfinished> {
        self.turnstile.call().await;
        self.inner.finish().await
    }
}
