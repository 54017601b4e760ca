//! Connections that break around a commit: what was acknowledged is there, and nothing happened twice.

use crate::harness::postgres::{Database, Fault};
use crate::harness::{Caller, Image, Wharf, media_type};

/// The operator under a token, so that a push costs no hash of a password.
async fn operator(wharf: &Wharf) -> Caller {
    wharf.admin().with_token(&["repository:acme/app:pull,push"]).await
}

async fn push(caller: &Caller, tag: &str) -> crate::harness::Answer {
    let index = Image::index(media_type::OCI_INDEX, &[]);
    caller.repository("acme/app").put_manifest(tag, media_type::OCI_INDEX, &index).await
}

#[tokio::test]
async fn an_unanswered_commit_is_looked_up_and_acknowledged_once() {
    let Some(database) = Database::fresh().await else { return };
    let (proxy, url) = database.behind_proxy().await;
    let wharf = Wharf::start_on_postgres(&url).await;
    let operator = operator(&wharf).await;

    proxy.set(Fault::AfterCommit);
    for tag in ["v1", "v2", "v3"] {
        push(&operator, tag).await.is(201);
    }
    proxy.set(Fault::None);

    for tag in ["v1", "v2", "v3"] {
        operator.repository("acme/app").manifest(tag).await.is(200);
        assert_eq!(database.pushes_of(tag).await, 1);
    }
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_made_again() {
    let Some(database) = Database::fresh().await else { return };
    let (proxy, url) = database.behind_proxy().await;
    let wharf = Wharf::start_on_postgres(&url).await;
    let operator = operator(&wharf).await;

    proxy.set(Fault::BeforeCommit);
    push(&operator, "v1").await.is(201);

    assert_eq!(proxy.fault(), Fault::None, "no commit was cut off");
    operator.repository("acme/app").manifest("v1").await.is(200);
    assert_eq!(database.pushes_of("v1").await, 1);
}

#[tokio::test]
async fn a_commit_that_nobody_can_be_asked_about_is_unknown_and_may_be_sent_again() {
    let Some(database) = Database::fresh().await else { return };
    let (proxy, url) = database.behind_proxy().await;
    let wharf = Wharf::start_on_postgres(&url).await;
    let operator = operator(&wharf).await;
    push(&operator, "v1").await.is(201);
    database.is_quiet().await;

    proxy.set(Fault::AfterCommitForGood);
    let unknown = push(&operator, "v2").await.is(503);
    proxy.set(Fault::None);

    assert_eq!(unknown.header("retry-after"), "5");
    operator.repository("acme/app").manifest("v2").await.is(200);
    push(&operator, "v2").await.is(201);
    assert_eq!(database.pushes_of("v2").await, 1);
}

#[tokio::test]
async fn a_connection_that_breaks_at_any_message_loses_and_doubles_nothing() {
    let Some(database) = Database::fresh().await else { return };
    let (proxy, url) = database.behind_proxy().await;
    let wharf = Wharf::start_on_postgres(&url).await;
    let operator = operator(&wharf).await;
    push(&operator, "first").await.is(201);

    // A push has some eighty messages: each run takes every fourth of them, beginning elsewhere.
    for messages in (std::process::id() % 4..).step_by(4) {
        let tag = format!("v{messages}");
        proxy.set(Fault::After(messages));
        // A job's connection may break at the same time, and then nobody can be asked: the client sends it once more.
        let answer = push(&operator, &tag).await;
        if answer.status == 503 {
            push(&operator, &tag).await.is(201);
        } else {
            answer.is(201);
        }
        let was_hit = proxy.fault() == Fault::None;
        proxy.set(Fault::None);
        operator.repository("acme/app").head_manifest(&tag).await.is(200);
        assert_eq!(database.pushes_of(&tag).await, 1, "{tag}");
        if !was_hit {
            assert!(messages > 20, "a push has more than {messages} messages");
            break;
        }
    }
    assert_eq!(database.open_transactions().await, 0);
}
