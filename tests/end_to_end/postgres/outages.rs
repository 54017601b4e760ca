//! A database that goes away: told as such within seconds, and back in service by itself.

use std::time::{Duration, Instant};

use crate::harness::postgres::{Cluster, Database, Fault};
use crate::harness::{Caller, Image, Wharf, media_type};

/// Waits until the server says that it is ready again.
pub(super) async fn ready(caller: &Caller) {
    let began = Instant::now();
    while caller.get("/readyz").await.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(5), "it is not back after five seconds");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_database_that_is_gone_is_told_and_service_comes_back_by_itself() {
    let Some(database) = Database::fresh().await else { return };
    let (proxy, url) = database.behind_proxy().await;
    let wharf = Wharf::start_on_postgres(&url).await;
    let operator = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let repository = operator.repository("acme/app");
    repository.push_empty_index(&["v1"]).await;

    proxy.set(Fault::Gone);
    let index = Image::index(media_type::OCI_INDEX, &[]);
    let push = repository.put_manifest("v2", media_type::OCI_INDEX, &index).await.is(503);
    let pull = repository.manifest("v1").await.is(503);
    wharf.anonymous().get("/readyz").await.is(503);
    wharf.anonymous().get("/healthz").await.is(200);
    proxy.set(Fault::None);

    assert_eq!((push.header("retry-after"), pull.header("retry-after")), ("5", "5"));
    ready(&wharf.anonymous()).await;
    repository.manifest("v1").await.is(200);
    repository.push_empty_index(&["v2"]).await;
}

#[tokio::test]
async fn a_database_that_is_frozen_is_told_within_five_seconds() {
    let Some(database) = Database::fresh().await else { return };
    let (proxy, url) = database.behind_proxy().await;
    let wharf = Wharf::start_on_postgres(&url).await;
    let operator = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let repository = operator.repository("acme/app");
    repository.push_empty_index(&["v1"]).await;

    proxy.set(Fault::Frozen);
    let began = Instant::now();
    // More at once than there are connections: some hang in the middle, the others wait for their turn.
    let pulls = (0..8).map(|_| repository.manifest("v1"));
    let answers = futures_util::future::join_all(pulls).await;
    let took = began.elapsed();
    proxy.set(Fault::None);

    assert!(answers.iter().all(|answer| answer.status == 503));
    assert!(took < Duration::from_secs(6), "{took:?}");
    ready(&wharf.anonymous()).await;
    repository.manifest("v1").await.is(200);
}

#[tokio::test]
async fn a_server_that_is_ended_the_hard_way_under_load_loses_nothing_acknowledged() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let wharf = Wharf::start_on_postgres(&cluster.url()).await;
    let operator = wharf.admin().with_token(&["repository:acme/app:pull,push"]).await;
    let load = |client: u32| {
        let repository = operator.repository("acme/app");
        tokio::spawn(async move {
            let (mut kept, mut refused) = (Vec::new(), 0);
            let (index, began) = (Image::index(media_type::OCI_INDEX, &[]), Instant::now());
            for number in 0.. {
                let tag = format!("v{client}-{number}");
                match repository.put_manifest(&tag, media_type::OCI_INDEX, &index).await.status {
                    201 => kept.push(tag),
                    503 => refused += 1,
                    status => panic!("{status}"),
                }
                if began.elapsed() > Duration::from_secs(2) && kept.len() > 5 {
                    break;
                }
            }
            (kept, refused)
        })
    };
    let clients: Vec<_> = (0..4).map(load).collect();

    tokio::time::sleep(Duration::from_millis(500)).await;
    cluster.end();
    tokio::time::sleep(Duration::from_millis(300)).await;
    wharf.anonymous().get("/readyz").await.is(503);
    cluster.restart().await;

    let mut refused = 0;
    for client in clients {
        let (kept, refusals) = client.await.unwrap();
        refused += refusals;
        for tag in kept {
            operator.repository("acme/app").head_manifest(&tag).await.is(200);
        }
    }
    assert!(refused > 0, "nobody noticed that the server was away");
    wharf.anonymous().get("/readyz").await.is(200);
}
