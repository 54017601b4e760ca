//! Two nodes remember, and each tells only what no other has changed meanwhile.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use tokio::{sync::Notify, time::sleep};
use tokio_postgres::Client;
use wharf_auth::port::{Accounts as _, RegistryChange};
use wharf_core::{Actor, Kind, Result, Timestamp, audit::AuditRecord};
use wharf_registry::port::{Maker, RightsSource as _, Tenants as _};

use super::{Arc, Fresh, client};
use crate::{
    Database,
    database::Step,
    rows::SqlWork,
    session::{Session, Unit},
};

const PLACE: &str = "shared/app";

/// Two nodes on one database, with one repository in a registry that is private.
struct House {
    here: Database,
    there: Database,
    observer: Client,
    fresh: Fresh,
}

impl House {
    async fn build() -> Option<Self> {
        let fresh = Fresh::make().await?;
        let here = Database::postgres(fresh.settings()).await.unwrap();
        let there = Database::postgres(fresh.settings()).await.unwrap();
        here.write(MakePlace).await.unwrap();
        Some(Self { here, there, observer: client(&fresh.url()).await, fresh })
    }

    async fn set_public(&self, public: bool) {
        let change = RegistryChange { public: Some(public), ..RegistryChange::default() };
        let (organisation, registry) = ("shared".parse().unwrap(), "main".parse().unwrap());
        self.here.set_registry(organisation, registry, change, record()).await.unwrap();
    }
}

fn nobody() -> Actor {
    Actor::nobody(None, "catching-up")
}

fn record() -> AuditRecord {
    AuditRecord::new(Timestamp::default(), &nobody(), "test")
}

/// Whether the registry is public, as this node knows.
async fn ask(node: &Database) -> Result<bool> {
    let rights = node.rights(&nobody(), &PLACE.parse().unwrap()).await?;
    Ok(rights.registry.is_some_and(|registry| registry.public))
}

async fn is_public(node: &Database) -> bool {
    ask(node).await.unwrap()
}

/// The same, asked until it is sure to be remembered: the first time that something is, nobody has caught up yet, and it is
/// read once more.
async fn stays_public(node: &Database) -> bool {
    let first = is_public(node).await;
    assert_eq!(is_public(node).await, first);
    let (_, recalls) = counts(node);
    assert_eq!(is_public(node).await, first);
    assert_eq!(counts(node).1, recalls + 1, "it was not remembered");
    first
}

/// How often this node caught up, and how often it told something from memory.
fn counts(node: &Database) -> (u64, u64) {
    let meters = node.meters();
    (meters.catch_ups.spread().counts.iter().sum(), meters.recalls.value())
}

struct MakePlace;

#[async_trait]
impl Step for MakePlace {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let (mut work, place) = (SqlWork::on(session), PLACE.parse()?);
        let registry = work
            .ensure_registry(&place, Maker { actor: &Actor::job("contract"), at: Timestamp::default() })
            .await?;
        work.ensure_repository(
            registry,
            &place,
            Maker { actor: &Actor::job("contract"), at: Timestamp::default() },
        )
        .await
        .map(drop)
    }
}

/// Opens the registry to everybody, in a transaction that has its id long before it does so.
#[derive(Default)]
struct OpenLate {
    begun: Notify,
    may_go_on: Notify,
}

#[async_trait]
impl Unit for OpenLate {
    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        self.begun.notify_one();
        self.may_go_on.notified().await;
        session.execute("UPDATE registry SET public = 1", &[]).await.map(drop)
    }
}

#[tokio::test]
async fn what_is_remembered_is_told_and_what_another_node_changed_is_not() {
    let Some(house) = House::build().await else { return };

    for public in [true, false].repeat(5) {
        house.set_public(public).await;
        assert_eq!(stays_public(&house.there).await, public);
    }
}

#[tokio::test]
async fn a_change_that_is_committed_late_under_an_early_id_is_not_missed() {
    let Some(house) = House::build().await else { return };
    let late = Arc::new(OpenLate::default());
    let slow = super::open(house.fresh.settings()).await.unwrap();
    let change = tokio::spawn({
        let late = late.clone();
        async move { slow.write(late).await }
    });
    late.begun.notified().await;

    for _ in 0..3 {
        // Ids go on, snapshots too, and each time it is remembered anew.
        house.set_public(false).await;
        assert!(!stays_public(&house.there).await);
    }
    late.may_go_on.notify_one();
    change.await.unwrap().unwrap();

    assert!(is_public(&house.there).await);
}

