//! Long lists of referrers: they come in pages, and following the links finds each exactly once.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::media_type::{OCI_INDEX, OCI_MANIFEST};
use crate::harness::token::encoded;
use crate::harness::{Repository, Wharf, sha256};

const TYPE: &str = "application/vnd.example; a=\"b\"&c+d";

/// A referrer that names nothing but its subject.
fn referrer(subject: &str, number: usize, text: &str) -> Bytes {
    let subject = json!({"mediaType": OCI_MANIFEST, "digest": subject, "size": 7});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "artifactType": TYPE, "manifests": [],
        "subject": subject, "annotations": {"number": number.to_string(), "text": text}});
    Bytes::from(index.to_string())
}

/// A repository with so many referrers of one subject, each with this text; and their digests.
async fn with_referrers(
    wharf: &Wharf,
    subject: &str,
    many: usize,
    text: &str,
) -> (Repository, BTreeSet<String>) {
    // By token: a password is slow to check.
    let bearer = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let repository = bearer.repository("acme/app");
    let referrers: Vec<Bytes> = (0..many).map(|number| referrer(subject, number, text)).collect();
    let digests: Vec<String> = referrers.iter().map(|bytes| sha256(bytes)).collect();
    for some in digests.iter().zip(&referrers).collect::<Vec<_>>().chunks(17) {
        let pushes = some.iter().map(|(digest, bytes)| repository.put_manifest(digest, OCI_INDEX, bytes));
        for answer in join_all(pushes).await {
            answer.is(201);
        }
    }
    (repository, digests.into_iter().collect())
}

/// The digests of each page, by following the links.
async fn pages(repository: &Repository, subject: &str, query: &str) -> Vec<Vec<String>> {
    let mut answer = repository.referrers(subject, query).await.is(200);
    let mut pages = Vec::new();
    loop {
        assert_eq!(answer.header("content-type"), OCI_INDEX);
        assert_eq!(answer.headers.contains_key("oci-filters-applied"), !query.is_empty());
        // Four megabytes of annotations and what stands around them, unless one referrer alone has more.
        assert!(answer.body.len() <= (4 << 20) + (1 << 20), "a page of {} bytes", answer.body.len());
        let body = answer.json();
        let digest = |one: &Value| one["digest"].as_str().unwrap().to_owned();
        pages.push(body["manifests"].as_array().expect("a list of manifests").iter().map(digest).collect());
        assert!(pages.len() < 100, "the pages never end");
        let Some(next) = answer.next_page() else { return pages };
        answer = repository.caller.get(&next).await.is(200);
    }
}

fn each_once(pages: &[Vec<String>], expected: &BTreeSet<String>) {
    let listed = pages.concat();
    assert_eq!(listed.len(), expected.len(), "some come twice, or not at all");
    assert_eq!(&listed.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn more_than_a_thousand_referrers_come_in_pages() {
    let wharf = Wharf::start().await;
    let subject = sha256(b"a subject");
    let (repository, expected) = with_referrers(&wharf, &subject, 1_003, "").await;

    for query in [String::new(), format!("?artifactType={}", encoded(TYPE))] {
        let pages = pages(&repository, &subject, &query).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 3], "{query}");
        each_once(&pages, &expected);
    }
    assert_eq!(pages(&repository, &subject, "?artifactType=").await.concat(), Vec::<String>::new());
}

#[tokio::test]
async fn long_annotations_come_in_shorter_pages() {
    let wharf = Wharf::start().await;
    let subject = sha256(b"a subject");
    let (repository, expected) = with_referrers(&wharf, &subject, 7, &"x".repeat(1 << 20)).await;

    let pages = pages(&repository, &subject, "").await;

    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    each_once(&pages, &expected);
}
