//! Conditional requests: entity tags are digests in quotes; a reader who has it gets 304, a writer who is late 412.

use bytes::Bytes;

use super::at;
use crate::harness::media_type::OCI_MANIFEST;
use crate::harness::{Answer, Image, Repository, noise, sha256};

fn quoted(digest: &str) -> String {
    format!("\"{digest}\"")
}

async fn ask(repository: &Repository, method: &str, path: &str, header: (&str, &str)) -> Answer {
    repository.caller.request(method, &repository.path(path)).header(header.0, header.1).send().await
}

/// Pushes an image's manifest under a tag, on a condition.
async fn push_if(repository: &Repository, tag: &str, image: &Image, header: (&str, &str)) -> Answer {
    let push = repository.manifest_push(tag, image.media_type, &image.manifest);
    push.header(header.0, header.1).send().await
}

/// A repository with two images, of which only the first has its manifest there, under `v1`.
async fn old_and_new(repository: &Repository) -> (Image, Image) {
    let (old, new) = (Image::oci(1), Image::oci(2));
    repository.push_image(&old, "v1").await;
    repository.push_blobs_of(&new).await;
    (old, new)
}

#[tokio::test]
async fn manifests_and_blobs_carry_their_digest_as_entity_tag() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    repository.push_blobs_of(&image).await;
    let (manifest, blob) = (image.digest(), sha256(&image.blobs[0]));

    let push = repository.put_manifest("v1", OCI_MANIFEST, &image.manifest).await.is(201);

    push.has_header("etag", &quoted(&manifest));
    for reference in ["v1", &manifest] {
        repository.manifest(reference).await.has_header("etag", &quoted(&manifest));
        repository.head_manifest(reference).await.has_header("etag", &quoted(&manifest));
    }
    repository.blob(&blob).await.has_header("etag", &quoted(&blob));
    repository.head_blob(&blob).await.has_header("etag", &quoted(&blob));
}

#[tokio::test]
async fn who_has_it_already_is_told_so_without_a_body() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    let manifest = repository.push_image(&image, "v1").await;
    let blob = sha256(&image.blobs[0]);

    for (path, digest) in [
        ("manifests/v1".to_owned(), &manifest),
        (format!("manifests/{manifest}"), &manifest),
        (format!("blobs/{blob}"), &blob),
    ] {
        let tag = quoted(digest);
        for known in [tag.as_str(), &format!("W/{tag}"), &format!("\"other\", {tag}"), "*"] {
            for method in ["GET", "HEAD"] {
                let answer = ask(&repository, method, &path, ("if-none-match", known)).await.is(304);
                answer.has_body(b"").has_header("etag", &tag).has_header("docker-content-digest", digest);
            }
        }
    }
}

#[tokio::test]
async fn who_has_something_else_gets_it_whole() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    let manifest = repository.push_image(&image, "v1").await;
    let blob = sha256(&image.blobs[0]);

    for other in [quoted(&sha256(b"other")), "\"other\"".to_owned(), quoted("sha256:short")] {
        let header = ("if-none-match", other.as_str());
        ask(&repository, "GET", "manifests/v1", header).await.is(200).has_body(&image.manifest);
        ask(&repository, "HEAD", &format!("manifests/{manifest}"), header).await.is(200);
        let path = format!("blobs/{blob}");
        ask(&repository, "GET", &path, header).await.is(200).has_body(&image.blobs[0]);
        ask(&repository, "HEAD", &path, header).await.is(200);
    }
    ask(&repository, "GET", "manifests/v2", ("if-none-match", "*")).await.is(404).error("MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn who_wants_something_else_is_told_that_it_is_not_there() {
    let (_wharf, repository) = at("acme/app").await;
    let image = Image::oci(1);
    let manifest = repository.push_image(&image, "v1").await;
    let blob = sha256(&image.blobs[0]);
    let other = quoted(&sha256(b"other"));

    for (path, digest) in [("manifests/v1".to_owned(), &manifest), (format!("blobs/{blob}"), &blob)] {
        for method in ["GET", "HEAD"] {
            ask(&repository, method, &path, ("if-match", &other)).await.is(412);
            for own in [quoted(digest), format!("{other}, {}", quoted(digest)), "*".to_owned()] {
                ask(&repository, method, &path, ("if-match", &own)).await.is(200);
            }
        }
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_fetched_again() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = old_and_new(&repository).await;
    let tag = quoted(&old.digest());
    ask(&repository, "GET", "manifests/v1", ("if-none-match", &tag)).await.is(304);

    repository.push_image(&new, "v1").await;

    let answer = ask(&repository, "GET", "manifests/v1", ("if-none-match", &tag)).await.is(200);
    answer.has_body(&new.manifest).has_header("etag", &quoted(&new.digest()));
}

#[tokio::test]
async fn a_push_over_what_its_writer_has_seen_moves_the_tag() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = old_and_new(&repository).await;

    push_if(&repository, "v1", &new, ("if-match", &quoted(&old.digest()))).await.is(201);
    push_if(&repository, "v1", &new, ("if-match", "*")).await.is(201);
    push_if(&repository, "v2", &new, ("if-none-match", "*")).await.is(201);

    for tag in ["v1", "v2"] {
        repository.manifest(tag).await.is(200).has_body(&new.manifest);
    }
}