#[tokio::test]
async fn all_who_wait_share_one_read_and_nobody_one_that_began_before() {
    let Some(mut house) = House::build().await else { return };
    let there = house.there.clone();
    assert!(!stays_public(&there).await);

    let (before, recalls) = counts(&there);
    let answers = join_all((0..64).map(|_| is_public(&there))).await;
    assert_eq!(answers, [false; 64]);
    assert_eq!(counts(&there), (before + 1, recalls + 64));

    let lock = house.observer.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE change").await.unwrap();
    let asking = || {
        let there = there.clone();
        tokio::spawn(async move { is_public(&there).await })
    };
    let mut asked = vec![asking()];
    // It is under way once it waits for the lock.
    const WAITS: &str = "SELECT count(*) FROM pg_locks WHERE relation = 'change'::regclass AND NOT granted";
    while lock.query_one(WAITS, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        sleep(Duration::from_millis(2)).await;
    }
    asked.extend((0..8).map(|_| asking()));
    tokio::task::yield_now().await;
    lock.commit().await.unwrap();
    for answer in join_all(asked).await {
        answer.unwrap();
    }
    assert_eq!(counts(&there).0, before + 3, "the first had a read of its own, the others one together");
}

#[tokio::test]
async fn a_node_that_did_not_read_what_was_removed_forgets_everything() {
    let Some(house) = House::build().await else { return };
    const FILL: &str = r#"INSERT INTO change (what)
        SELECT '{"changed":{"rights":false,"content":false,"named":[]}}' FROM generate_series(1, 4096)"#;
    const EMPTY: &str = "DELETE FROM change WHERE what NOT LIKE '%pruned%'";
    house.set_public(true).await;
    assert!(stays_public(&house.there).await);

    house.set_public(false).await;
    house.observer.batch_execute(FILL).await.unwrap();
    house.here.tend().await.unwrap();
    let left = house.observer.query("SELECT what FROM change WHERE what LIKE '%true%'", &[]).await.unwrap();
    assert!(left.is_empty(), "what nobody needs any more is removed");
    // What is left would by itself be reason enough.
    house.observer.batch_execute(EMPTY).await.unwrap();

    assert!(!stays_public(&house.there).await);

    house.observer.batch_execute(FILL).await.unwrap();
    house.observer.batch_execute(EMPTY).await.unwrap();
    is_public(&house.there).await;
    house.here.tend().await.unwrap();
    let (_, recalls) = counts(&house.there);
    is_public(&house.there).await;
    assert_eq!(counts(&house.there).1, recalls + 1, "what it had read by then it may go on from");
}

#[tokio::test]
async fn a_node_that_cannot_catch_up_tells_nothing_and_afterwards_the_truth() {
    let Some(house) = House::build().await else { return };
    let (beside, name) = (client(&format!("{}postgres", house.fresh.server)).await, &house.fresh.name);
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    assert!(!stays_public(&house.there).await);

    beside.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false; {end}")).await.unwrap();
    assert_eq!(ask(&house.there).await.unwrap_err().kind(), Kind::Unavailable);
    beside.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.unwrap();
    assert!(!stays_public(&house.there).await);
    house.set_public(true).await;
    beside.batch_execute(&end).await.unwrap();

    assert!(is_public(&house.there).await, "a connection that was ended is made anew");
}

#[tokio::test]
async fn rows_of_another_cluster_are_passed_over_and_removed() {
    let Some(house) = House::build().await else { return };
    const BRING: &str = "INSERT INTO change (transaction_id, what) VALUES ('4000000000000', 'anything')";
    assert!(!stays_public(&house.there).await);
    house.observer.batch_execute(BRING).await.unwrap();

    let (_, recalls) = counts(&house.there);
    is_public(&house.there).await;
    assert_eq!(counts(&house.there).1, recalls + 1);
    house.here.tend().await.unwrap();

    let left = house.observer.query("SELECT what FROM change WHERE what = 'anything'", &[]).await.unwrap();
    assert!(left.is_empty());
}
