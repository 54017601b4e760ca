//! The contract of lists of referrers.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde_json::json;
use wharf_core::{
    Digest, Page,
    gate::RepositoryId,
    manifest::{LARGEST, Manifest},
};

use super::store::{NOW, commit, digest, repository, view};
use crate::port::{NewManifest, ReferrerRow, ReferrersOf, Store};

/// A manifest about another one, with these annotations.
fn referrer(annotations: &BTreeMap<String, String>) -> NewManifest {
    let subject = json!({"mediaType": "a/b", "digest": digest("subject").to_string(), "size": 1});
    let body = json!({"schemaVersion": 2, "manifests": [], "subject": subject, "annotations": annotations})
        .to_string();
    let manifest = Manifest::parse(None, body.as_bytes()).unwrap();
    NewManifest::new(digest(&body), Bytes::from(body), Arc::new(manifest)).unwrap()
}

async fn list(store: &dyn Store, wanted: &ReferrersOf) -> Page<ReferrerRow> {
    view(store, wanted.clone(), |wanted, work| Box::pin(async move { work.referrers(wanted).await })).await
}

/// The pages one gets by asking for what comes after each.
async fn pages(store: &dyn Store, first: ReferrersOf) -> Vec<Vec<ReferrerRow>> {
    let (mut wanted, mut pages) = (first, Vec::new());
    loop {
        let Page { entries, more } = list(store, &wanted).await;
        wanted.last = entries.last().map(|row| row.digest);
        pages.push(entries);
        if !more {
            return pages;
        }
    }
}

pub(super) async fn a_page_of_referrers_ends_by_number_and_by_bytes(store: &dyn Store) {
    let repository = repository(store, "referrers/app").await;
    let long = |number: usize| BTreeMap::from([(format!("{number}\u{e9}\""), "x".repeat(1000))]);
    let all: Vec<_> = (0..9).map(long).collect();
    let mut stored: Vec<(Digest, String)> = Vec::new();
    for annotations in &all {
        let new = referrer(annotations);
        stored.push((new.digest, serde_json::to_string(annotations).unwrap()));
        insert(store, repository, new).await;
    }
    stored.sort_by_key(|(digest, _)| digest.to_row());
    let size = stored[0].1.len() as u64;
    let wanted = |artifact_type: Option<&str>, most: u32, most_bytes: u64| ReferrersOf {
        repository,
        subject: digest("subject"),
        artifact_type: artifact_type.map(str::to_owned),
        last: None,
        most,
        most_bytes,
    };
    for artifact_type in [None, Some("")] {
        let cases = [
            (9, u64::MAX, vec![9]),
            (4, u64::MAX, vec![4, 4, 1]),
            (9, 4 * size, vec![4, 4, 1]),
            (9, 5 * size - 1, vec![4, 4, 1]),
            (3, 4 * size, vec![3, 3, 3]),
            (9, 0, vec![1; 9]),
        ];
        for (most, most_bytes, lengths) in cases {
            let pages = pages(store, wanted(artifact_type, most, most_bytes)).await;
            assert_eq!(
                pages.iter().map(Vec::len).collect::<Vec<_>>(),
                lengths,
                "{most} of {most_bytes} bytes"
            );
            let listed = pages.into_iter().flatten().map(|row| (row.digest, row.annotations.unwrap()));
            assert_eq!(listed.collect::<Vec<_>>(), stored, "each once, in order, with what was stored");
        }
    }
    assert!(list(store, &wanted(Some("other"), 9, u64::MAX)).await.entries.is_empty());
    annotations_are_never_longer_than_their_manifest(store, repository).await;
}

async fn insert(store: &dyn Store, repository: RepositoryId, new: NewManifest) {
    commit(store, (repository, new), |(repository, new), work| {
        Box::pin(async move {
            work.show_repository(*repository).await?;
            work.insert_manifest(*repository, new, NOW).await
        })
    })
    .await
    .unwrap();
}

/// So that one referrer alone cannot pass what a page may hold.
async fn annotations_are_never_longer_than_their_manifest(store: &dyn Store, repository: RepositoryId) {
    let many = (0..100_000).map(|number| (format!("{number:x}"), "\u{1}\u{7f}\"\\/\u{1f980}".to_owned()));
    let new = referrer(&many.collect());
    assert!(new.bytes.len() < LARGEST && new.annotations.as_ref().unwrap().len() < new.bytes.len());
    insert(store, repository, new).await;
}
