//! The bucket of the tests: `WHARF_TEST_S3` names it as a storage URL; its keys are in the `AWS_…` variables.

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

/// A place that nobody else uses, reached through this endpoint.
pub(super) fn own_place(endpoint: &str, parameters: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{}/end-to-end/{process}-{number}?endpoint={endpoint}{parameters}", split().0)
}

fn split() -> (String, String) {
    let url = std::env::var("WHARF_TEST_S3").expect("WHARF_TEST_S3 names the bucket of the tests");
    let (bucket, query) = url.split_once('?').expect("WHARF_TEST_S3 has an endpoint");
    (bucket.trim_end_matches('/').to_owned(), query.to_owned())
}
