//! A registry with many repositories and tags, and the paths of those in it.
//!
//! It is filled by pushes, as users fill one. What is pushed are indexes of nothing: a manifest and a tag each, without a
//! blob that all repositories would have to be given first.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    Result,
    case::Crowd,
    client::{Body, Connection, Request, Sink},
    fixture::REPOSITORY,
    payload,
    peer::wharf::BASIC,
};

/// What the others are called, by number; they lie beside the one with half of the tags.
const OTHERS: &str = "bench/main/other";
/// The type of what is pushed.
pub(crate) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// How many connections fill it.
const CLIENTS: usize = 32;

/// How many names a page holds.
const PAGE: u32 = 100;

/// Pushes a crowd into the server at a host and port.
///
/// # Errors
/// Any push that is not a success.
pub(crate) async fn fill(authority: &str, crowd: Crowd) -> Result<()> {
    let paths = Arc::new(Mutex::new(paths(crowd)));
    let mut running = JoinSet::new();
    for _ in 0..CLIENTS {
        running.spawn(push_all(Connection::open(authority).await?, paths.clone()));
    }
    while let Some(pushed) = running.join_next().await {
        pushed??;
    }
    Ok(())
}

async fn push_all(mut connection: Connection, paths: Arc<Mutex<impl Iterator<Item = String>>>) -> Result<()> {
    let headers = format!("{BASIC}content-type: {INDEX_TYPE}\r\n");
    loop {
        let path = paths.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(target) = path else { return Ok(()) };
        let index = index(&target);
        let body = Body::Bytes(index.as_bytes());
        let request = Request { method: "PUT", target: &target, headers: &headers, body };
        connection.call(request, Sink::Nobody).await?;
    }
}

/// An index of nothing that differs from those with another title.
pub(crate) fn index(title: &str) -> String {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [],
        "annotations": {"org.opencontainers.image.title": title},
    });
    index.to_string()
}

/// Where each manifest goes.
fn paths(crowd: Crowd) -> impl Iterator<Item = String> {
    let one = (0..crowd.tags / 2).map(|tag| path(REPOSITORY, tag));
    let others = (0..crowd.tags / 2).map(move |tag| path(&other(tag % crowd.repositories), tag));
    one.chain(others)
}

fn path(repository: &str, tag: u64) -> String {
    format!("/v2/{repository}/manifests/{}", name_of(tag))
}

fn other(number: u64) -> String {
    format!("{OTHERS}-{number:06}")
}

fn name_of(tag: u64) -> String {
    format!("v{tag:07}")
}

/// A number below a bound, another one each time.
pub(crate) fn any(bound: u64) -> u64 {
    payload::scrambled(payload::number()) % bound
}

/// A manifest of the repository with half of the tags.
pub(crate) fn tag_path(crowd: Crowd) -> String {
    path(REPOSITORY, any(crowd.tags / 2))
}

/// A page of all repositories, from anywhere.
pub(crate) fn catalog_path(crowd: Crowd) -> String {
    format!("/v2/_catalog?n={PAGE}&last={}", other(any(crowd.repositories)))
}

/// A page of that repository's tags, from anywhere.
pub(crate) fn tags_path(crowd: Crowd) -> String {
    format!("/v2/{REPOSITORY}/tags/list?n={PAGE}&last={}", name_of(any(crowd.tags / 2)))
}
