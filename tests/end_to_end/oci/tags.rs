//! The list of tags: its order, its pages, and the numbers it refuses.

use futures_util::future::join_all;
use serde_json::Value;

use super::at;
use crate::harness::media_type::OCI_INDEX;
use crate::harness::{Answer, Image, Repository};

fn names(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    let tags = body["tags"].as_array().expect("a list of tags");
    tags.iter().map(|tag| tag.as_str().unwrap().to_owned()).collect()
}

/// All tags, by following the links from a first query; and how many pages there were.
async fn pages(repository: &Repository, query: &str) -> Vec<Vec<String>> {
    let mut answer = repository.tags(query).await.is(200);
    let mut pages = vec![names(&answer)];
    while let Some(next) = answer.next_page() {
        answer = repository.caller.get(&next).await.is(200);
        pages.push(names(&answer));
        assert!(pages.len() < 100, "the pages never end");
    }
    pages
}

#[tokio::test]
async fn tags_are_listed_in_order() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["b", "a", "B", "_x", "1.10", "1.2", "a-b", "a.b", "a_b"]).await;

    let answer = repository.tags("").await.is(200).lacks_header("link");

    assert_eq!(answer.json()["name"], "acme/app");
    assert_eq!(names(&answer), ["1.10", "1.2", "B", "_x", "a", "a-b", "a.b", "a_b", "b"]);
    assert!(answer.header("content-type").starts_with("application/json"));
}

#[tokio::test]
async fn pages_of_tags_follow_each_other_without_gap() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["a", "b", "c", "d", "e"]).await;

    assert_eq!(pages(&repository, "?n=2").await, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    assert_eq!(pages(&repository, "?n=5").await.concat(), ["a", "b", "c", "d", "e"]);
    assert_eq!(pages(&repository, "?n=1").await.concat(), ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn a_page_that_is_the_last_has_no_link() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["a", "b", "c"]).await;

    repository.tags("?n=3").await.is(200).lacks_header("link");
    repository.tags("?n=4").await.is(200).lacks_header("link");
    assert!(repository.tags("?n=2").await.is(200).next_page().is_some());
}

#[tokio::test]
async fn tags_are_listed_after_any_name() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["a", "c", "e"]).await;

    for (query, expected) in [
        ("?last=a", vec!["c", "e"]),
        ("?last=b", vec!["c", "e"]),
        ("?last=e", vec![]),
        ("?n=1&last=a", vec!["c"]),
        ("?last=zzz", vec![]),
    ] {
        assert_eq!(names(&repository.tags(query).await.is(200)), expected, "{query}");
    }
}

#[tokio::test]
async fn a_page_of_none_is_empty_and_the_last() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["a", "b"]).await;

    let answer = repository.tags("?n=0").await.is(200).lacks_header("link");

    assert_eq!(names(&answer), Vec::<String>::new());
}

#[tokio::test]
async fn a_page_size_that_is_no_number_in_range_is_refused() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["a"]).await;

    for n in ["-1", "text", "1.5", "", "9223372036854775808", "99999999999999999999999", "0x10"] {
        repository.tags(&format!("?n={n}")).await.is(400).first_error();
        repository.caller.get(&format!("/v2/_catalog?n={n}")).await.is(400).first_error();
    }
}

#[tokio::test]
async fn a_larger_page_than_there_is_gets_clamped() {
    let (_wharf, repository) = at("acme/app").await;
    repository.push_empty_index(&["a", "b"]).await;

    for n in ["1000", "1001", "4294967296"] {
        assert_eq!(names(&repository.tags(&format!("?n={n}")).await.is(200)), ["a", "b"]);
    }
}

#[tokio::test]
async fn more_than_a_thousand_tags_come_in_pages() {
    let (wharf, _repository) = at("acme/app").await;
    // By token: a thousand checks of a password would take a minute.
    let bearer = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let repository = bearer.repository("acme/app");
    let tags: Vec<String> = (0..1_003).map(|i| format!("tag-{i:04}")).collect();
    let index = Image::index(OCI_INDEX, &[]);
    for some in tags.chunks(17) {
        let pushes = some.iter().map(|tag| repository.put_manifest(tag, OCI_INDEX, &index));
        for answer in join_all(pushes).await {
            answer.is(201);
        }
    }

    for query in ["", "?n=5000"] {
        let pages = pages(&repository, query).await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1_000, 3], "{query}");
        assert_eq!(pages.concat(), tags, "{query}");
    }
}

#[tokio::test]
async fn a_repository_that_never_was_has_no_tags() {
    let (_wharf, repository) = at("acme/app").await;

    repository.tags("").await.is(404).error("NAME_UNKNOWN");
}

#[tokio::test]
async fn a_repository_without_tags_lists_none() {
    let (_wharf, repository) = at("acme/app").await;
    let digest = crate::harness::sha256(&Image::index(OCI_INDEX, &[]));
    repository.push_empty_index(&[&digest]).await;

    let answer = repository.tags("").await.is(200);

    assert_eq!(answer.json()["tags"], Value::Array(vec![]));
}
