//! Webhooks on both databases: in order, each once where it is taken, and again where it is not.

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
    Actor, Clock, Entropy, OrganisationGrant, OrganisationName, Result, Secret, Timestamp, Vault,
    audit::{AuditRecord, Event},
    duty::Administer,
    gate::{self, OrganisationRights},
};
use wharf_registry::{
    port::{Courier, DeliveryRow, DeliveryState, Letter, Maker, Store, Transaction, Work},
    webhooks::{Lanes, NewWebhook, WebhookParts, Webhooks},
};

use crate::{Database, on_both::on_both};

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

/// Answers with one status, and keeps what it is given.
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
        let webhooks = Webhooks::new(WebhookParts {
            store: Arc::new(database.clone()),
            vault: Arc::new(Open),
            courier: keeper.clone(),
            clock: clock.clone(),
            entropy: Arc::new(Even),
            node: "one".to_owned(),
            lease: 60,
            patience: 60,
            give_up: 1000,
            history: 1000,
        });
        Self { database, clock, keeper, webhooks, lanes: Lanes::default(), grant }
    }

    async fn hook(&self, events: &[&str]) -> i64 {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        let new = NewWebhook { url: "https://receiver.invalid/".to_owned(), events };
        self.webhooks.create(&self.grant, new).await.unwrap().0.id
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
            let page = (None, wharf_core::Limit::MOST);
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
    let again = house.webhooks.redeliver(&house.grant, (hook, found[3].id)).await.unwrap();
    assert_eq!((again.message, again.state), (found[3].message.clone(), DeliveryState::Pending));
}

async fn a_removed_organisation_takes_its_webhooks_along(database: Database) {
    let house = House::on(database).await;
    let hook = house.hook(&[]).await;
    let page = (None, wharf_core::Limit::MOST);
    assert!(house.webhooks.deliveries(&house.grant, hook, page).await.unwrap().entries.is_empty());
    let record = AuditRecord::new(Timestamp::default(), &Actor::job("hooks"), "hooks");
    house.database.remove_organisation(house.grant.organisation(), record).await.unwrap();
    assert!(house.webhooks.list(&house.grant).await.unwrap().is_empty());
}

on_both!(
    what_happens_is_told_once_and_in_order_to_whom_wants_it
        what_happens_is_told_once_and_in_order_to_whom_wants_it_on_postgres,
    what_is_refused_is_tried_until_its_time_is_over_and_holds_only_its_own_repository
        what_is_refused_is_tried_until_its_time_is_over_and_holds_only_its_own_repository_on_postgres,
    a_removed_organisation_takes_its_webhooks_along
        a_removed_organisation_takes_its_webhooks_along_on_postgres
);