#[tokio::test]
async fn a_push_over_something_else_is_refused_and_changes_nothing() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = old_and_new(&repository).await;
    let (old_tag, other) = (quoted(&old.digest()), quoted(&sha256(b"other")));

    for (tag, header) in [
        ("v1", ("if-match", other.as_str())),
        ("v1", ("if-match", "\"no digest\"")),
        ("v1", ("if-none-match", "*")),
        ("v1", ("if-none-match", &old_tag)),
        ("v2", ("if-match", &old_tag)),
        ("v2", ("if-match", "*")),
    ] {
        push_if(&repository, tag, &new, header).await.is(412).first_error();
    }

    repository.manifest("v1").await.is(200).has_body(&old.manifest);
    repository.manifest("v2").await.is(404);
    repository.manifest(&new.digest()).await.is(404);
    assert_eq!(repository.tags("").await.json()["tags"], serde_json::json!(["v1"]));
}

/// A push by digest moves the tags it brings: it is those that its writer has seen, and the digest stands for itself.
#[tokio::test]
async fn a_push_by_digest_moves_its_tags_only_where_each_is_what_its_writer_has_seen() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = old_and_new(&repository).await;
    let (seen, other) = (quoted(&old.digest()), quoted(&new.digest()));
    let both = format!("{}?tag=v1&tag=v2", new.digest());
    let (first, second) = (format!("{}?tag=v1", new.digest()), format!("{}?tag=v2", new.digest()));

    for (target, header) in [
        (&first, ("if-none-match", "*")),
        (&both, ("if-none-match", "*")),
        (&both, ("if-match", seen.as_str())),
        (&both, ("if-match", "*")),
        (&both, ("if-none-match", &seen)),
        (&first, ("if-match", &other)),
        (&second, ("if-match", &seen)),
    ] {
        push_if(&repository, target, &new, header).await.is(412).error("DENIED");
        repository.manifest("v1").await.is(200).has_body(&old.manifest);
        repository.manifest("v2").await.is(404);
        repository.manifest(&new.digest()).await.is(404);
    }

    push_if(&repository, &second, &new, ("if-none-match", "*")).await.is(201).has_header("oci-tag", "v2");
    push_if(&repository, &first, &new, ("if-none-match", &other)).await.is(201).has_header("oci-tag", "v1");
    push_if(&repository, &both, &new, ("if-match", &other)).await.is(201).has_header("oci-tag", "v1, v2");
    for tag in ["v1", "v2"] {
        repository.manifest(tag).await.is(200).has_body(&new.manifest);
    }
}

#[tokio::test]
async fn a_push_by_digest_without_tags_looks_whether_the_manifest_is_there() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = old_and_new(&repository).await;

    push_if(&repository, &old.digest(), &old, ("if-none-match", "*")).await.is(412).error("DENIED");
    push_if(&repository, &new.digest(), &new, ("if-match", "*")).await.is(412).error("DENIED");
    repository.manifest(&new.digest()).await.is(404);
    push_if(&repository, &old.digest(), &old, ("if-match", "*")).await.is(201);
    push_if(&repository, &new.digest(), &new, ("if-none-match", "*")).await.is(201);
}

