//! Where bytes live: the registry's [`BlobStore`](wharf_registry::port::BlobStore) over local files and memory.
//!
//! A file store promises what the registry builds on: the way to an object is durable when the object is made,
//! its bytes when it is finished, and the first flush that fails is the last. S3 will stand beside it.

mod disk;
mod files;
mod memory;
mod meters;

pub use disk::Space;
pub use files::FileStore;
pub use memory::MemoryStore;
pub use meters::Meters;
