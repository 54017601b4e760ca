//! Where bytes live: the registry's [`BlobStore`](wharf_registry::port::BlobStore) over local files, S3 and memory.
//!
//! A file store promises what the registry builds on: the way to an object is durable when the object is made,
//! its bytes when it is finished, and the first flush that fails is the last. For S3 the promise is its own: nothing
//! is said before it answered.

mod disk;
mod files;
mod memory;
mod meters;
mod opened;
mod s3;
mod shared_flush;

pub use disk::Space;
pub use files::{FileStore, OBJECTS};
pub use memory::MemoryStore;
pub use meters::{BucketMeters, CallMeter, FileMeters};
pub use s3::{S3Settings, S3Store};

/// What the mark on a store is called: the word that tells it from the store of another database.
const MARK: &str = "mark";
