//! Where the bytes of the servers under test live, if not in their data directories.
//!
//! `WHARF_TEST_S3` names a bucket for tests as a storage URL; its keys are in the `AWS_…` variables.
//! `WHARF_TEST_STORAGE=s3` lets every test use it that does not say otherwise, `s3&redirect=on` with that parameter.

use std::sync::atomic::{AtomicU32, Ordering};

use super::components::component;

/// A storage URL of its own in the bucket for tests, with these parameters beside the endpoint; `None`, said aloud,
/// where there is no such bucket.
pub(crate) fn bucket(parameters: &str) -> Option<String> {
    component("versitygw").then(|| own_place(&endpoint(), parameters))
}

/// As [`bucket`], through another endpoint.
pub(crate) fn bucket_through(endpoint: &str, parameters: &str) -> Option<String> {
    component("versitygw").then(|| own_place(endpoint, parameters))
}

/// Where the S3 server of the tests listens, with its scheme.
pub(crate) fn endpoint() -> String {
    let (_, query) = split();
    let endpoint = query.split('&').find_map(|parameter| parameter.strip_prefix("endpoint="));
    endpoint.expect("WHARF_TEST_S3 has an endpoint").to_owned()
}

/// What a server uses whose test says nothing about it.
pub(super) fn of_every_test() -> Option<String> {
    let wanted = std::env::var("WHARF_TEST_STORAGE").ok()?;
    let parameters = wanted.strip_prefix("s3").unwrap_or_else(|| panic!("no such storage: {wanted}"));
    Some(own_place(&endpoint(), parameters))
}

fn own_place(endpoint: &str, parameters: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{}/end-to-end/{process}-{number}?endpoint={endpoint}{parameters}", split().0)
}

fn split() -> (String, String) {
    let url = std::env::var("WHARF_TEST_S3").expect("WHARF_TEST_S3 names the bucket of the tests");
    let (bucket, query) = url.split_once('?').expect("WHARF_TEST_S3 has an endpoint");
    (bucket.trim_end_matches('/').to_owned(), query.to_owned())
}
