//! The queues of webhooks: what a look at them costs, how long they may be, and how many there are.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use async_trait::async_trait;
use futures_util::future::join_all;
use wharf_core::{Clock as _, Kind, Result, Timestamp};
use wharf_registry::{
    port::{Deliveries as _, DeliveryRow, DeliveryState, Hooks as _},
    webhooks::{NewWebhook, WebhookChange},
};

use super::{House, Wait, all_are};
use crate::{
    Database,
    database::Step,
    meanwhile::meanwhile,
    on_both::on_both,
    rows::SqlWork,
    session::{Session, Writers},
    sqlite::steps,
};

/// Behind the first delivery that there is, and beside it in other repositories and refused like it: those of these numbers.
struct Backlog(std::ops::Range<i64>);

#[async_trait]
impl Step for Backlog {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        const BEHIND: &str = "
            INSERT INTO delivery (webhook_id, repository_id, message, kind, body, created_at, state, attempts)
            WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($2 AS BIGINT) - 1)
            SELECT d.webhook_id, d.repository_id, d.message, d.kind, d.body, d.created_at, 'pending', 0
            FROM delivery d CROSS JOIN n WHERE d.id = (SELECT MIN(f.id) FROM delivery f)";
        const BESIDE: &str = "
            INSERT INTO delivery (webhook_id, repository_id, message, kind, body, created_at, state, attempts, due_at)
            WITH RECURSIVE n(i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < CAST($2 AS BIGINT) - 1)
            SELECT d.webhook_id, d.repository_id + 1000 + n.i, d.message, d.kind, d.body, d.created_at, 'pending', 1,
                d.due_at + n.i
            FROM delivery d CROSS JOIN n WHERE d.id = (SELECT MIN(f.id) FROM delivery f)";
        const COUNT: &str = "
            UPDATE webhook SET waiting =
                (SELECT COUNT(*) FROM delivery d WHERE d.webhook_id = webhook.id AND d.state = 'pending')";
        for statement in [BEHIND, BESIDE] {
            session.execute(statement, &[self.0.start.into(), self.0.end.into()]).await?;
        }
        session.execute(COUNT, &[]).await?;
        session.execute("ANALYZE", &[]).await.map(drop)
    }
}

/// What costs something.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// It is looked for what is due.
    Look,
    /// What is due first is refused once more.
    Refuse,
    /// It is taken.
    Take,
    /// The webhook is removed.
    Remove,
}

/// What a deed reads at a time: steps of SQLite's machine, or rows and entries of indexes by PostgreSQL's own count.
struct Cost {
    deed: Deed,
    webhook: i64,
    now: Timestamp,
}

impl Cost {
    async fn carry_out(&self, session: &mut dyn Session) -> Result<()> {
        let mut work = SqlWork::on(session);
        if matches!(self.deed, Deed::Remove) {
            return work.remove_webhook(self.webhook, self.now).await;
        }
        work.due_webhooks(self.now, 1000).await?;
        let due = work.due_delivery(self.webhook, self.now).await?;
        let state = match self.deed {
            Deed::Look | Deed::Remove => return Ok(()),
            Deed::Refuse => DeliveryState::Pending,
            Deed::Take => DeliveryState::Delivered,
        };
        let mut delivery = due.expect("something is due");
        delivery.state = state;
        delivery.due_at = (state == DeliveryState::Pending).then_some(self.now);
        let webhook = work.lock_webhook(self.webhook).await?.expect("it is there");
        work.set_delivery(&delivery).await?;
        work.put_webhook(&webhook).await.map(drop)
    }
}

#[async_trait]
impl Step for Cost {
    type Output = i64;

    async fn run(&self, session: &mut dyn Session) -> Result<i64> {
        let before = read(session).await?;
        self.carry_out(session).await?;
        Ok(read(session).await? - before)
    }
}

async fn read(session: &mut dyn Session) -> Result<i64> {
    const COUNT: &str = "
        SELECT CAST(coalesce(sum(pg_stat_get_xact_tuples_returned(c.oid)), 0) AS BIGINT)
        FROM pg_class c WHERE c.relname LIKE 'delivery%' OR c.relname LIKE 'webhook%'";
    match session.writers() {
        Writers::One => Ok(steps()),
        Writers::Many => session.query(COUNT, &[]).await?.remove(0).next(),
    }
}

