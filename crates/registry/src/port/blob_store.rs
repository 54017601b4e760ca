//! The store of bytes: objects under keys that are never reused.
//!
//! An object is written from its first byte to its last under the key it keeps, by one writer at a time, and
//! never changed once finished. Files, S3 and memory stand behind this.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use wharf_core::{BlobBody, Error, ObjectKey, Result, Timestamp};

/// What a store wants to remember of an unfinished object between chunks, opaque to everyone else: nothing for
/// files; the upload's id, its parts and where its last bytes lie for S3. Nothing before the first bytes.
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
pub trait BlobStore: Leftovers {
    /// Writes an unfinished object from `offset` on; what lies behind it is cut off. From its first byte it begins, with
    /// no state.
    ///
    /// # Errors
    /// `NotFound` when the object holds less than `offset` bytes; `Unavailable`.
    async fn write_from(
        &self,
        key: ObjectKey,
        state: &StoreState,
        offset: u64,
    ) -> Result<Box<dyn BlobWriter>>;

    /// How many bytes of an unfinished object are there; `None` if it is not there at all, as before its first bytes.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn written(&self, key: ObjectKey, state: &StoreState) -> Result<Option<u64>>;

    /// Reads the first `length` bytes of an object, in order, in pieces. Of an unfinished one only where its bytes
    /// may be lost with the incarnation; nobody else has to read those.
    ///
    /// # Errors
    /// `NotFound` when there are fewer; `Unavailable`.
    async fn read(&self, key: ObjectKey, length: u64, sink: &mut Sink<'_>) -> Result<()>;

    /// Whether a finished object is there and `size` bytes long. If not, it must be treated as lost.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn holds(&self, key: ObjectKey, size: u64) -> Result<bool>;

    /// The bytes of a range that lies within a finished object of `size` bytes, for us and never as a redirect;
    /// `None` where [`BlobStore::holds`] would say no.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn open(&self, key: ObjectKey, size: u64, range: Range<u64>) -> Result<Option<BlobBody>>;

    /// A URL under which a client may fetch a finished object for a while, where the store gives such. It says
    /// nothing about whether the object is there.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn link(&self, _key: ObjectKey) -> Result<Option<String>> {
        Ok(None)
    }

    /// Removes an object, finished or not, with all that its upload left. One that is not there is removed already.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn remove(&self, key: ObjectKey) -> Result<()>;

    /// A name that changes when bytes that were written but not finished may be lost: the machine's boot, for
    /// files. Progress saved under another incarnation is worth only what the bytes are worth.
    fn incarnation(&self) -> &str;

    /// The size in bytes from which on a chunk costs no more than its bytes, where the store has one. Smaller ones
    /// are taken too.
    fn best_chunk(&self) -> Option<u64> {
        None
    }

    /// How much the store still takes: everything, where nothing bounds it. It is asked before anything is taken;
    /// a writer of many bytes looks again by itself.
    ///
    /// # Errors
    /// `Unavailable` when that cannot be told.
    async fn room(&self) -> Result<Room> {
        Ok(Room::Enough)
    }

    /// Whether the store answers. Writes nothing.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    async fn check(&self) -> Result<()>;
}

/// What may lie in a store that nothing needs: objects that no row leads to, and what uploads leave beside theirs in
/// stores where they do, unfinished parts and last bytes.
#[async_trait]
pub trait Leftovers: Send + Sync {
    /// The names of everything in one of the 256 folders of objects ([`ObjectKey::folder`]), without the folder's, in
    /// any order. Names that are nobody's keys are among them where somebody else put them there.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(&self, folder: u8) -> Result<Vec<String>>;

    /// Objects with leftovers that were begun before this moment.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn leftovers(&self, _before: Timestamp) -> Result<Vec<ObjectKey>> {
        Ok(Vec::new())
    }

    /// Removes the leftovers of an object that nobody writes to any more. A finished object stays.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn clear(&self, _key: ObjectKey) -> Result<()> {
        Ok(())
    }
}

/// Writes one object, in order.
#[async_trait]
pub trait BlobWriter: Send {
    /// Appends bytes. They are handed over whole, so that the writer can share them with the hasher.
    ///
    /// # Errors
    /// `StorageFull`; `TooLarge`; `NotFound` where the store has given the object up; `Unavailable`. After an error
    /// nothing more may be written, and the object not be finished; it can be suspended where it stood before.
    async fn write(&mut self, pieces: &[Bytes]) -> Result<()>;

    /// Stops for now after `offset` bytes of the object, which were written without an error. They survive this
    /// process; the state goes to the upload's row. What was written behind them may be lost.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`.
    async fn suspend(self: Box<Self>, offset: u64) -> Result<StoreState>;

    /// What the upload's row must hold before `finish` is called, so that of writers on several nodes only the one
    /// whose row stands ends the object. `None` where that is no matter. The row's offset does not move by it.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`.
    async fn prepare(&mut self) -> Result<Option<StoreState>> {
        Ok(None)
    }

    /// Ends the object. When it returns, every byte is on stable storage, and what leads to them.
    ///
    /// # Errors
    /// Those of [`Unfinished`].
    async fn finish(self: Box<Self>) -> Result<Ended, Unfinished>;
}

/// How an object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// As it was written.
    Surely,
    /// An object of the right length is there, but an answer was lost, and another writer may have made it: its bytes
    /// must be read before a row names them.
    Perhaps,
}

/// Why an object could not be finished, and what became of it.
#[derive(Debug)]
pub enum Unfinished {
    /// It must be given up: nobody knows what of it is stored, as after a flush that failed.
    Lost(Error),
    /// What the row tells of is still there, so that it can be tried again.
    Kept(Error),
}
