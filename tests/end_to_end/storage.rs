//! Bytes in a bucket: uploads that go on, redirects, and an S3 that fails at any call.
//!
//! The S3 server is a real one, `versitygw`. What goes wrong goes wrong between it and Wharf, in `proxy`.

mod faults;
mod metrics;
mod mistakes;
mod proxy;
mod redirects;
mod scrub;
mod uploads;

use crate::harness::{ADMIN_PASSWORD, Repository, Wharf, storage};

/// A server whose bytes live in a bucket, and the operator at a repository; nothing where there is no bucket.
async fn at(parameters: &str) -> Option<(Wharf, Repository)> {
    let storage = storage::bucket(parameters)?;
    let wharf = on(&storage).await;
    let repository = wharf.admin().repository("acme/app");
    Some((wharf, repository))
}

async fn on(storage: &str) -> Wharf {
    Wharf::start_with(&[("WHARF_ADMIN_PASSWORD", ADMIN_PASSWORD), ("WHARF_STORAGE", storage)]).await
}