async fn what_waits_behind_costs_nothing(database: Database) {
    let house = House::on(database).await;
    house.keeper.status.store(400, Ordering::SeqCst);
    let webhook = house.hook(&[]).await;
    house.happens("acme/app", "manifest.push").await;
    house.until(webhook, |found| found.len() == 1 && found[0].attempts == 1).await;
    let now = house.clock.now();
    let cost = async |deed, seconds| {
        house.database.write(Cost { deed, webhook, now: now.plus_seconds(seconds) }).await.unwrap()
    };
    // At first everything waits for its next attempt, then everything is due.
    let deeds = [(Deed::Look, 0), (Deed::Look, 60), (Deed::Refuse, 60), (Deed::Take, 60)];
    house.database.write(Backlog(0..10)).await.unwrap();
    let mut few = Vec::new();
    for (deed, seconds) in deeds {
        few.push(cost(deed, seconds).await);
    }
    house.database.write(Backlog(10..10_000)).await.unwrap();
    for ((deed, seconds), few) in deeds.into_iter().zip(few) {
        let many = cost(deed, seconds).await;
        assert!(many <= 2 * few + 50, "{deed:?} read {few} with ten behind, {many} with ten thousand");
    }
}

/// How many webhooks still have a secret.
struct Secrets;

#[async_trait]
impl Step for Secrets {
    type Output = i64;

    async fn run(&self, session: &mut dyn Session) -> Result<i64> {
        let count = "SELECT COUNT(*) FROM webhook WHERE length(secret) > 0";
        session.query(count, &[]).await?.remove(0).next()
    }
}

async fn removing_a_webhook_costs_the_same_whatever_it_was_told(database: Database) {
    let house = House::on(database).await;
    house.keeper.status.store(400, Ordering::SeqCst);
    let now = house.clock.now();
    let mut costs = Vec::new();
    for rows in [10, 10_000] {
        let webhook = house.hook(&[]).await;
        house.happens("acme/app", "manifest.push").await;
        house.until(webhook, |found| found.len() == 1 && found[0].attempts == 1).await;
        house.database.write(Backlog(0..rows)).await.unwrap();
        costs.push(house.database.write(Cost { deed: Deed::Remove, webhook, now }).await.unwrap());
        assert!(house.webhooks.list(&house.grant).await.unwrap().is_empty());
        assert!(matches!(
            house.webhooks.find(&house.grant, webhook).await.unwrap_err().kind(),
            Kind::NotFound(_)
        ));
        assert_eq!(house.database.read(Secrets).await.unwrap(), 0);
        // The first, those behind and those beside it, and the webhook.
        assert_eq!(house.webhooks.forget().await.unwrap(), u64::try_from(2 * rows + 2).unwrap());
        assert_eq!(house.webhooks.forget().await.unwrap(), 0);
    }
    assert!(costs[1] <= 2 * costs[0] + 50, "ten cost {}, ten thousand {}", costs[0], costs[1]);
}

