//! The distribution API over the wire, as the platform's operator sees it: who may do what is `identity` and
//! `access`.

mod blobs;
mod catalog;
mod chunks;
mod conditions;
mod deletion;
mod deletion_switch;
mod extensions;
mod framing;
mod interrupted;
mod manifest_refusals;
mod manifests;
mod missing_content;
mod mounts;
mod names;
mod ping;
mod proxying;
mod races;
mod ranges;
mod referrer_pages;
mod referrers;
mod remembered;
mod several_tags;
mod tags;
mod upload_script;
mod uploads;

use crate::harness::{Repository, Wharf};

/// A server, and the operator at a repository that the first push will create.
async fn at(repository: &str) -> (Wharf, Repository) {
    let wharf = Wharf::start().await;
    let repository = wharf.admin().repository(repository);
    (wharf, repository)
}
