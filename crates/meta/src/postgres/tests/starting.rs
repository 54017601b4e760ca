//! The start: migrations, and what is refused.

use futures_util::future::join_all;
use wharf_core::Kind;

use super::{Fresh, client, open, settings};
use crate::migrate::Schema;

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_once_bring_the_schema_up_to_date_once() {
    let Some(fresh) = Fresh::make().await else { return };

    let nodes = join_all((0..4).map(|_| open(fresh.settings()))).await;

    for node in nodes {
        assert!(node.unwrap().durability().contains("fsync=on, full_page_writes=on, synchronous_commit=on"));
    }
    let observer = client(&fresh.url()).await;
    let taken = observer.query("SELECT version FROM migration", &[]).await.unwrap();
    assert_eq!(taken.len(), crate::migrate::pending(Schema::default()).unwrap().count());
}

#[tokio::test]
async fn a_newer_schema_is_refused_on_postgres_too_unless_it_says_that_this_binary_works_on_it() {
    let Some(fresh) = Fresh::make().await else { return };
    drop(fresh.open().await);
    let newer = client(&fresh.url()).await;

    newer.batch_execute("INSERT INTO migration VALUES (998, 1)").await.unwrap();
    drop(fresh.open().await);
    newer.batch_execute("INSERT INTO migration VALUES (999, 998)").await.unwrap();
    let refused = open(fresh.settings()).await.err().unwrap();

    assert_eq!(refused.kind(), Kind::Unsupported);
}

#[tokio::test]
async fn a_role_that_owns_nothing_may_serve_but_not_migrate() {
    let Some(fresh) = Fresh::make().await else { return };
    let observer = client(&fresh.url()).await;
    let role = format!("{}_role", fresh.name);
    let make =
        format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'; REVOKE CREATE ON SCHEMA public FROM public");
    observer.batch_execute(&make).await.unwrap();
    let (_, host) = fresh.server.rsplit_once('@').unwrap();
    let as_role = settings(format!("postgres://{role}:secret@{host}{}", fresh.name));

    let refused = open(as_role.clone()).await.err().unwrap();
    drop(fresh.open().await);
    observer.batch_execute(&format!("GRANT SELECT ON migration TO {role}")).await.unwrap();
    let served = open(as_role).await;
    observer.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();

    assert!(refused.message().contains("grant it CREATE"), "{refused:?}");
    assert!(served.is_ok());
}

#[tokio::test]
async fn commits_are_raised_to_wait_for_the_disk_and_never_lowered() {
    let Some(fresh) = Fresh::make().await else { return };
    let observer = client(&fresh.url()).await;

    for (set, kept) in
        [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
    {
        let alter = format!("ALTER DATABASE {} SET synchronous_commit = {set}", fresh.name);
        observer.batch_execute(&alter).await.unwrap();
        let durability = fresh.open().await.durability().to_owned();
        assert!(durability.contains(&format!("synchronous_commit={kept},")), "{set}: {durability}");
    }
}