async fn one_that_is_switched_on_keeps_what_waits_and_may_have_as_much_again(database: Database) {
    let house = House::on(database).await;
    let on = WebhookChange { enabled: Some(true), ..WebhookChange::default() };
    let switch_on = async |hook| house.webhooks.change(&house.grant, hook, on.clone()).await;
    let is_on = async |hook| house.webhooks.find(&house.grant, hook).await.unwrap().disabled.is_none();
    house.keeper.status.store(400, Ordering::SeqCst);
    let hook = house.hook(&[]).await;
    for _ in 0..2 {
        house.happens("acme/app", "manifest.push").await;
    }
    house.until(hook, |found| found.len() == 2 && found[0].attempts == 1).await;
    // As if ten thousand waited.
    house.database.write(Wait(10_000)).await.unwrap();
    house.happens("acme/app", "manifest.push").await;
    house.webhooks.round(&house.lanes).await.unwrap();
    assert!(!is_on(hook).await);

    switch_on(hook).await.unwrap();
    house.happens("acme/app", "manifest.push").await;
    house.webhooks.round(&house.lanes).await.unwrap();
    assert!(is_on(hook).await, "what waited does not count");
    assert_eq!(house.waiting(hook).await, 10_001);
    house.keeper.status.store(200, Ordering::SeqCst);
    house.later(5);
    house.until(hook, all_are(DeliveryState::Delivered, 3)).await;
    let told: Vec<_> = house.letters().into_iter().map(|(_, sequence)| sequence).collect();
    assert_eq!(told, [1, 1, 2, 4], "what waited comes first, and what happened while it was off is not told");

    // One less than ten thousand beside the 9,997 of before.
    house.database.write(Wait(19_996)).await.unwrap();
    house.happens("acme/app", "manifest.push").await;
    house.until(hook, all_are(DeliveryState::Delivered, 4)).await;
    assert!(is_on(hook).await);
    house.happens("acme/app", "manifest.push").await;
    house.webhooks.round(&house.lanes).await.unwrap();
    assert!(!is_on(hook).await, "with what was spared goes its place");
    house.database.write(Wait(50_000)).await.unwrap();
    assert_eq!(switch_on(hook).await.unwrap_err().kind(), Kind::Conflict, "that has an end");
}

async fn a_receiver_that_is_away_has_longer_pauses_however_many_queues_it_has(database: Database) {
    let house = House::on(database).await;
    house.keeper.status.store(503, Ordering::SeqCst);
    let hook = house.hook(&[]).await;
    for repository in ["acme/one", "acme/two", "acme/three", "acme/four", "acme/five", "acme/six"] {
        house.happens(repository, "manifest.push").await;
    }
    let attempts = |found: &[DeliveryRow]| found.iter().map(|one| one.attempts).sum::<u32>();
    let pause = async || {
        let webhook = house.webhooks.find(&house.grant, hook).await.unwrap();
        webhook.paused_until.seconds() - house.clock.now().seconds()
    };
    for (failures, seconds) in (1..).zip([1, 2, 4, 8, 16]) {
        house.until(hook, |found| attempts(found) == failures).await;
        assert_eq!(pause().await, seconds, "after {failures} failures in a row");
        house.later(seconds);
    }
    let told: BTreeSet<_> = house.letters().into_iter().map(|(repository, _)| repository).collect();
    assert_eq!(told.len(), 5, "each was about another repository");
    house.keeper.status.store(200, Ordering::SeqCst);
    house.until(hook, all_are(DeliveryState::Delivered, 6)).await;
    house.keeper.status.store(503, Ordering::SeqCst);
    house.happens("acme/one", "manifest.push").await;
    house.until(hook, |found| found.len() == 7 && found[6].attempts == 1).await;
    assert_eq!(pause().await, 1, "a run of failures ends with what is taken");
}

async fn what_an_address_failed_at_is_not_held_against_the_next(database: Database) {
    let house = House::on(database).await;
    house.keeper.status.store(503, Ordering::SeqCst);
    let hook = house.hook(&[]).await;
    house.happens("acme/app", "manifest.push").await;
    house.until(hook, |found| found.iter().any(|one| one.attempts == 1)).await;
    // Long enough for a webhook that failed all the time to be switched off.
    house.later(2000);
    let url = Some("https://other.invalid/".to_owned());
    let change = WebhookChange { url, ..WebhookChange::default() };
    let changed = house.webhooks.change(&house.grant, hook, change).await.unwrap();
    assert_eq!((changed.failing_since, changed.failures), (None, 0));
    house.until(hook, all_are(DeliveryState::Failed, 1)).await;
    let webhook = house.webhooks.find(&house.grant, hook).await.unwrap();
    assert_eq!((webhook.disabled, webhook.failures), (None, 1), "it failed once, and now");
}

/// An admin who switches a webhook on that was full.
struct SwitchOn(i64);

#[async_trait]
impl Step for SwitchOn {
    type Output = ();

