//! The store of bytes: objects under keys that are never reused.
//!
//! An object is written from its first byte to its last under the key it keeps, by one writer at a time, and
//! never changed once finished. Files, memory and (next) S3 stand behind this.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::{BlobBody, ObjectKey, Result};

/// What a store wants to remember of an unfinished object between chunks, opaque to everyone else: nothing for
/// files, the upload's id and its parts for S3.
pub type StoreState = Vec<u8>;

/// Takes pieces of an object, in order.
pub type Sink<'a> = dyn FnMut(&[u8]) + Send + 'a;

/// How much a store still takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Everything.
    Enough,
    /// Nearly nothing: what has all its bytes may be finished, nothing new is taken.
    Scarce,
    /// Nothing but deletions.
    Spent,
}

/// Where bytes live.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Begins an object. When it returns, what leads to the object is durable; its bytes are not.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`.
    async fn create(&self, key: ObjectKey) -> Result<StoreState>;

    /// Goes on writing an unfinished object at `offset`; what lies behind it is cut off.
    ///
    /// # Errors
    /// `NotFound` when the object holds less than `offset` bytes; `Unavailable`.
    async fn resume(&self, key: ObjectKey, state: &StoreState, offset: u64) -> Result<Box<dyn BlobWriter>>;

    /// How many bytes of an unfinished object are there; `None` if it is not there at all.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn written(&self, key: ObjectKey, state: &StoreState) -> Result<Option<u64>>;

    /// Reads the first `length` bytes of an unfinished object, in order, in pieces.
    ///
    /// # Errors
    /// `NotFound` when there are fewer; `Unavailable`.
    async fn read(&self, key: ObjectKey, length: u64, sink: &mut Sink<'_>) -> Result<()>;

    /// Opens a finished object for reading; `None` when it is not there or is not `size` bytes long, in which
    /// case it must be treated as lost.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn open(&self, key: ObjectKey, size: u64) -> Result<Option<Box<dyn OpenObject>>>;

    /// Removes an object, finished or not. One that is not there is removed already.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn remove(&self, key: ObjectKey) -> Result<()>;

    /// A name that changes when bytes that were written but not finished may be lost: the machine's boot, for
    /// files. Progress saved under another incarnation is worth only what the bytes are worth.
    fn incarnation(&self) -> &str;

    /// How much the store still takes: everything, where nothing bounds it. It is asked before anything is taken;
    /// a writer of many bytes looks again by itself.
    ///
    /// # Errors
    /// `Unavailable` when that cannot be told.
    async fn room(&self) -> Result<Room> {
        Ok(Room::Enough)
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    async fn check(&self) -> Result<()>;
}

/// Writes one object, in order.
#[async_trait]
pub trait BlobWriter: Send {
    /// Appends bytes. They are handed over whole, so that the writer can share them with the hasher.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`. After an error nothing more may be written; the object can be resumed at
    /// the last offset that was saved.
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()>;

    /// Stops for now. What was written survives this process; the state goes to the upload's row.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`.
    async fn suspend(self: Box<Self>) -> Result<StoreState>;

    /// Ends the object. When it returns, every byte is on stable storage.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`. A failed flush is final: the object must be given up.
    async fn finish(self: Box<Self>) -> Result<()>;
}

/// An object that is there, of the right length.
#[async_trait]
pub trait OpenObject: Send + Sync {
    /// The bytes of a range that lies within the object and is small enough to be held.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn read(&self, range: Range<u64>) -> Result<Bytes>;

    /// The bytes of a range that lies within the object.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn body(self: Box<Self>, range: Range<u64>) -> Result<BlobBody>;
}
