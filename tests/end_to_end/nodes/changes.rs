//! What one node changes or revokes, the others know with their next request.

use crate::harness::{Image, Nodes, media_type, sha256};

#[tokio::test]
async fn what_one_node_changes_the_other_knows_at_once() {
    let Some(nodes) = Nodes::start(2).await else { return };
    let (here, there) = (&nodes[0], &nodes[1]);
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
    let Some(nodes) = Nodes::start(2).await else { return };
    let (here, there) = (&nodes[0], &nodes[1]);
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
    let Some(nodes) = Nodes::start(3).await else { return };

    for node in nodes.iter() {
        node.admin().get("/v2/").await.is(200);
    }
}