    async fn run(&self, session: &mut dyn Session) -> Result<()> {
        let mut work = SqlWork::on(session);
        work.lock_webhook(self.0).await?.expect("it is there");
        work.spare_waiting(self.0).await
    }
}

async fn one_that_is_switched_on_in_that_moment_stays_on(database: Database) {
    let house = House::on(database).await;
    let hook = house.hook(&[]).await;
    // As if ten thousand waited.
    house.database.write(Wait(10_000)).await.unwrap();
    house.happens("acme/app", "manifest.push").await;
    // The admin is not done before the webhook is to be switched off.
    let round = house.webhooks.round(&house.lanes);
    let (switched, went_round) = meanwhile(&house.database, SwitchOn(hook), round).await;
    switched.unwrap();
    went_round.unwrap();
    house.until(hook, all_are(DeliveryState::Delivered, 1)).await;
    let webhook = house.webhooks.find(&house.grant, hook).await.unwrap();
    assert_eq!(
        (webhook.disabled, webhook.spared),
        (None, 9_999),
        "all that waited then, but the one that is told"
    );
}

async fn one_that_is_switched_off_in_that_moment_is_told_nothing(database: Database) {
    /// An admin who switches it off.
    struct SwitchOff(i64);
    #[async_trait]
    impl Step for SwitchOff {
        type Output = ();
        async fn run(&self, session: &mut dyn Session) -> Result<()> {
            let mut work = SqlWork::on(session);
            let mut webhook = work.lock_webhook(self.0).await?.expect("it is there");
            webhook.disabled = Some((webhook.created_at, "by an admin".to_owned()));
            work.put_webhook(&webhook).await.map(drop)
        }
    }
    let house = House::on(database).await;
    let hook = house.hook(&[]).await;
    house.database.write(Wait(10_000)).await.unwrap();
    house.happens("acme/app", "manifest.push").await;
    let round = house.webhooks.round(&house.lanes);
    let (switched, went_round) = meanwhile(&house.database, SwitchOff(hook), round).await;
    switched.unwrap();
    went_round.unwrap();
    let webhook = house.webhooks.find(&house.grant, hook).await.unwrap();
    assert_eq!(webhook.disabled.map(|(_, why)| why).as_deref(), Some("by an admin"), "that is the reason");
}

async fn an_organisation_has_a_hundred_however_many_are_made_at_once(database: Database) {
    let house = House::on(database).await;
    let make = || {
        let new = NewWebhook { url: "https://receiver.invalid/".to_owned(), events: Vec::new() };
        house.webhooks.create(&house.grant, new)
    };
    for _ in 0..97 {
        make().await.unwrap();
    }
    let made = join_all((0..8).map(|_| make())).await;
    let refused: Vec<_> = made.into_iter().filter_map(Result::err).map(|error| error.kind()).collect();
    assert_eq!(refused, [Kind::Conflict; 5]);
}

on_both!(
    one_that_is_switched_on_in_that_moment_stays_on one_that_is_switched_on_in_that_moment_stays_on_on_postgres,
    one_that_is_switched_off_in_that_moment_is_told_nothing
        one_that_is_switched_off_in_that_moment_is_told_nothing_on_postgres,
    a_receiver_that_is_away_has_longer_pauses_however_many_queues_it_has
        a_receiver_that_is_away_has_longer_pauses_however_many_queues_it_has_on_postgres,
    what_an_address_failed_at_is_not_held_against_the_next
        what_an_address_failed_at_is_not_held_against_the_next_on_postgres,
    what_waits_behind_costs_nothing what_waits_behind_costs_nothing_on_postgres,
    removing_a_webhook_costs_the_same_whatever_it_was_told
        removing_a_webhook_costs_the_same_whatever_it_was_told_on_postgres,
    one_that_is_switched_on_keeps_what_waits_and_may_have_as_much_again
        one_that_is_switched_on_keeps_what_waits_and_may_have_as_much_again_on_postgres,
    an_organisation_has_a_hundred_however_many_are_made_at_once
        an_organisation_has_a_hundred_however_many_are_made_at_once_on_postgres
);
