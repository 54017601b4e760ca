//! Nodes of two versions on one database, while a new one is brought to one after the other.

use crate::harness::Nodes;

/// What the next version does first: it takes a step of the schema, and says which binaries work on what that leaves.
async fn step(nodes: &Nodes, works_from: &str) {
    let statement = format!("INSERT INTO migration SELECT max(version) + 1, {works_from} FROM migration");
    nodes.database.execute(&statement).await;
}

#[tokio::test]
async fn the_version_before_serves_and_starts_on_a_schema_that_lets_it_and_refuses_one_that_does_not() {
    let Some(mut nodes) = Nodes::start(1).await else { return };
    let scope = ["repository:acme/app:pull,push"];
    let operator = nodes[0].admin().with_token(&scope).await;
    let repository = operator.repository("acme/app");

    step(&nodes, "max(version)").await;
    repository.push_empty_index(&["running"]).await;
    nodes[0].kill();
    nodes[0].restart().await;
    repository.push_empty_index(&["restarted"]).await;

    step(&nodes, "max(version)").await;
    repository.push_empty_index(&["still-running"]).await;
    let said = nodes.refused(&[]);
    assert!(said.contains("start the newer version again"), "{said}");
    repository.head_manifest("still-running").await.is(200);
}
