//! What an implementation of a port must keep. Each suite panics with the sentence that does not hold.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a suite fails by panicking"
)]
#![expect(clippy::disallowed_methods, reason = "a suite acts as a job, and reads the files it is given")]

mod blob_store;
mod collection;
mod facts;
mod governing;
mod inspection;
mod lookups;
mod referrers;
mod releases;
mod shown;
mod sources;
mod store;

pub use self::{
    blob_store::{blob_store, forgetful_blob_store},
    store::store,
};
