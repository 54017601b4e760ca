//! Webhooks on both databases: in order, each once where it is taken, and again where it is not.

mod queue;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::Value;
use wharf_auth::port::{Claim, NewOrganisation, Organisations};
use wharf_core::{
    Actor, Clock, Entropy, OrganisationGrant, OrganisationName, PageAfter, Result, Secret, Timestamp, Vault,
    audit::{AuditRecord, Event},
    duty::Administer,
    gate::{self, OrganisationRights},
};
use wharf_registry::{
    port::{Courier, DeliveryRow, DeliveryState, Letter, Maker, Store, Transaction, Work},
    webhooks::{DeliveryOf, Lanes, NewWebhook, WebhookParts, Webhooks},
};

use crate::{Database, database::Step, on_both::on_both, session::Session};

const NOW: i64 = 1_700_000_000_000_000;

struct At(AtomicI64);

impl Clock for At {
    fn now(&self) -> Timestamp {
        Timestamp::from_microseconds(self.0.load(Ordering::SeqCst))
    }
}

/// No chance at all.
struct Even;

impl Entropy for Even {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(128);
    }
}

struct Open;

impl Vault for Open {
    fn seal(&self, _: &str, plain: &[u8]) -> Result<Vec<u8>> {
        Ok(plain.to_vec())
    }

    fn open(&self, _: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        Some(Secret::new(sealed.to_vec()))
    }
}

/// Answers with one status, and keeps what it is given. What leads to a host that hangs is never answered.
struct Keeper {
    status: AtomicU16,
    letters: Mutex<Vec<(String, i64)>>,
}

#[async_trait]
impl Courier for Keeper {
    fn expect_open(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn deliver(&self, letter: Letter) -> Result<u16> {
        if letter.url.starts_with("https://hangs.") {
            std::future::pending::<()>().await;
        }
        let event: Value = serde_json::from_slice(&letter.body).unwrap();
        let repository = event["data"]["repository"].as_str().unwrap().to_owned();
        self.letters.lock().unwrap().push((repository, event["data"]["sequence"].as_i64().unwrap()));
        Ok(self.status.load(Ordering::SeqCst))
    }
}

struct House {
    database: Database,
    clock: Arc<At>,
    keeper: Arc<Keeper>,
    webhooks: Webhooks,
    lanes: Lanes,
    grant: OrganisationGrant<Administer>,
}

impl House {
    async fn on(database: Database) -> Self {
        let name: OrganisationName = "acme".parse().unwrap();
        let record = AuditRecord::new(Timestamp::default(), &Actor::job("hooks"), "hooks");
        let new = NewOrganisation { name: name.clone(), admin: None, claim: Claim::Free };
        database.create_organisation(new, record).await.unwrap();
        let rights: OrganisationRights =
            database.organisation_rights(&Actor::job("hooks"), &name).await.unwrap();
        let grant = gate::decide_organisation(&Actor::job("hooks"), &name, &rights).unwrap();
        let clock = Arc::new(At(AtomicI64::new(NOW)));
        let keeper = Arc::new(Keeper { status: AtomicU16::new(200), letters: Mutex::default() });
        let webhooks = Webhooks::new(parts(&database, (keeper.clone(), clock.clone()), "one"));
        Self { database, clock, keeper, webhooks, lanes: Lanes::default(), grant }
    }

    /// What another node works with.
    fn parts(&self, node: &str) -> WebhookParts {
        parts(&self.database, (self.keeper.clone(), self.clock.clone()), node)
    }

    /// Another organisation, served by the same.
    async fn neighbour(&self, name: &str) -> Self {
        let name: OrganisationName = name.parse().unwrap();
        let record = AuditRecord::new(Timestamp::default(), &Actor::job("hooks"), "hooks");
        let new = NewOrganisation { name: name.clone(), admin: None, claim: Claim::Free };
        self.database.create_organisation(new, record).await.unwrap();
        let rights = self.database.organisation_rights(&Actor::job("hooks"), &name).await.unwrap();
        let grant = gate::decide_organisation(&Actor::job("hooks"), &name, &rights).unwrap();
        let Self { database, clock, keeper, webhooks, lanes, .. } = self;
        Self {
            database: database.clone(),
            clock: clock.clone(),
            keeper: keeper.clone(),
            webhooks: webhooks.clone(),
            lanes: lanes.clone(),
            grant,
        }
    }

