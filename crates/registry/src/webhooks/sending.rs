//! From the outbox to the receivers.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use wharf_core::{Actor, Error, Result, Timestamp, audit::AuditRecord, gate::OrganisationId};

use super::{Webhooks, message::letter, setting::PURPOSE};
use crate::port::{DeliveryRow, DeliveryState, EventRow, Transaction, WebhookRow, Work};

/// How many events are handed on in one transaction.
const STEP: u32 = 100;
/// How many receivers are served at once.
const LANES: usize = 32;
/// How many messages a receiver gets before others have their turn.
const ROW: usize = 50;
/// How many deliveries may wait for a receiver.
const QUEUE: u32 = 10_000;
/// The longest pause before a message is sent again, in seconds.
const LONGEST_PAUSE: i64 = 3600;
/// The most webhooks an organisation has.
const OF_ORGANISATION: u32 = 100;

/// The receivers that are being served.
#[derive(Clone, Debug, Default)]
pub struct Lanes(Arc<Mutex<HashSet<i64>>>);

/// The lane of one receiver, until it is dropped.
struct Lane {
    lanes: Lanes,
    webhook: i64,
}

impl Lanes {
    /// The lane of a receiver, unless it is being served, or there is none left.
    fn enter(&self, webhook: i64) -> Option<Lane> {
        let mut busy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entered = busy.len() < LANES && busy.insert(webhook);
        entered.then(|| Lane { lanes: self.clone(), webhook })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.lanes.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.webhook);
    }
}

/// What came of an attempt.
enum Outcome {
    Taken(u16),
    Refused(u16),
    Unreachable(String),
}

impl Webhooks {
    /// Hands new events on and begins to send what is due, on tasks of its own; nothing while another node does it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn round(&self, lanes: &Lanes) -> Result<()> {
        let due = self.store().view(FindDue(self.0.clock.now())).await?;
        if due.is_none() || !self.take_lease().await? {
            return Ok(());
        }
        while self.store().commit(HandOn { now: self.0.clock.now() }).await? == u64::from(STEP) {}
        for webhook in self.store().view(FindDue(self.0.clock.now())).await?.unwrap_or_default() {
            let Some(lane) = lanes.enter(webhook) else { continue };
            tokio::spawn(self.clone().keep_to(lane));
        }
        Ok(())
    }

    /// Forgets deliveries that ended long ago; says how many.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn forget(&self) -> Result<u64> {
        let before = self.0.clock.now().plus_seconds(-self.0.history);
        let mut forgotten = 0;
        loop {
            let step = self.store().commit(Forget(before)).await?;
            forgotten += step;
            if step < u64::from(STEP) {
                return Ok(forgotten);
            }
        }
    }

    /// Serves the receiver of a lane, and holds the lane until that is done.
    async fn keep_to(self, lane: Lane) {
        if let Err(error) = self.serve(lane.webhook).await {
            tracing::warn!(webhook = lane.webhook, ?error, "a webhook could not be served");
        }
    }

    /// Sends what is due for a receiver, until nothing is, or it takes no more.
    async fn serve(&self, webhook: i64) -> Result<()> {
        for _ in 0..ROW {
            let next = self.store().view(FindNext { webhook, now: self.0.clock.now() }).await?;
            let Some((webhook, delivery)) = next else { return Ok(()) };
            let secret = self.0.vault.open(PURPOSE, &webhook.secret);
            let secret = secret.ok_or_else(|| Error::internal("a webhook's secret does not open"))?;
            let letter = letter(&delivery, &webhook.url, secret.expose(), self.0.clock.now());
            let outcome = match self.0.courier.deliver(letter).await {
                Ok(status) if (200..300).contains(&status) => Outcome::Taken(status),
                Ok(status) => Outcome::Refused(status),
                Err(error) => Outcome::Unreachable(error.to_string()),
            };
            let settle = self.settle(webhook.id, delivery, outcome);
            if self.store().commit(settle).await? == Mood::Unwell {
                return Ok(());
            }
        }
        Ok(())
    }

    fn settle(&self, webhook: i64, mut delivery: DeliveryRow, outcome: Outcome) -> Settle {
        let now = self.0.clock.now();
        delivery.attempts += 1;
        delivery.last_at = Some(now);
        let mood = match &outcome {
            Outcome::Taken(_) => Mood::Well,
            // What it understood and did not want says nothing of the next one.
            Outcome::Refused(status) if (400..500).contains(status) && !matches!(status, 408 | 410 | 429) => {
                Mood::Picky
            }
            Outcome::Refused(_) | Outcome::Unreachable(_) => Mood::Unwell,
        };
        (delivery.last_status, delivery.last_error) = match outcome {
            Outcome::Taken(status) | Outcome::Refused(status) => (Some(status), None),
            Outcome::Unreachable(words) => (None, Some(words)),
        };
        delivery.due_at = now.plus_seconds(self.pause(delivery.attempts));
        let ends = delivery.created_at.plus_seconds(self.0.patience);
        delivery.state = match mood {
            Mood::Well => DeliveryState::Delivered,
            Mood::Picky | Mood::Unwell if delivery.due_at > ends => DeliveryState::Failed,
            Mood::Picky | Mood::Unwell => DeliveryState::Pending,
        };
        Settle { webhook, delivery, mood, now, give_up: self.0.give_up }
    }

    /// One second, then twice as long each time, give or take a fifth, so that receivers are not all asked at once.
    fn pause(&self, attempts: u32) -> i64 {
        let pause = 1_i64.checked_shl(attempts.saturating_sub(1)).unwrap_or(i64::MAX).clamp(1, LONGEST_PAUSE);
        let [chance]: [u8; 1] = self.0.entropy.bytes();
        pause + pause * (i64::from(chance) - 128) / 640
    }
}

