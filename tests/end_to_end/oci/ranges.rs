//! Parts of a blob, by the `Range` header.

use bytes::Bytes;

use super::at;
use crate::harness::{Answer, Repository, Wharf, noise};

struct Served {
    _wharf: Wharf,
    repository: Repository,
    digest: String,
    content: Bytes,
}

/// A blob of a thousand bytes.
async fn served() -> Served {
    let (wharf, repository) = at("hello").await;
    let content = noise(1, 1_000);
    let digest = repository.push_blob(&content).await;
    Served { _wharf: wharf, repository, digest, content }
}

impl Served {
    async fn range(&self, range: &str) -> Answer {
        let path = self.repository.path(&format!("blobs/{}", self.digest));
        self.repository.caller.request("GET", &path).header("range", range).send().await
    }

    async fn gives(&self, range: &str, first: usize, last: usize) {
        let part = self.range(range).await.is(206).has_body(&self.content[first..=last]);
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/1000"), "{range}");
        assert_eq!(part.header("content-length"), (last - first + 1).to_string(), "{range}");
        assert_eq!(part.header("docker-content-digest"), self.digest);
    }

    async fn refuses(&self, range: &str) {
        let refused = self.range(range).await.is(416);
        assert_eq!(refused.header("content-range"), "bytes */1000", "{range}");
    }
}

#[tokio::test]
async fn a_range_from_first_to_last_is_served() {
    let blob = served().await;

    blob.gives("bytes=0-99", 0, 99).await;
    blob.gives("bytes=0-0", 0, 0).await;
    blob.gives("bytes=500-999", 500, 999).await;
    blob.gives("bytes=999-999", 999, 999).await;
}

#[tokio::test]
async fn an_open_range_is_served_to_the_end() {
    let blob = served().await;

    blob.gives("bytes=900-", 900, 999).await;
    blob.gives("bytes=0-", 0, 999).await;
}

#[tokio::test]
async fn a_suffix_is_served() {
    let blob = served().await;

    blob.gives("bytes=-100", 900, 999).await;
    blob.gives("bytes=-5000", 0, 999).await;
}

#[tokio::test]
async fn an_end_past_the_last_byte_is_clamped() {
    let blob = served().await;

    blob.gives("bytes=900-5000", 900, 999).await;
    blob.gives("bytes=0-9223372036854775807", 0, 999).await;
}

#[tokio::test]
async fn a_range_that_holds_nothing_is_refused() {
    let blob = served().await;

    blob.refuses("bytes=1000-1001").await;
    blob.refuses("bytes=1000-").await;
    blob.refuses("bytes=500-0").await;
    blob.refuses("bytes=-0").await;
}

#[tokio::test]
async fn a_range_that_is_none_harms_nobody() {
    let blob = served().await;

    for range in
        ["bytes=abc", "bytes", "lines=1-2", "bytes=0-1,5-6", "bytes=--1", "bytes=99999999999999999999-"]
    {
        blob.range(range).await.any_of(&[200, 206, 400, 416]);
    }
}

#[tokio::test]
async fn an_empty_blob_has_no_range() {
    let (_wharf, repository) = at("hello").await;
    let digest = repository.push_blob(&Bytes::new()).await;
    let path = repository.path(&format!("blobs/{digest}"));

    let answer = repository.caller.request("GET", &path).header("range", "bytes=0-0").send().await;

    answer.any_of(&[200, 416]);
}
