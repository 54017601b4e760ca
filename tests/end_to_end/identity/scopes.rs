//! Tokens that lack what they are used for: the refusal names the scope that another token should ask for.

use crate::harness::{Answer, Caller, Wharf, noise};

struct Acme {
    wharf: Wharf,
    writer: Caller,
    digest: String,
}

/// A private repository `acme/app` with a blob, and someone who may write there.
async fn acme() -> Acme {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let repository = wharf.admin().repository("acme/app");
    let digest = repository.push_blob(&noise(1, 1_000)).await;
    repository.push_empty_index(&["v1"]).await;
    let writer = wharf.add_user("wanda", &["acme:writer"]);
    Acme { wharf, writer, digest }
}

#[track_caller]
fn insufficient(answer: Answer, repository: &str, action: &str) {
    let answer = answer.is(401).error("UNAUTHORIZED");
    let challenge = answer.challenge();
    assert_eq!(challenge.scheme, "Bearer");
    assert_eq!(challenge.parameter("error"), "insufficient_scope");
    assert!(challenge.asks_for(repository, action), "{challenge:?}");
}

#[tokio::test]
async fn a_token_to_pull_does_not_push() {
    let acme = acme().await;

    let bearer = acme.writer.with_token(&["repository:acme/app:pull"]).await;

    bearer.repository("acme/app").manifest("v1").await.is(200);
    insufficient(bearer.repository("acme/app").open_upload().await, "acme/app", "push");
}

#[tokio::test]
async fn a_token_to_push_does_not_delete() {
    let acme = acme().await;

    let bearer = acme.writer.with_token(&["repository:acme/app:pull,push"]).await;

    insufficient(bearer.repository("acme/app").delete_manifest("v1").await, "acme/app", "delete");
    let bearer = acme.writer.with_token(&["repository:acme/app:pull,push,delete"]).await;
    bearer.repository("acme/app").delete_manifest("v1").await.is(202);
}

#[tokio::test]
async fn a_token_for_one_repository_opens_no_other() {
    let acme = acme().await;

    let bearer = acme.writer.with_token(&["repository:acme/other:pull"]).await;

    insufficient(bearer.repository("acme/app").manifest("v1").await, "acme/app", "pull");
    insufficient(bearer.repository("acme/app").blob(&acme.digest).await, "acme/app", "pull");
}

#[tokio::test]
async fn a_token_of_a_login_opens_nothing() {
    let acme = acme().await;

    let bearer = acme.writer.with_token(&[]).await;

    insufficient(bearer.repository("acme/app").tags("").await, "acme/app", "pull");
}

#[tokio::test]
async fn the_scope_asked_for_works() {
    let acme = acme().await;
    let anonymous = acme.wharf.anonymous().repository("acme/app");

    let refused = anonymous.manifest("v1").await.is(401);
    let challenge = refused.challenge();
    assert!(challenge.asks_for("acme/app", "pull"), "{challenge:?}");
    assert_eq!(challenge.get("error"), None, "who sent no token lacks no scope");
    let bearer = acme.writer.with_token(&[challenge.parameter("scope")]).await;
    bearer.repository("acme/app").manifest("v1").await.is(200);

    let refused = anonymous.open_upload().await.is(401);
    let challenge = refused.challenge();
    assert!(challenge.asks_for("acme/app", "push"), "{challenge:?}");
    let bearer = acme.writer.with_token(&[challenge.parameter("scope")]).await;
    bearer.repository("acme/app").open_upload().await.is(202);
}

#[tokio::test]
async fn a_mount_asks_for_its_source_too() {
    let acme = acme().await;
    acme.writer.repository("acme/target").push_empty_index(&["v1"]).await;

    let bearer = acme.writer.with_token(&["repository:acme/target:pull,push"]).await;
    let refused = bearer.repository("acme/target").mount(&acme.digest, Some("acme/app")).await;
    insufficient(refused, "acme/app", "pull");

    let scopes = ["repository:acme/target:pull,push", "repository:acme/app:pull"];
    let bearer = acme.writer.with_token(&scopes).await;
    bearer.repository("acme/target").mount(&acme.digest, Some("acme/app")).await.is(201);
}

#[tokio::test]
async fn a_mount_without_a_source_reads_only_what_its_token_reads() {
    let acme = acme().await;

    let bearer = acme.writer.with_token(&["repository:acme/target:pull,push"]).await;
    let refused = bearer.repository("acme/target").mount(&acme.digest, None).await;
    insufficient(refused, "acme/app", "pull");

    let scopes = ["repository:acme/target:pull,push", "repository:acme/app:pull"];
    let bearer = acme.writer.with_token(&scopes).await;
    bearer.repository("acme/target").mount(&acme.digest, None).await.is(201);
}

#[tokio::test]
async fn a_mount_without_a_source_finds_nothing_its_caller_may_not_read() {
    let acme = acme().await;
    let stranger = acme.wharf.add_user("sam", &["other:writer"]);

    stranger.repository("other/target").mount(&acme.digest, None).await.is(202);
}

#[tokio::test]
async fn a_token_that_lacks_what_its_owner_lacks_is_refused_as_the_owner_is() {
    let acme = acme().await;
    let viewer = acme.wharf.add_user("vera", &["acme:viewer"]);
    let stranger = acme.wharf.add_user("sam", &[]);
    let asked = ["repository:acme/app:pull,push"];

    let bearer = viewer.with_token(&asked).await;
    bearer.repository("acme/app").open_upload().await.is(403).error("DENIED");
    let bearer = stranger.with_token(&asked).await;
    bearer.repository("acme/app").manifest("v1").await.is(404);
}

#[tokio::test]
async fn a_scope_in_a_longer_spelling_means_the_same_repository() {
    let acme = acme().await;

    let bearer = acme.writer.with_token(&["repository:acme/main/app:pull"]).await;

    bearer.repository("acme/main/app").manifest("v1").await.is(200);
    bearer.repository("acme/app").manifest("v1").await.is(200);
}
