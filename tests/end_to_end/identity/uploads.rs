//! An upload belongs to the one who opened it and to the repository it was opened in.

use crate::harness::{Answer, Caller, Upload, Wharf, noise, sha256};

struct Acme {
    wharf: Wharf,
    alice: Caller,
    bob: Caller,
}

/// Two who may write to the same organisation.
async fn acme() -> Acme {
    let wharf = Wharf::start().await;
    wharf.found(&["acme"]).await;
    let alice = wharf.add_user("alice", &["acme:writer"]);
    let bob = wharf.add_user("bob", &["acme:writer"]);
    Acme { wharf, alice, bob }
}

/// All that can be done with an upload's URL.
async fn tried(upload: &Upload) -> Vec<Answer> {
    let mut upload = upload.clone();
    let content = noise(9, 100);
    vec![
        upload.status().await,
        upload.append(content.clone()).await,
        upload.chunk("0-99", content.clone()).await,
        upload.finish(&sha256(&content), content.clone()).await,
        upload.cancel().await,
    ]
}

#[tokio::test]
async fn an_upload_is_closed_to_another_writer() {
    let acme = acme().await;
    let content = noise(1, 5_000);
    let mut upload = acme.alice.repository("acme/app").upload().await;
    upload.append(content.slice(..2_000)).await.is(202);

    for answer in tried(&upload.as_seen_by(&acme.bob)).await {
        answer.is(404).error("BLOB_UPLOAD_UNKNOWN");
    }
    for answer in tried(&upload.as_seen_by(&acme.wharf.admin())).await {
        answer.is(404).error("BLOB_UPLOAD_UNKNOWN");
    }
    for answer in tried(&upload.as_seen_by(&acme.wharf.anonymous())).await {
        answer.is(401);
    }

    upload.status().await.is(204).has_header("range", "0-1999");
    upload.finish(&sha256(&content), content.slice(2_000..)).await.is(201);
}

#[tokio::test]
async fn an_upload_is_closed_to_who_may_not_write_there() {
    let acme = acme().await;
    let upload = acme.alice.repository("acme/app").upload().await;
    let viewer = acme.wharf.add_user("vera", &["acme:viewer"]);
    let stranger = acme.wharf.add_user("sam", &[]);

    for answer in tried(&upload.as_seen_by(&viewer)).await {
        answer.is(403).error("DENIED");
    }
    for answer in tried(&upload.as_seen_by(&stranger)).await {
        answer.is(404);
    }
}

#[tokio::test]
async fn an_upload_is_not_found_under_another_repository() {
    let acme = acme().await;
    let upload = acme.alice.repository("acme/app").upload().await;
    acme.alice.repository("acme/other").push_blob(&noise(2, 10)).await;
    let location = upload.location.replace("acme/app", "acme/other");
    assert_ne!(location, upload.location);

    for answer in tried(&Upload { location, ..upload.clone() }).await {
        answer.is(404).error("BLOB_UPLOAD_UNKNOWN");
    }

    upload.status().await.is(204);
}

#[tokio::test]
async fn an_upload_is_not_found_under_another_organisation() {
    let acme = acme().await;
    acme.wharf.found(&["globex"]).await;
    let eve = acme.wharf.add_user("eve", &["globex:writer"]);
    let upload = acme.alice.repository("acme/app").upload().await;
    let location = upload.location.replace("acme/app", "globex/app");

    for answer in tried(&Upload { location, ..upload.as_seen_by(&eve) }).await {
        answer.is(404).error("BLOB_UPLOAD_UNKNOWN");
    }

    upload.status().await.is(204);
}

#[tokio::test]
async fn an_upload_goes_on_under_a_renewed_token() {
    let acme = acme().await;
    let content = noise(3, 5_000);
    let scopes = ["repository:acme/app:pull,push"];
    let first = acme.alice.with_token(&scopes).await;
    let mut upload = first.repository("acme/app").upload().await;
    upload.append(content.slice(..2_000)).await.is(202);

    // Tokens made in the same second would be equal.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let second = acme.alice.with_token(&scopes).await;
    let mut upload = upload.as_seen_by(&second);
    upload.append(content.slice(2_000..)).await.is(202);
    upload.as_seen_by(&acme.alice).finish(&sha256(&content), bytes::Bytes::new()).await.is(201);
}