#[tokio::test]
async fn of_several_writers_of_new_tags_by_digest_exactly_one_wins() {
    let (_wharf, repository) = at("acme/app").await;
    let writers: Vec<Image> = (1..=4).map(Image::oci).collect();
    for image in &writers {
        repository.push_blobs_of(image).await;
    }
    let targets: Vec<String> =
        writers.iter().map(|image| format!("{}?tag=v1&tag=v2", image.digest())).collect();

    let pushes = writers.iter().zip(&targets);
    let pushes = pushes.map(|(image, target)| push_if(&repository, target, image, ("if-none-match", "*")));
    let answers = futures_util::future::join_all(pushes).await;

    let (won, lost): (Vec<_>, Vec<_>) =
        writers.iter().zip(answers).partition(|(_, answer)| answer.status == 201);
    assert_eq!((won.len(), lost.len()), (1, 3));
    for (image, answer) in lost {
        answer.is(412);
        repository.manifest(&image.digest()).await.is(404);
    }
    for tag in ["v1", "v2"] {
        repository.manifest(tag).await.is(200).has_body(&won[0].0.manifest);
    }
}

#[tokio::test]
async fn of_several_writers_who_saw_the_same_exactly_one_wins() {
    let (wharf, operators) = at("acme/app").await;
    let old = Image::oci(1);
    operators.push_image(&old, "v1").await;
    let bearer = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let repository = bearer.repository("acme/app");
    let mut standing = old.digest();

    for round in 1..=5_u64 {
        let writers: Vec<Image> = (0..4).map(|one| Image::oci(round * 10 + one)).collect();
        for image in &writers {
            repository.push_blobs_of(image).await;
        }
        let seen = quoted(&standing);
        let pushes = writers.iter().map(|image| push_if(&repository, "v1", image, ("if-match", &seen)));
        let answers = futures_util::future::join_all(pushes).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            writers.iter().zip(answers).partition(|(_, answer)| answer.status == 201);
        assert_eq!((won.len(), lost.len()), (1, 3), "round {round}");
        for (image, answer) in lost {
            answer.is(412);
            repository.manifest(&image.digest()).await.is(404);
        }
        standing = won[0].0.digest();
        repository.manifest("v1").await.is(200).has_body(&won[0].0.manifest);
    }
}

#[tokio::test]
async fn of_several_writers_of_a_new_tag_exactly_one_wins() {
    let (_wharf, repository) = at("acme/app").await;
    let writers: Vec<Image> = (1..=4).map(Image::oci).collect();
    for image in &writers {
        repository.push_blobs_of(image).await;
    }

    let pushes = writers.iter().map(|image| push_if(&repository, "v1", image, ("if-none-match", "*")));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(pushes).await.iter().map(|answer| answer.status).collect();

    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412, 412, 412]);
}

#[tokio::test]
async fn a_range_counts_only_for_the_content_it_was_meant_for() {
    let (_wharf, repository) = at("acme/app").await;
    let content: Bytes = noise(1, 1_000);
    let digest = repository.push_blob(&content).await;
    let path = repository.path(&format!("blobs/{digest}"));
    let ask = async |range: &str, meant: &str| {
        let request = repository.caller.request("GET", &path).header("range", range);
        request.header("if-range", meant).send().await
    };

    let part = ask("bytes=100-199", &quoted(&digest)).await.is(206);
    part.has_body(&content[100..200]).has_header("content-range", "bytes 100-199/1000");
    ask("bytes=1000-", &quoted(&digest)).await.is(416);
    let weak = format!("W/{}", quoted(&digest));
    for other in [quoted(&sha256(b"other")), weak, digest, "Wed, 21 Oct 2015 07:28:00 GMT".to_owned()] {
        for range in ["bytes=100-199", "bytes=1000-"] {
            ask(range, &other).await.is(200).has_body(&content).lacks_header("content-range");
        }
    }
}

async fn delete_if(repository: &Repository, path: &str, header: (&str, &str)) -> Answer {
    ask(repository, "DELETE", path, header).await
}

#[tokio::test]
async fn only_what_is_expected_is_deleted() {
    let (_wharf, repository) = at("acme/app").await;
    let (old, new) = old_and_new(&repository).await;
    let blob = sha256(&old.blobs[0]);
    let other = quoted(&new.digest());

    for (path, digest) in [
        ("manifests/v1".to_owned(), old.digest()),
        (format!("blobs/{blob}"), blob.clone()),
        (format!("manifests/{}", old.digest()), old.digest()),
    ] {
        delete_if(&repository, &path, ("if-match", &other)).await.is(412).error("DENIED");
        delete_if(&repository, &path, ("if-none-match", "*")).await.is(412);
        repository.caller.get(&repository.path(&path)).await.is(200);
        delete_if(&repository, &path, ("if-match", &quoted(&digest))).await.is(202);
        repository.caller.get(&repository.path(&path)).await.is(404);
        delete_if(&repository, &path, ("if-match", "*")).await.is(404);
    }
}