/// How a receiver takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// It took this one.
    Well,
    /// It did not want this one.
    Picky,
    /// It takes none now.
    Unwell,
}

/// Turns events into deliveries; says how many events there were.
struct HandOn {
    now: Timestamp,
}

#[async_trait]
impl Transaction for HandOn {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        let events = work.take_events(STEP).await?;
        let mut known = HashMap::<OrganisationId, Vec<WebhookRow>>::new();
        for event in &events {
            let webhooks = match known.entry(event.organisation) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    unknown.insert(work.webhooks(event.organisation, OF_ORGANISATION).await?)
                }
            };
            for webhook in webhooks.iter_mut().filter(|webhook| wants(webhook, &event.kind)) {
                self.hand_on(work, webhook, event).await?;
            }
        }
        Ok(events.len() as u64)
    }
}

impl HandOn {
    /// Writes a delivery down. Where too many wait already, the webhook is switched off: its queue has a bound.
    async fn hand_on(&self, work: &mut dyn Work, webhook: &mut WebhookRow, event: &EventRow) -> Result<()> {
        if work.pending(webhook.id, QUEUE).await? >= QUEUE {
            return switch_off(work, webhook, (self.now, format!("{QUEUE} deliveries wait for it"))).await;
        }
        let (message, body) = event.message()?;
        let (last_at, last_status, last_error) = Default::default();
        let delivery = DeliveryRow {
            id: 0,
            webhook: webhook.id,
            repository: event.repository,
            message,
            kind: event.kind.clone(),
            body,
            created_at: self.now,
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: self.now,
            last_at,
            last_status,
            last_error,
        };
        work.add_delivery(&delivery).await.map(drop)
    }
}

fn wants(webhook: &WebhookRow, kind: &str) -> bool {
    let is_on = webhook.disabled.is_none();
    is_on && (webhook.events.is_empty() || webhook.events.iter().any(|event| event == kind))
}

#[allow(clippy::disallowed_methods, reason = "the job that sends switches it off")]
async fn switch_off(work: &mut dyn Work, webhook: &mut WebhookRow, why: (Timestamp, String)) -> Result<()> {
    let Some(now) = work.lock_webhook(webhook.id).await? else { return Ok(()) };
    *webhook = now;
    tracing::warn!(webhook = webhook.id, why = why.1, "a webhook is switched off");
    let record = AuditRecord::new(why.0, &Actor::job("webhooks"), "webhook.disable");
    let organisation = Some(webhook.organisation_name.clone());
    let target = Some(format!("{}: {}", webhook.id, why.1));
    webhook.disabled = Some(why);
    work.put_webhook(webhook).await?;
    work.audit(&AuditRecord { organisation, target, ..record }).await
}

/// Writes down what became of an attempt, and what that says of the receiver.
struct Settle {
    webhook: i64,
    delivery: DeliveryRow,
    mood: Mood,
    now: Timestamp,
    give_up: i64,
}

#[async_trait]
impl Transaction for Settle {
    type Output = Mood;

    async fn run(&self, work: &mut dyn Work) -> Result<Mood> {
        work.set_delivery(&self.delivery).await?;
        let Some(mut webhook) = work.lock_webhook(self.webhook).await? else { return Ok(Mood::Unwell) };
        if self.mood == Mood::Well {
            if webhook.failing_since.take().is_some() {
                webhook.paused_until = self.now;
                work.put_webhook(&webhook).await?;
            }
            return Ok(Mood::Well);
        }
        let since = *webhook.failing_since.get_or_insert(self.now);
        if self.mood == Mood::Unwell {
            webhook.paused_until = self.delivery.due_at;
        }
        work.put_webhook(&webhook).await?;
        if since.plus_seconds(self.give_up) <= self.now && webhook.disabled.is_none() {
            let why = "it took nothing for too long".to_owned();
            switch_off(work, &mut webhook, (self.now, why)).await?;
        }
        Ok(self.mood)
    }
}

/// Webhooks that something is due for; none where there is nothing to do at all.
struct FindDue(Timestamp);

#[async_trait]
impl Transaction for FindDue {
    type Output = Option<Vec<i64>>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<Vec<i64>>> {
        let (due, has_events) = (work.due_webhooks(self.0, STEP).await?, work.has_events().await?);
        Ok((has_events || !due.is_empty()).then_some(due))
    }
}

/// The next delivery of a webhook, and the webhook as it is now.
struct FindNext {
    webhook: i64,
    now: Timestamp,
}

#[async_trait]
impl Transaction for FindNext {
    type Output = Option<(WebhookRow, DeliveryRow)>;

    async fn run(&self, work: &mut dyn Work) -> Result<Self::Output> {
        let webhook = work.webhook(self.webhook).await?.filter(|webhook| webhook.disabled.is_none());
        let delivery = work.due_delivery(self.webhook, self.now).await?;
        Ok(webhook.zip(delivery))
    }
}

struct Forget(Timestamp);

#[async_trait]
impl Transaction for Forget {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.forget_deliveries(self.0, STEP).await
    }
}
