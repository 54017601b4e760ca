//! From the outbox to deliveries: one for each webhook that wants to hear of an event.

use std::collections::{HashMap, hash_map::Entry};

use async_trait::async_trait;
use wharf_core::{Actor, Result, Timestamp, audit::AuditRecord, gate::OrganisationId};

use super::MOST;
use crate::{
    lease::Lease,
    port::{DeliveryRow, DeliveryState, EventRow, Transaction, WebhookRow, Work},
};

/// How many events are handed on in one transaction.
pub(super) const STEP: u32 = 100;
/// How many deliveries may wait for a receiver, beside those that waited when it was switched on.
pub(super) const QUEUE: u32 = 10_000;

/// Turns events into deliveries; says how many events there were, or nothing where another node does it.
pub(super) struct HandOn {
    pub(super) lease: Lease,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for HandOn {
    type Output = Option<u64>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<u64>> {
        if !self.lease.take(work, self.now).await? {
            return Ok(None);
        }
        let events = work.take_events(STEP).await?;
        let mut known = HashMap::<OrganisationId, Vec<WebhookRow>>::new();
        for event in &events {
            let webhooks = match known.entry(event.organisation) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(work.webhooks(event.organisation, MOST).await?),
            };
            self.hand_on(work, webhooks, event).await?;
        }
        Ok(Some(events.len() as u64))
    }
}

impl HandOn {
    /// Writes a delivery down for each that wants it. Where too many wait already, the webhook is switched off: its queue
    /// has a bound.
    async fn hand_on(
        &self,
        work: &mut dyn Work,
        webhooks: &mut [WebhookRow],
        event: &EventRow,
    ) -> Result<()> {
        let mut wanting = Vec::new();
        for webhook in webhooks.iter_mut().filter(|webhook| wants(webhook, &event.kind)) {
            if is_full(webhook) && !self.has_room_after_all(work, webhook, &event.kind).await? {
                continue;
            }
            webhook.waiting += 1;
            wanting.push(webhook.id);
        }
        if wanting.is_empty() {
            return Ok(());
        }
        work.add_deliveries(&self.delivery(event)?, &wanting).await
    }

    /// Asks a webhook that seems full once more while nobody else changes it: an admin may have mended it since it was read,
    /// or its receiver caught up. One that is full is switched off.
    async fn has_room_after_all(
        &self,
        work: &mut dyn Work,
        webhook: &mut WebhookRow,
        kind: &str,
    ) -> Result<bool> {
        let Some(held) = work.lock_webhook(webhook.id).await? else { return Ok(false) };
        *webhook = held;
        if !wants(webhook, kind) {
            return Ok(false);
        }
        if is_full(webhook) {
            switch_off(work, webhook, (self.now, format!("{QUEUE} deliveries wait for it"))).await?;
            return Ok(false);
        }
        Ok(true)
    }

    fn delivery(&self, event: &EventRow) -> Result<DeliveryRow> {
        let (message, body) = event.message()?;
        let (last_at, last_status, last_error) = Default::default();
        Ok(DeliveryRow {
            id: 0,
            webhook: 0,
            repository: event.repository,
            message,
            kind: event.kind.clone(),
            body,
            created_at: self.now,
            state: DeliveryState::Pending,
            attempts: 0,
            due_at: Some(self.now),
            last_at,
            last_status,
            last_error,
        })
    }
}

/// Whether nothing more may wait for a receiver.
pub(super) const fn is_full(webhook: &WebhookRow) -> bool {
    webhook.waiting.saturating_sub(webhook.spared) >= QUEUE
}

fn wants(webhook: &WebhookRow, kind: &str) -> bool {
    let is_on = webhook.disabled.is_none();
    is_on && (webhook.events.is_empty() || webhook.events.iter().any(|event| event == kind))
}

/// Switches a webhook off that this transaction holds and that is on, and stores what else was changed of it.
#[expect(clippy::disallowed_methods, reason = "the job that sends switches it off")]
pub(super) async fn switch_off(
    work: &mut dyn Work,
    webhook: &mut WebhookRow,
    why: (Timestamp, String),
) -> Result<()> {
    tracing::warn!(webhook = webhook.id, why = why.1, "a webhook is switched off");
    let record = AuditRecord::new(why.0, &Actor::job("webhooks"), "webhook.disable");
    let organisation = Some(webhook.organisation_name.clone());
    let target = Some(format!("{}: {}", webhook.id, why.1));
    webhook.disabled = Some(why);
    work.put_webhook(webhook).await?;
    work.audit(&AuditRecord { organisation, target, ..record }).await
}