    /// How many deliveries wait for a webhook, as its row counts them.
    async fn waiting(&self, hook: i64) -> u32 {
        self.webhooks.find(&self.grant, hook).await.unwrap().waiting
    }

    async fn hook(&self, events: &[&str]) -> i64 {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        let new = NewWebhook { url: "https://receiver.invalid/".to_owned(), events };
        self.webhooks.create(&self.grant, new).await.unwrap().row.id
    }

    async fn happens(&self, repository: &'static str, kind: &'static str) {
        let store: &dyn Store = &self.database;
        store.commit(Happens { repository, kind }).await.unwrap();
    }

    fn later(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Goes round until the deliveries of a webhook, the earliest first, are like this.
    async fn until(&self, hook: i64, like: impl Fn(&[DeliveryRow]) -> bool) -> Vec<DeliveryRow> {
        let begun = Instant::now();
        loop {
            self.webhooks.round(&self.lanes).await.unwrap();
            let page = PageAfter::first();
            let mut found = self.webhooks.deliveries(&self.grant, hook, page).await.unwrap().entries;
            found.reverse();
            if like(&found) {
                return found;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{found:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn letters(&self) -> Vec<(String, i64)> {
        self.keeper.letters.lock().unwrap().clone()
    }
}

fn parts(database: &Database, (courier, clock): (Arc<Keeper>, Arc<At>), node: &str) -> WebhookParts {
    WebhookParts {
        store: Arc::new(database.clone()),
        vault: Arc::new(Open),
        courier,
        clock,
        entropy: Arc::new(Even),
        node: node.to_owned(),
        patience: 60,
        give_up: 1000,
        history: 1000,
    }
}

struct Happens {
    repository: &'static str,
    kind: &'static str,
}

#[async_trait]
impl Transaction for Happens {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let (place, actor, at) =
            (self.repository.parse()?, Actor::job("hooks"), Timestamp::from_microseconds(NOW));
        let maker = Maker { actor: &actor, at };
        let registry = work.ensure_registry(&place, maker).await?;
        let repository = work.ensure_repository(registry, &place, maker).await?;
        let (kind, actor) = (self.kind, "somebody".to_owned());
        work.publish(repository, &Event { at, kind, tag: None, digest: None, actor }).await
    }
}

fn all_are(state: DeliveryState, count: usize) -> impl Fn(&[DeliveryRow]) -> bool {
    move |found| found.len() == count && found.iter().all(|delivery| delivery.state == state)
}

async fn what_happens_is_told_once_and_in_order_to_whom_wants_it(database: Database) {
    let house = House::on(database).await;
    house.happens("acme/app", "manifest.push").await;
    let (all, some) = (house.hook(&[]).await, house.hook(&["tag.delete"]).await);
    for _ in 0..3 {
        house.happens("acme/app", "manifest.push").await;
    }
    house.happens("acme/app", "tag.delete").await;
    house.until(all, all_are(DeliveryState::Delivered, 4)).await;
    house.until(some, all_are(DeliveryState::Delivered, 1)).await;
    let told: Vec<_> = house.letters().into_iter().map(|(_, sequence)| sequence).collect();
    let mut distinct = told.clone();
    distinct.dedup();
    distinct.sort_unstable();
    assert_eq!(told.len(), 5, "each once, and nothing of before: {told:?}");
    assert_eq!(distinct.first(), Some(&2), "{told:?}");
    house.later(2000);
    assert_eq!(house.webhooks.forget().await.unwrap(), 5);
}

async fn what_is_refused_is_tried_until_its_time_is_over_and_holds_only_its_own_repository(
    database: Database,
) {
    let house = House::on(database).await;
    house.keeper.status.store(400, Ordering::SeqCst);
    let hook = house.hook(&[]).await;
    for repository in ["acme/app", "acme/app", "acme/other"] {
        house.happens(repository, "manifest.push").await;
    }
    let tried = |found: &[DeliveryRow]| found.iter().map(|one| one.attempts).collect::<Vec<_>>() == [1, 0, 1];
    house.until(hook, tried).await;
    assert_eq!(house.letters(), [("acme/app".to_owned(), 1), ("acme/other".to_owned(), 1)]);
    house.later(1);
    let tried = |found: &[DeliveryRow]| found.iter().map(|one| one.attempts).collect::<Vec<_>>() == [2, 0, 2];
    house.until(hook, tried).await;
    house.keeper.status.store(200, Ordering::SeqCst);
    house.later(2);
    let found = house.until(hook, all_are(DeliveryState::Delivered, 3)).await;
    assert_eq!(found.iter().map(|one| one.attempts).collect::<Vec<_>>(), [3, 1, 3]);
    // One that never takes it has its message given up.
    house.keeper.status.store(503, Ordering::SeqCst);
    house.happens("acme/app", "manifest.push").await;
    for _ in 0..8 {
        let before = house.letters().len();
        house
            .until(hook, |found| {
                let last = found.last().unwrap();
                house.letters().len() > before && last.last_at == Some(house.clock.now())
                    || last.state == DeliveryState::Failed
            })
            .await;
        house.later(40);
    }
    let found = house.until(hook, |found| found[3].state == DeliveryState::Failed).await;
    assert!(found[3].attempts > 2, "{found:?}");
    let again = house
        .webhooks
        .redeliver(&house.grant, DeliveryOf { webhook: hook, delivery: found[3].id })
        .await
        .unwrap();
    assert_eq!((again.message, again.state), (found[3].message.clone(), DeliveryState::Pending));
}

async fn receivers_that_hang_hold_up_their_own_organisation_only(database: Database) {
    let house = House::on(database).await;
    for _ in 0..40 {
        let new = NewWebhook { url: "https://hangs.invalid/".to_owned(), events: Vec::new() };
        house.webhooks.create(&house.grant, new).await.unwrap();
    }
    house.happens("acme/app", "manifest.push").await;
    house.webhooks.round(&house.lanes).await.unwrap();
    let other = house.neighbour("zoo").await;
    let hook = other.hook(&[]).await;
    other.happens("zoo/app", "manifest.push").await;
    other.until(hook, all_are(DeliveryState::Delivered, 1)).await;
}

async fn deliveries_that_wait_are_counted_and_have_a_bound(database: Database) {
    let house = House::on(database).await;
    let hook = house.hook(&[]).await;
    for _ in 0..3 {
        house.happens("acme/app", "manifest.push").await;
    }
    house.keeper.status.store(503, Ordering::SeqCst);
    house.until(hook, |found| found.iter().any(|one| one.attempts == 1)).await;
    assert_eq!(house.waiting(hook).await, 3);
    house.keeper.status.store(200, Ordering::SeqCst);
    house.later(5);
    let found = house.until(hook, all_are(DeliveryState::Delivered, 3)).await;
    assert_eq!(house.waiting(hook).await, 0);
    house
        .webhooks
        .redeliver(&house.grant, DeliveryOf { webhook: hook, delivery: found[0].id })
        .await
        .unwrap();
    assert_eq!(house.waiting(hook).await, 1);
    // As if nine thousand and more waited.
    house.database.write(Wait(9_999)).await.unwrap();
    for _ in 0..2 {
        house.happens("acme/app", "manifest.push").await;
    }
    house.webhooks.round(&house.lanes).await.unwrap();
    let webhook = house.webhooks.find(&house.grant, hook).await.unwrap();
    assert!(webhook.disabled.is_some_and(|(_, why)| why.contains("10000 deliveries wait")));
}

struct Wait(i64);

#[async_trait]
impl Step for Wait {
    type Output = u64;

    async fn run(&self, session: &mut dyn Session) -> Result<u64> {
        session.execute("UPDATE webhook SET waiting = $1", &[self.0.into()]).await
    }
}

async fn what_waits_is_not_forgotten_for_its_age(database: Database) {
    let house = House::on(database).await;
    house.keeper.status.store(503, Ordering::SeqCst);
    let hook = house.hook(&[]).await;
    house.happens("acme/app", "manifest.push").await;
    house.until(hook, |found| found.iter().any(|one| one.attempts == 1)).await;
    house.later(2000);
    assert_eq!(house.webhooks.forget().await.unwrap(), 0);
    house.until(hook, all_are(DeliveryState::Failed, 1)).await;
    assert_eq!(house.webhooks.forget().await.unwrap(), 1);
}

async fn what_is_to_be_told_yet_is_not_forgotten_however_short_the_memory(database: Database) {
    struct ForgetEvents;
    #[async_trait]
    impl Transaction for ForgetEvents {
        type Output = u64;
        async fn run(&self, work: &mut dyn Work) -> Result<u64> {
            work.forget_events(Timestamp::from_microseconds(NOW).plus_seconds(1), 10).await
        }
    }
    let house = House::on(database).await;
    let hook = house.hook(&[]).await;
    house.happens("acme/app", "manifest.push").await;
    let store: &dyn Store = &house.database;
    assert_eq!(store.commit(ForgetEvents).await.unwrap(), 0);
    house.until(hook, all_are(DeliveryState::Delivered, 1)).await;
    assert_eq!(store.commit(ForgetEvents).await.unwrap(), 1);
}

async fn a_node_that_stops_lets_another_go_on_at_once(database: Database) {
    let house = House::on(database).await;
    let other = Webhooks::new(house.parts("two"));
    let lanes = Lanes::default();
    let hook = house.hook(&[]).await;
    house.happens("acme/app", "manifest.push").await;
    house.until(hook, all_are(DeliveryState::Delivered, 1)).await;
    house.happens("acme/app", "manifest.push").await;
    other.round(&lanes).await.unwrap();
    assert_eq!(house.webhooks.find(&house.grant, hook).await.unwrap().waiting, 0, "one node has the sending");
    house.webhooks.stop(&house.lanes).await.unwrap();
    other.round(&lanes).await.unwrap();
    let page = PageAfter::first();
    let found = house.webhooks.deliveries(&house.grant, hook, page).await.unwrap().entries;
    assert_eq!(found.len(), 2, "it was handed on by the other");
}

async fn a_removed_organisation_takes_its_webhooks_along(database: Database) {
    let house = House::on(database).await;
    let hook = house.hook(&[]).await;
    house.happens("acme/app", "manifest.push").await;
    house.until(hook, all_are(DeliveryState::Delivered, 1)).await;
    house.database.write(RemoveRepositories).await.unwrap();
    let record = AuditRecord::new(Timestamp::default(), &Actor::job("hooks"), "hooks");
    house.database.remove_organisation(house.grant.organisation(), record).await.unwrap();
    assert!(house.webhooks.list(&house.grant).await.unwrap().is_empty());
    assert_eq!(house.webhooks.forget().await.unwrap(), 2, "the delivery and the webhook");
}

struct RemoveRepositories;

#[async_trait]
impl Step for RemoveRepositories {
    type Output = u64;

    async fn run(&self, session: &mut dyn Session) -> Result<u64> {
        session.execute("DELETE FROM repository", &[]).await
    }
}

on_both!(
    what_happens_is_told_once_and_in_order_to_whom_wants_it
        what_happens_is_told_once_and_in_order_to_whom_wants_it_on_postgres,
    what_is_refused_is_tried_until_its_time_is_over_and_holds_only_its_own_repository
        what_is_refused_is_tried_until_its_time_is_over_and_holds_only_its_own_repository_on_postgres,
    receivers_that_hang_hold_up_their_own_organisation_only
        receivers_that_hang_hold_up_their_own_organisation_only_on_postgres,
    deliveries_that_wait_are_counted_and_have_a_bound
        deliveries_that_wait_are_counted_and_have_a_bound_on_postgres,
    what_waits_is_not_forgotten_for_its_age what_waits_is_not_forgotten_for_its_age_on_postgres,
    what_is_to_be_told_yet_is_not_forgotten_however_short_the_memory
        what_is_to_be_told_yet_is_not_forgotten_however_short_the_memory_on_postgres,
    a_node_that_stops_lets_another_go_on_at_once a_node_that_stops_lets_another_go_on_at_once_on_postgres,
    a_removed_organisation_takes_its_webhooks_along
        a_removed_organisation_takes_its_webhooks_along_on_postgres
);
