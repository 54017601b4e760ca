//! What an implementation of a port must keep. Each suite panics with the sentence that does not hold.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a suite fails by panicking")]

mod blob_store;
mod store;

pub use self::{blob_store::blob_store, store::store};
