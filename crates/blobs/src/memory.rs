//! Bytes in memory: for tests, and for a registry that may forget.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use wharf_core::{BlobBody, Error, ObjectKey, Result, Subject};
use wharf_registry::port::{BlobStore, BlobWriter, Ended, Leftovers, Sink, StoreState, Unfinished};

type Objects = Arc<Mutex<HashMap<ObjectKey, Vec<u8>>>>;

/// Objects in memory. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryStore(Objects);

fn lock(objects: &Objects) -> MutexGuard<'_, HashMap<ObjectKey, Vec<u8>>> {
    objects.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn write_from(&self, key: ObjectKey, _: &StoreState, offset: u64) -> Result<Box<dyn BlobWriter>> {
        let mut objects = lock(&self.0);
        let offset = usize::try_from(offset).map_err(Error::internal)?;
        if offset == 0 {
            objects.insert(key, Vec::new());
        }
        match objects.get_mut(&key) {
            Some(object) if object.len() >= offset => object.truncate(offset),
            _ => return Err(Error::not_found(Subject::Blob)),
        }
        Ok(Box::new(MemoryWriter { objects: self.0.clone(), key }))
    }

    async fn written(&self, key: ObjectKey, _: &StoreState) -> Result<Option<u64>> {
        Ok(lock(&self.0).get(&key).map(|object| object.len() as u64))
    }

    async fn read(&self, key: ObjectKey, length: u64, sink: &mut Sink<'_>) -> Result<()> {
        let objects = lock(&self.0);
        let length = usize::try_from(length).map_err(Error::internal)?;
        let object = objects.get(&key).and_then(|object| object.get(..length));
        sink(object.ok_or_else(|| Error::not_found(Subject::Blob))?);
        Ok(())
    }

    async fn holds(&self, key: ObjectKey, size: u64) -> Result<bool> {
        Ok(lock(&self.0).get(&key).is_some_and(|object| object.len() as u64 == size))
    }

    async fn open(&self, key: ObjectKey, size: u64, range: Range<u64>) -> Result<Option<BlobBody>> {
        let objects = lock(&self.0);
        let Some(object) = objects.get(&key).filter(|object| object.len() as u64 == size) else {
            return Ok(None);
        };
        let start = usize::try_from(range.start).map_err(Error::internal)?;
        let end = usize::try_from(range.end).map_err(Error::internal)?;
        let part = object.get(start..end).map(Bytes::copy_from_slice);
        let part = part.ok_or_else(|| Error::internal("the range does not lie within the object"))?;
        Ok(Some(BlobBody::Stream(Box::pin(stream::once(async { Ok(part) })))))
    }

    async fn remove(&self, key: ObjectKey) -> Result<()> {
        lock(&self.0).remove(&key);
        Ok(())
    }

    fn incarnation(&self) -> &str {
        "memory"
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Leftovers for MemoryStore {
    async fn list(&self, folder: u8) -> Result<Vec<String>> {
        Ok(lock(&self.0).keys().filter(|key| key.folder() == folder).map(ObjectKey::name).collect())
    }
}

struct MemoryWriter {
    objects: Objects,
    key: ObjectKey,
}

#[async_trait]
impl BlobWriter for MemoryWriter {
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()> {
        let mut objects = lock(&self.objects);
        let object = objects.get_mut(&self.key).ok_or_else(|| Error::not_found(Subject::Blob))?;
        pieces.iter().for_each(|piece| object.extend_from_slice(piece));
        Ok(())
    }

    async fn suspend(self: Box<Self>, _: u64) -> Result<StoreState> {
        Ok(StoreState::new())
    }

    async fn finish(self: Box<Self>) -> Result<Ended, Unfinished> {
        Ok(Ended::Surely)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let store = MemoryStore::default();
        wharf_registry::contract::blob_store(&store).await;
        wharf_registry::contract::forgetful_blob_store(&store).await;
    }
}
