//! One push of a manifest by its digest that sets several tags.

use super::at;
use crate::harness::media_type::OCI_MANIFEST;
use crate::harness::{Answer, Image, Repository, sha512};

/// `digest?tag=…&tag=…`
fn reference<T: AsRef<str>>(digest: &str, tags: &[T]) -> String {
    let parameters: Vec<String> = tags.iter().map(|tag| format!("tag={}", tag.as_ref())).collect();
    format!("{digest}?{}", parameters.join("&"))
}

/// The tags that an answer says were set, one header or several.
fn tags_set(answer: &Answer) -> Vec<String> {
    let values = answer.headers.get_all("oci-tag").iter().map(|value| value.to_str().unwrap());
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect()
}

async fn nothing_was_set(repository: &Repository, image: &Image) {
    repository.manifest(&image.digest()).await.is(404);
    repository.tags("").await.any_of(&[200, 404]);
    for tag in ["a", "b"] {
        repository.manifest(tag).await.is(404);
    }
}

#[tokio::test]
async fn several_tags_are_set_by_one_push() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;

    for digest in [image.digest(), sha512(&image.manifest)] {
        let target = reference(&digest, &["a", "b"]);
        let push = repository.put_manifest(&target, OCI_MANIFEST, &image.manifest).await.is(201);

        assert_eq!(tags_set(&push), ["a", "b"]);
        assert_eq!(push.header("docker-content-digest"), digest);
        repository.caller.get(&push.location()).await.is(200).has_body(&image.manifest);
        for tag in ["a", "b"] {
            let answer = repository.manifest(tag).await.is(200).has_body(&image.manifest);
            assert_eq!(answer.header("docker-content-digest"), digest);
        }
    }
    assert_eq!(repository.tags("").await.json()["tags"], serde_json::json!(["a", "b"]));
}

#[tokio::test]
async fn tags_that_stood_elsewhere_move_together() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = (Image::oci(1), Image::oci(2));
    repository.push_image(&old, "a").await;
    repository.push_image(&old, "kept").await;
    repository.push_blobs_of(&new).await;

    let target = reference(&new.digest(), &["a", "b"]);
    repository.put_manifest(&target, OCI_MANIFEST, &new.manifest).await.is(201);

    repository.manifest("a").await.is(200).has_body(&new.manifest);
    repository.manifest("b").await.is(200).has_body(&new.manifest);
    repository.manifest("kept").await.is(200).has_body(&old.manifest);
}

#[tokio::test]
async fn a_push_without_tags_says_none() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;

    let push = repository.put_manifest(&image.digest(), OCI_MANIFEST, &image.manifest).await.is(201);

    push.lacks_header("oci-tag");
}

/// As long as a tag may be.
fn long_tags(many: usize) -> Vec<String> {
    (0..many).map(|number| format!("tag-{number:03}-{:x>120}", "")).collect()
}

/// Each of these must be named by the answer in a way that clients read: many take no more than 100 headers.
#[tokio::test]
async fn a_hundred_tags_are_set_by_one_push() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    let tags = long_tags(100);

    let target = reference(&image.digest(), &tags);
    let push = repository.put_manifest(&target, OCI_MANIFEST, &image.manifest).await.is(201);

    assert_eq!(tags_set(&push), tags);
    assert_eq!(repository.tags("").await.json()["tags"], serde_json::json!(tags));
}

#[tokio::test]
async fn more_than_a_hundred_tags_are_too_many_and_none_is_set() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    let tags = long_tags(101);

    let target = reference(&image.digest(), &tags);
    repository.put_manifest(&target, OCI_MANIFEST, &image.manifest).await.is(414).first_error();

    nothing_was_set(&repository, &image).await;
    repository.manifest(&tags[0]).await.is(404);
}

#[tokio::test]
async fn one_bad_tag_sets_none() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;

    for bad in ["", ".hidden", "-dash", "with%20blank", "a%2Cb", "a:b", &"x".repeat(129)] {
        for tags in [["a", "b", bad], [bad, "a", "b"]] {
            let target = reference(&image.digest(), &tags);
            let refused = repository.put_manifest(&target, OCI_MANIFEST, &image.manifest).await;
            refused.is(400).first_error();
        }
    }
    nothing_was_set(&repository, &image).await;
}

/// The specification has `?tag=` for what is pushed by its digest, and no word for this.
#[tokio::test]
async fn tags_beside_a_tag_are_refused_and_none_is_set() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;

    for target in ["a?tag=b", "a?tag=a", "a?tag=b&tag=c"] {
        let refused = repository.put_manifest(target, OCI_MANIFEST, &image.manifest).await.is(400);
        refused.error("MANIFEST_INVALID").lacks_header("oci-tag");
    }

    nothing_was_set(&repository, &image).await;
}

#[tokio::test]
async fn a_manifest_that_is_refused_sets_no_tag() {
    let (_wharf, repository) = at("acme/app").await;
    let (image, other) = (Image::oci(1), Image::oci(2));
    repository.push_blobs_of(&other).await;

    let incomplete = reference(&image.digest(), &["a", "b"]);
    let answer = repository.put_manifest(&incomplete, OCI_MANIFEST, &image.manifest).await;
    answer.any_of(&[400, 404]).error("MANIFEST_BLOB_UNKNOWN");
    let wrong = reference(&image.digest(), &["a", "b"]);
    repository.put_manifest(&wrong, OCI_MANIFEST, &other.manifest).await.is(400).error("DIGEST_INVALID");

    nothing_was_set(&repository, &image).await;
    nothing_was_set(&repository, &other).await;
}
