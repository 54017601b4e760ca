//! Several nodes on one database. They have folders of their own here, so no blobs are shared, only rows.

use crate::harness::postgres::Database;
use crate::harness::{Image, Wharf, media_type, sha256};

#[tokio::test]
async fn what_one_node_changes_the_other_knows_at_once() {
    let Some(database) = Database::fresh().await else { return };
    let here = Wharf::start_on_postgres(&database.url()).await;
    let there = Wharf::start_on_postgres(&database.url()).await;
    let (empty, other) = (
        Image::index(media_type::OCI_INDEX, &[]),
        bytes::Bytes::from_static(
            br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{"a":"b"}}"#,
        ),
    );

    for index in [&empty, &other, &empty] {
        let pushed =
            here.admin().repository("acme/app").put_manifest("v1", media_type::OCI_INDEX, index).await;
        pushed.is(201);
        let read = there.admin().repository("acme/app").manifest("v1").await.is(200);
        assert_eq!(read.header("docker-content-digest"), sha256(index));
    }
    here.set_public("acme/main", true);
    there.anonymous().repository("acme/app").manifest("v1").await.is(200);
    here.set_public("acme/main", false);
    there.anonymous().repository("acme/app").manifest("v1").await.is(401);
}

#[tokio::test]
async fn what_one_node_revokes_ends_on_the_other_at_once() {
    let Some(database) = Database::fresh().await else { return };
    let here = Wharf::start_on_postgres(&database.url()).await;
    let there = Wharf::start_on_postgres(&database.url()).await;
    here.found(&["acme/app"]).await;
    here.add_user("mallory", &["acme:writer"]);
    let known = there.caller("mallory", "the-password-of-mallory");
    let token = here.caller("mallory", "the-password-of-mallory").token(&["repository:acme/app:pull"]).await;
    let bearer = there.anonymous().bearing(&token);
    known.get("/v2/").await.is(200);
    bearer.get("/v2/").await.is(200);

    here.change_password("mallory", "another-password-of-mallory");

    known.get("/v2/").await.is(401);
    bearer.get("/v2/").await.is(401);
    there.caller("mallory", "another-password-of-mallory").get("/v2/").await.is(200);
}

#[tokio::test]
async fn nodes_that_start_first_at_once_make_one_operator() {
    let Some(database) = Database::fresh().await else { return };
    let url = database.url();

    let nodes = futures_util::future::join_all((0..3).map(|_| Wharf::start_on_postgres(&url))).await;

    for node in &nodes {
        node.admin().get("/v2/").await.is(200);
    }
}

#[tokio::test]
async fn a_node_that_is_killed_leaves_nothing_locked() {
    let Some(database) = Database::fresh().await else { return };
    let mut dying = Wharf::start_on_postgres(&database.url()).await;
    let living = Wharf::start_on_postgres(&database.url()).await;
    let scope = ["repository:acme/app:pull,push"];
    let operator = dying.admin().with_token(&scope).await;
    let repository = operator.repository("acme/app");
    repository.push_empty_index(&["v0"]).await;
    let load = tokio::spawn(async move {
        let index = Image::index(media_type::OCI_INDEX, &[]);
        let mut kept = Vec::new();
        for number in 0.. {
            let tag = format!("v{number}");
            match repository.manifest_push(&tag, media_type::OCI_INDEX, &index).try_send().await {
                Ok(answer) if answer.status == 201 => kept.push(tag),
                _ => break,
            }
        }
        kept
    });

    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    dying.kill();
    let kept = load.await.unwrap();

    let survivor = living.admin().with_token(&scope).await;
    for tag in kept {
        survivor.repository("acme/app").head_manifest(&tag).await.is(200);
    }
    survivor.repository("acme/app").push_empty_index(&["after"]).await;
    assert_eq!(database.open_transactions().await, 0);
}
