//! A node that dies at any moment loses nothing that was acknowledged and leaves nothing to anybody's harm.

use std::time::Duration;

use crate::harness::{Image, Nodes, media_type};

#[tokio::test]
async fn a_node_that_is_killed_leaves_nothing_locked() {
    let Some(mut nodes) = Nodes::start(2).await else { return };
    let scope = ["repository:acme/app:pull,push"];
    let operator = nodes[0].admin().with_token(&scope).await;
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

    tokio::time::sleep(Duration::from_millis(300)).await;
    nodes[0].kill();
    let kept = load.await.unwrap();

    let survivor = nodes[1].admin().with_token(&scope).await;
    for tag in kept {
        survivor.repository("acme/app").head_manifest(&tag).await.is(200);
    }
    survivor.repository("acme/app").push_empty_index(&["after"]).await;
    assert_eq!(nodes.database.open_transactions().await, 0);
}
