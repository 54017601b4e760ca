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

/// What is no range, or several, is passed over (RFC 9110, section 14.2).
#[tokio::test]
async fn a_range_that_is_none_brings_the_whole_blob() {
    let blob = served().await;

    for range in [
        "bytes=abc",
        "bytes",
        "bytes=",
        "bytes=-",
        "lines=1-2",
        "bytes=0-1,5-6",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=0x1-2",
    ] {
        let whole = blob.range(range).await.is(200).has_body(&blob.content).lacks_header("content-range");
        whole.has_header("content-length", "1000").has_header("docker-content-digest", &blob.digest);
    }
    blob.refuses("bytes=99999999999999999999-").await;
}

/// `Range` is for GET alone (RFC 9110, section 14.2).
#[tokio::test]
async fn head_tells_of_the_whole_blob_whatever_range_is_asked_for() {
    let blob = served().await;
    let path = blob.repository.path(&format!("blobs/{}", blob.digest));

    for range in ["bytes=0-99", "bytes=1000-", "bytes=abc"] {
        let head = blob.repository.caller.request("HEAD", &path).header("range", range).send().await.is(200);
        head.has_body(b"").has_header("content-length", "1000").lacks_header("content-range");
    }
}

#[tokio::test]
async fn an_empty_blob_has_no_range() {
    let (_wharf, repository) = at("hello").await;
    let digest = repository.push_blob(&Bytes::new()).await;
    let path = repository.path(&format!("blobs/{digest}"));
    let ask = async |range: &str| repository.caller.request("GET", &path).header("range", range).send().await;

    for range in ["bytes=0-0", "bytes=0-", "bytes=-1"] {
        ask(range).await.is(416).has_header("content-range", "bytes */0").first_error();
    }
    ask("bytes=a-b").await.is(200).has_body(b"").has_header("content-length", "0");
}
