//! What the server remembers never outlives a change: while readers ask on and on, whoever was told of a change sees it,
//! and so does everybody who asks after that.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::{Answer, Caller, Image, Repository, Wharf, media_type::OCI_INDEX, sha256};

/// A server, `acme/app` as the operator under a token sees it, with an image under `v1`, and the image.
async fn track() -> (Wharf, Repository, Image) {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let repository =
        wharf.admin().with_token(&["repository:acme/app:pull,push,delete"]).await.repository("acme/app");
    let image = Image::oci(7);
    repository.push_image(&image, "v1").await;
    (wharf, repository, image)
}

/// Does something while others read.
async fn amid_readers<T>(repository: &Repository, reference: &str, change: impl Future<Output = T>) -> T {
    let is_over = AtomicBool::new(false);
    let reader = async || {
        while !is_over.load(Ordering::SeqCst) {
            repository.manifest(reference).await.any_of(&[200, 401, 404]);
        }
    };
    let change = async {
        let changed = change.await;
        is_over.store(true, Ordering::SeqCst);
        changed
    };
    let (changed, ..) = tokio::join!(change, reader(), reader(), reader());
    changed
}

fn index(number: u8) -> bytes::Bytes {
    let text = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"n":"N"}}"#;
    text.replace('N', &number.to_string()).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moved_is_read_where_it_points_now() {
    let (_wharf, repository, _) = track().await;
    let moves = async {
        for number in 0..30 {
            let manifest = index(number);
            repository.put_manifest("v1", OCI_INDEX, &manifest).await.is(201);
            assert_eq!(repository.manifest("v1").await.is(200).body, manifest, "move {number}");
        }
    };
    amid_readers(&repository, "v1", moves).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_is_never_read_again() {
    let (_wharf, repository, image) = track().await;
    let (digest, blob) = (image.digest(), sha256(&image.blobs[0]));
    let deletions = async {
        for _ in 0..10 {
            repository.manifest("v1").await.is(200);
            repository.delete_manifest("v1").await.is(202);
            repository.manifest("v1").await.is(404);
            repository.manifest(&digest).await.is(200);
            repository.delete_manifest(&digest).await.is(202);
            repository.manifest(&digest).await.is(404);
            repository.blob(&blob).await.is(200);
            repository.delete_blob(&blob).await.is(202);
            repository.blob(&blob).await.is(404);
            repository.push_image(&image, "v1").await;
        }
    };
    amid_readers(&repository, "v1", deletions).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_opens_and_closes_does_so_at_once() {
    let (wharf, repository, image) = track().await;
    let nobody =
        async || wharf.anonymous().with_token(&["repository:acme/app:pull"]).await.repository("acme/app");
    wharf.set_public("acme/main", true);
    let stranger = nobody().await;
    let blob = sha256(&image.blobs[0]);
    let changes = async {
        for public in [true, false, true, false] {
            wharf.set_public("acme/main", public);
            let expected = if public { 200 } else { 401 };
            stranger.manifest("v1").await.is(expected);
            stranger.blob(&blob).await.is(expected);
        }
    };
    amid_readers(&stranger, "v1", changes).await;
    repository.manifest("v1").await.is(200);
}

async fn read(caller: &Caller) -> Answer {
    caller.repository("acme/app").manifest("v1").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_ends_with_the_password_it_was_given_for() {
    let (wharf, ..) = track().await;
    let alice = wharf.add_user("alice", &["acme:viewer"]);
    let token = alice.with_token(&["repository:acme/app:pull"]).await;
    let change = async {
        read(&token).await.is(200);
        wharf.change_password("alice", "another-password-of-alice");
        read(&token).await.is(401);
        read(&alice).await.is(401);
    };
    amid_readers(&token.repository("acme/app"), "v1", change).await;
}
