//! Bytes in a bucket, of Amazon S3 or of a server that speaks like it: `<prefix>/objects/<2 hex>/<uuid>`.
//!
//! An object is made in one call where it is smaller than a part, and else in parts that S3 puts together in the end;
//! nothing is ever copied or renamed. Several nodes may go on with one upload. What each of them needs stands in the
//! upload's row ([`state`]): the id S3 gave, the parts it took, and where the tail lies, the last bytes that do not
//! fill a part yet. Every answer that a client gets follows S3's own.

mod bucket;
mod buffer;
mod crypto;
mod leftovers;
mod payload;
mod probe;
mod reading;
mod settings;
mod state;
mod writer;

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use wharf_core::{BlobBody, ByteStream, Error, ObjectKey, Result, Subject, Timestamp};
use wharf_registry::port::{BlobStore, BlobWriter, Leftovers, Sink, StoreState};

pub use self::settings::S3Settings;
use self::{bucket::Bucket, payload::Payload, reading::Reading, state::State, writer::Writer};
use crate::{MARK, meters::BucketMeters};

/// No mark of ours is longer, in bytes.
const LONGEST_MARK: u64 = 64;

/// Objects in a bucket. An upload costs the memory of one part and of what the engine gathers meanwhile.
#[derive(Clone)]
pub struct S3Store(Arc<Bucket>);

impl S3Store {
    /// Opens a bucket, and sees that it does what objects need: with a small object called `probe`, which must be a
    /// name that no other node takes.
    ///
    /// # Errors
    /// `Invalid` and `Unavailable`, both in words that say what is wrong with bucket, keys or endpoint.
    pub async fn open(settings: &S3Settings, probe: &str) -> Result<Self> {
        let bucket = Arc::new(Bucket::new(settings)?);
        probe::expect_store(&bucket, probe).await?;
        Ok(Self(bucket))
    }

    /// What is counted of the calls.
    pub fn meters(&self) -> &BucketMeters {
        &self.0.meters
    }

    /// The mark on this storage, if it bears one.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    pub async fn mark(&self) -> Result<Option<String>> {
        let path = self.0.path(MARK);
        let Some(size) = self.0.size(&path).await? else { return Ok(None) };
        if size == 0 {
            return Ok(Some(String::new()));
        }
        let (_, reading) = Reading::begin(self.0.clone(), path, 0..size.min(LONGEST_MARK)).await?;
        let pieces: Vec<_> = reading.into_stream().try_collect().await.map_err(Error::unavailable)?;
        Ok(Some(String::from_utf8_lossy(&pieces.concat()).into_owned()))
    }

    /// Marks this storage, unless it bears a mark.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    pub async fn set_mark(&self, mark: &str) -> Result<()> {
        let bytes = Bytes::copy_from_slice(mark.as_bytes());
        self.0.put_new(&self.0.path(MARK), Payload::hash(vec![bytes]).await?).await.map(drop)
    }

    /// Begins to read a range, if the object is there and has this size.
    async fn begin(&self, key: ObjectKey, size: u64, range: Range<u64>) -> Result<Option<ByteStream>> {
        if range.is_empty() {
            let nothing: ByteStream = Box::pin(futures_util::stream::empty());
            return Ok(self.holds(key, size).await?.then_some(nothing));
        }
        let path = self.0.object(key);
        match Reading::begin(self.0.clone(), path, range).await {
            Ok((found, reading)) => Ok((found == size).then(|| reading.into_stream())),
            // A range behind the end of a shorter object is an error to S3, and to us a lost object.
            Err(error) => match self.holds(key, size).await? {
                true => Err(error),
                false => Ok(None),
            },
        }
    }
}

#[async_trait]
impl BlobStore for S3Store {
    async fn write_from(
        &self,
        key: ObjectKey,
        state: &StoreState,
        offset: u64,
    ) -> Result<Box<dyn BlobWriter>> {
        let state = State::read(state, self.0.part_size)?;
        Ok(Box::new(Writer::resume(self.0.clone(), key, state, offset)?))
    }

    /// What S3 answered for is there: the state knows.
    async fn written(&self, _: ObjectKey, state: &StoreState) -> Result<Option<u64>> {
        Ok(Some(State::read(state, self.0.part_size)?.length()))
    }

    async fn read(&self, key: ObjectKey, length: u64, sink: &mut Sink<'_>) -> Result<()> {
        let lost = || Error::not_found(Subject::Blob);
        let mut stream = self.begin(key, length, 0..length).await?.ok_or_else(lost)?;
        while let Some(bytes) = stream.try_next().await.map_err(Error::unavailable)? {
            sink(&bytes);
        }
        Ok(())
    }

    async fn holds(&self, key: ObjectKey, size: u64) -> Result<bool> {
        Ok(self.0.size(&self.0.object(key)).await? == Some(size))
    }

    async fn open(&self, key: ObjectKey, size: u64, range: Range<u64>) -> Result<Option<BlobBody>> {
        Ok(self.begin(key, size, range).await?.map(BlobBody::Stream))
    }

    async fn link(&self, key: ObjectKey) -> Result<Option<String>> {
        self.0.link(&self.0.object(key)).await
    }

    /// First what could still make an object of the key, then the object.
    async fn remove(&self, key: ObjectKey) -> Result<()> {
        self.clear(key).await?;
        self.0.delete(&self.0.object(key)).await
    }

    fn incarnation(&self) -> &str {
        "s3"
    }

    fn best_chunk(&self) -> Option<u64> {
        Some(self.0.part_size)
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }
}

#[async_trait]
impl Leftovers for S3Store {
    async fn list(&self, folder: u8) -> Result<Vec<String>> {
        let folder = format!("objects/{folder:02x}/");
        let objects = self.0.pages_of(&folder, usize::MAX).await?;
        Ok(objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect())
    }

    async fn leftovers(&self, before: Timestamp) -> Result<Vec<ObjectKey>> {
        let mut keys = self.0.parts_begun(before).await?;
        keys.extend(self.0.tails_left(before).await?);
        keys.sort_unstable_by_key(|key| key.to_row());
        keys.dedup();
        Ok(keys)
    }

    async fn clear(&self, key: ObjectKey) -> Result<()> {
        self.0.abort_all(key).await?;
        self.0.delete_tails(key).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server of `WHARF_TEST_S3`, a storage URL as in the configuration; keys are in the `AWS_…` variables.
    #[allow(
        clippy::disallowed_methods,
        reason = "the test command says through the environment where the server is"
    )]
    async fn store(prefix: &str) -> Option<S3Store> {
        let Ok(url) = std::env::var("WHARF_TEST_S3") else {
            assert!(std::env::var("CI").is_err(), "WHARF_TEST_S3 must be set in CI");
            eprintln!("skipped: WHARF_TEST_S3 names no server");
            return None;
        };
        let (bucket, query) = url.split_once('?').unwrap_or((&url, ""));
        let url = format!("{}/{prefix}-{}?{query}", bucket.trim_end_matches('/'), std::process::id());
        let settings = S3Settings::parse(&url, std::env::vars()).unwrap();
        Some(S3Store::open(&settings, "probe").await.unwrap())
    }

    #[tokio::test]
    async fn s3_keeps_the_contract() {
        let Some(store) = store("contract").await else { return };
        wharf_registry::contract::blob_store(&store).await;
        let far = Timestamp::from_microseconds(i64::MAX / 2);
        for key in store.leftovers(far).await.unwrap() {
            store.clear(key).await.unwrap();
        }
        assert_eq!(store.leftovers(far).await.unwrap(), []);
    }
}
