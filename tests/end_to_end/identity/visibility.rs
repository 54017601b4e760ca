//! What may be known: a stranger learns nothing, a viewer learns no, anyone reads what is public.

use crate::harness::{Answer, Caller, Image, Repository, Wharf, sha256};

/// A server with `acme/app` in a private registry, holding an image under `v1`.
async fn acme() -> (Wharf, Image) {
    let wharf = Wharf::start().await;
    let image = Image::oci(1);
    wharf.admin().repository("acme/app").push_image(&image, "v1").await;
    (wharf, image)
}

/// Every way to read a repository.
async fn reads(repository: &Repository, image: &Image) -> Vec<Answer> {
    let blob = sha256(&image.blobs[0]);
    vec![
        repository.manifest("v1").await,
        repository.manifest(&image.digest()).await,
        repository.head_manifest("v1").await,
        repository.blob(&blob).await,
        repository.head_blob(&blob).await,
        repository.tags("").await,
    ]
}

/// Every way to change one.
async fn writes(repository: &Repository, image: &Image) -> Vec<Answer> {
    let blob = sha256(&image.blobs[0]);
    vec![
        repository.open_upload().await,
        repository.mount(&blob, Some("acme/app")).await,
        repository.put_manifest("v2", image.media_type, &image.manifest).await,
        repository.delete_manifest("v1").await,
        repository.delete_manifest(&image.digest()).await,
        repository.delete_blob(&blob).await,
    ]
}

#[tokio::test]
async fn a_stranger_finds_no_private_repository() {
    let (wharf, image) = acme().await;
    let stranger = wharf.add_user("sam", &[]);

    let private = stranger.repository("acme/app");
    for answer in reads(&private, &image).await.into_iter().chain(writes(&private, &image).await) {
        answer.is(404);
    }
}

#[tokio::test]
async fn a_private_repository_looks_to_a_stranger_as_if_it_never_was() {
    let (wharf, image) = acme().await;
    let stranger = wharf.add_user("sam", &[]);

    let private = reads(&stranger.repository("acme/app"), &image).await;
    let absent = reads(&stranger.repository("acmf/app"), &image).await;

    for (private, absent) in private.into_iter().zip(absent) {
        assert_eq!(private.status, absent.status);
        let named = String::from_utf8_lossy(&private.body).replace("acme", "acmf");
        assert_eq!(named, String::from_utf8_lossy(&absent.body), "{}", private.request);
    }
}

#[tokio::test]
async fn nobody_in_particular_is_challenged_at_a_private_repository() {
    let (wharf, image) = acme().await;
    let anonymous = wharf.anonymous();
    let with_token = anonymous.with_token(&["repository:acme/app:pull,push"]).await;

    for caller in [anonymous, with_token] {
        let private = caller.repository("acme/app");
        for answer in reads(&private, &image).await.into_iter().chain(writes(&private, &image).await) {
            let answer = answer.is(401);
            assert!(answer.challenge().get("scope").is_some_and(|scope| scope.contains("acme/app")));
        }
        for answer in reads(&caller.repository("nobody/nothing"), &image).await {
            answer.is(401);
        }
    }
}

#[tokio::test]
async fn a_viewer_reads_and_does_not_write() {
    let (wharf, image) = acme().await;
    let viewer = wharf.add_user("vera", &["acme:viewer"]).repository("acme/app");

    for answer in reads(&viewer, &image).await {
        answer.is(200);
    }
    for answer in writes(&viewer, &image).await {
        answer.is(403).error("DENIED");
    }
}

#[tokio::test]
async fn anyone_reads_a_public_registry_and_nobody_writes_to_it() {
    let (wharf, image) = acme().await;
    wharf.set_public("acme/main", true);
    let anonymous: Caller = wharf.anonymous();
    let with_token = anonymous.with_token(&["repository:acme/app:pull,push"]).await;
    let stranger = wharf.add_user("sam", &[]);

    for caller in [&anonymous, &with_token, &stranger] {
        for answer in reads(&caller.repository("acme/app"), &image).await {
            answer.is(200);
        }
    }
    for answer in writes(&with_token.repository("acme/app"), &image).await {
        answer.is(401);
    }
    for answer in writes(&stranger.repository("acme/app"), &image).await {
        answer.is(403).error("DENIED");
    }
}

#[tokio::test]
async fn a_registry_that_is_closed_again_is_closed_at_once() {
    let (wharf, image) = acme().await;
    wharf.set_public("acme/main", true);
    let bearer = wharf.anonymous().with_token(&["repository:acme/app:pull"]).await.repository("acme/app");
    bearer.manifest("v1").await.is(200);

    wharf.set_public("acme/main", false);

    for answer in reads(&bearer, &image).await {
        answer.is(401);
    }
}

#[tokio::test]
async fn a_public_registry_opens_no_other_of_its_organisation() {
    let (wharf, image) = acme().await;
    wharf.admin().repository("acme/team/app").push_image(&image, "v1").await;

    wharf.set_public("acme/team", true);

    wharf.anonymous().repository("acme/team/app").manifest("v1").await.is(200);
    wharf.anonymous().repository("acme/app").manifest("v1").await.is(401);
}

#[tokio::test]
async fn a_member_of_one_organisation_is_a_stranger_in_another() {
    let (wharf, image) = acme().await;
    wharf.found(&["globex"]).await;
    let owner = wharf.add_user("greta", &["globex:admin"]).repository("acme/app");

    for answer in reads(&owner, &image).await.into_iter().chain(writes(&owner, &image).await) {
        answer.is(404);
    }
}

#[tokio::test]
async fn only_the_operator_creates_by_pushing() {
    let (wharf, _image) = acme().await;
    let admin_of_acme = wharf.add_user("ada", &["acme:admin"]);

    admin_of_acme.repository("nobody/new").open_upload().await.is(404);
    wharf.admin().repository("nobody/new").open_upload().await.is(202);
    admin_of_acme.repository("acme/new").open_upload().await.is(202);
}
