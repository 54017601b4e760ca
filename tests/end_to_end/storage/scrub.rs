//! The scrub over a bucket that gives out other bytes than it was given, under nodes that share it.

use super::proxy::{Fault, Plan, Proxy};
use crate::harness::{Nodes, component, noise, storage};
use crate::operation::{metric, vanishes};

#[tokio::test]
async fn a_flipped_bit_in_a_bucket_is_found_by_one_node_and_served_by_none() {
    if !component("versitygw") {
        return;
    }
    let proxy = Proxy::start(&storage::endpoint()).await;
    let bucket = storage::bucket_through(&proxy.endpoint, "").unwrap();
    let settings = [
        ("WHARF_STORAGE", bucket.as_str()),
        ("WHARF_SCRUB_INTERVAL", "3s"),
        ("WHARF_HOUSEKEEPING_INTERVAL", "1s"),
    ];
    let Some(nodes) = Nodes::start_with(2, &settings).await else { return };
    let [one, two] = [0, 1].map(|number| nodes[number].admin().repository("acme/app"));
    let content = noise(1, 10_000);
    let digest = one.push_blob(&content).await;
    two.blob(&digest).await.is(200).has_body(&content);

    proxy.plan(Some(Plan { fault: Fault::Flipped, from: 0, times: usize::MAX }));
    vanishes(&two, &digest).await;
    proxy.plan(None);

    for repository in [&one, &two] {
        repository.blob(&digest).await.is(404);
        repository.head_blob(&digest).await.is(404);
    }
    let mut found = 0;
    for node in nodes.iter() {
        found += metric(node, "wharf_scrub_damaged_total").await;
    }
    assert!(found >= 1, "nobody counted it");
    two.push_blob(&content).await;
    for repository in [&one, &two] {
        repository.blob(&digest).await.is(200).has_body(&content);
        repository.head_blob(&digest).await.is(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_sets_aside_what_a_bucket_changed() {
    if !component("versitygw") {
        return;
    }
    let proxy = Proxy::start(&storage::endpoint()).await;
    let wharf = super::on(&storage::bucket_through(&proxy.endpoint, "").unwrap()).await;
    let repository = wharf.admin().repository("acme/app");
    let content = noise(1, 10_000);
    let digest = repository.push_blob(&content).await;

    proxy.plan(Some(Plan { fault: Fault::Flipped, from: 0, times: usize::MAX }));
    let repair = async || {
        let output = tokio::task::block_in_place(|| wharf.try_command(&["verify", "--repair"], ""));
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, told) = repair().await;
    proxy.plan(None);

    assert_eq!(code, Some(10), "{told}");
    assert!(told.starts_with(&format!("damaged: {digest}")), "{told}");
    repository.blob(&digest).await.is(404);
    repository.head_blob(&digest).await.is(404);
    repository.push_blob(&content).await;
    repository.blob(&digest).await.is(200).has_body(&content);
    let (code, told) = repair().await;
    assert_eq!(code, Some(0), "{told}");
}
