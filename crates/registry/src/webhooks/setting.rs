//! Making, changing and removing webhooks, and their deliveries as their admins see them.

use async_trait::async_trait;
use wharf_core::{
    Error, Kind, OrganisationGrant, Page, PageAfter, Result, Secret, Subject, Timestamp,
    audit::{AuditRecord, Event},
    duty::Administer,
    gate::{Granted as _, OrganisationId},
};

use super::{
    MOST, Webhooks,
    handing_on::{QUEUE, is_full},
    message::shown,
};
use crate::port::{DeliveryRow, DeliveryState, Extent, Transaction, WebhookRow, Work};

/// How many deliveries may wait for one that is switched on: each time as many may come again as a queue holds.
const MOST_WAITING: u32 = 5 * QUEUE;
/// The longest URL, in bytes.
const LONGEST: usize = 2000;
/// What secrets are sealed for.
pub(super) const PURPOSE: &str = "webhook";

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Where it leads.
    pub url: String,
    /// The kinds of events it wants; none named: all.
    pub events: Vec<String>,
}

/// What is to change of a webhook; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// Where it leads.
    pub url: Option<String>,
    /// The kinds of events it wants.
    pub events: Option<Vec<String>>,
    /// Whether it is on.
    pub enabled: Option<bool>,
}

/// A webhook that was just made.
#[derive(Debug)]
pub struct CreatedWebhook {
    /// Its row.
    pub row: WebhookRow,
    /// What its messages are signed with, which is shown this once.
    pub secret: Secret<String>,
}

/// A delivery of a webhook, by their rows.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryOf {
    /// The webhook.
    pub webhook: i64,
    /// The delivery.
    pub delivery: i64,
}

impl Webhooks {
    /// The webhooks of an organisation.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn list(&self, grant: &OrganisationGrant<Administer>) -> Result<Vec<WebhookRow>> {
        self.store().view(List(grant.organisation())).await
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound` also for one of another organisation.
    pub async fn find(&self, grant: &OrganisationGrant<Administer>, id: i64) -> Result<WebhookRow> {
        self.store().view(Find { organisation: grant.organisation(), id }).await
    }

    /// Makes a webhook; its secret, which is shown this once.
    ///
    /// # Errors
    /// `Invalid` for a URL that is none, and for an event that there is not; `Denied` for one that leads where nothing is
    /// brought; `Conflict` where the organisation has as many as it may.
    pub async fn create(
        &self,
        grant: &OrganisationGrant<Administer>,
        new: NewWebhook,
    ) -> Result<CreatedWebhook> {
        self.expect_url(&new.url)?;
        expect_events(&new.events)?;
        let (now, secret): (_, [u8; 32]) = (self.0.clock.now(), self.0.entropy.bytes());
        let webhook = WebhookRow {
            id: 0,
            organisation: grant.organisation(),
            organisation_name: grant.name().clone(),
            url: new.url,
            secret: self.0.vault.seal(PURPOSE, &secret)?,
            events: new.events,
            created_at: now,
            failing_since: None,
            failures: 0,
            paused_until: now,
            disabled: None,
            waiting: 0,
            spared: 0,
        };
        let record = self.record(grant, "webhook.create", &webhook);
        let made = self.store().commit_by(grant, Create { webhook, record }).await?;
        Ok(CreatedWebhook { row: made, secret: shown(&secret) })
    }

    /// Changes a webhook. One that is switched on, or leads elsewhere, has nothing held against it any more. Where it is
    /// switched on, what waits is sent first, and does not count against what may wait.
    ///
    /// # Errors
    /// As [`Webhooks::create`], but `Conflict` where too much waits for one that is switched on; `NotFound`.
    pub async fn change(
        &self,
        grant: &OrganisationGrant<Administer>,
        id: i64,
        change: WebhookChange,
    ) -> Result<WebhookRow> {
        if let Some(url) = &change.url {
            self.expect_url(url)?;
        }
        expect_events(change.events.as_deref().unwrap_or_default())?;
        let record = AuditRecord::new(self.0.clock.now(), grant.holder(), "webhook.set");
        let record = AuditRecord { organisation: Some(grant.name().clone()), ..record };
        let organisation = grant.organisation();
        self.store().commit_by(grant, Change { organisation, id, change, record }).await
    }

    /// Removes a webhook. Nothing of it is seen any more; its deliveries, however many, go by [`Webhooks::forget`].
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn remove(&self, grant: &OrganisationGrant<Administer>, id: i64) -> Result<()> {
        let webhook = self.find(grant, id).await?;
        let record = self.record(grant, "webhook.delete", &webhook);
        self.store().commit_by(grant, Remove { id, record }).await
    }

    /// A page of a webhook's deliveries before a row, the latest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn deliveries(
        &self,
        grant: &OrganisationGrant<Administer>,
        id: i64,
        PageAfter { last, limit }: PageAfter<i64>,
    ) -> Result<Page<DeliveryRow>> {
        let webhook = self.find(grant, id).await?.id;
        let most = u32::try_from(limit.get() + 1).unwrap_or(u32::MAX);
        Ok(Page::cut(self.store().view(ListDeliveries { webhook, before: last, most }).await?, limit))
    }

    /// Sends the message of a delivery once more, as a delivery of its own.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` for a webhook that is off.
    pub async fn redeliver(
        &self,
        grant: &OrganisationGrant<Administer>,
        DeliveryOf { webhook, delivery }: DeliveryOf,
    ) -> Result<DeliveryRow> {
        let found = self.find(grant, webhook).await?;
        if found.disabled.is_some() {
            return Err(Error::new(Kind::Conflict, "the webhook is off: switch it on first"));
        }
        let record = self.record(grant, "webhook.redeliver", &found);
        self.store().commit_by(grant, Redeliver { webhook, delivery, record }).await
    }

    fn expect_url(&self, url: &str) -> Result<()> {
        if url.len() > LONGEST {
            return Err(Error::new(Kind::Invalid, format!("a URL has at most {LONGEST} bytes")));
        }
        self.0.courier.expect_open(url)
    }

    fn record(
        &self,
        grant: &OrganisationGrant<Administer>,
        action: &'static str,
        webhook: &WebhookRow,
    ) -> AuditRecord {
        let record = AuditRecord::new(self.0.clock.now(), grant.holder(), action);
        AuditRecord { organisation: Some(grant.name().clone()), target: Some(told(webhook)), ..record }
    }
}

/// What is recorded of a webhook: its row, and the host it leads to. Many receivers take the path for a secret.
fn told(webhook: &WebhookRow) -> String {
    let (scheme, rest) = webhook.url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let off = if webhook.disabled.is_some() { " off" } else { "" };
    format!("{} {scheme}://{host}{off}", webhook.id)
}

fn expect_events(events: &[String]) -> Result<()> {
    match events.iter().find(|event| !Event::KINDS.contains(&event.as_str())) {
        None => Ok(()),
        Some(event) => {
            let message = format!("there is no event {event}; there are {}", Event::KINDS.join(", "));
            Err(Error::new(Kind::Invalid, message))
        }
    }
}

fn gone() -> Error {
    Error::not_found(Subject::Webhook)
}

struct List(OrganisationId);

#[async_trait]
impl Transaction for List {
    type Output = Vec<WebhookRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<WebhookRow>> {
        work.webhooks(self.0, MOST).await
    }
}

struct Find {
    organisation: OrganisationId,
    id: i64,
}

#[async_trait]
impl Transaction for Find {
    type Output = WebhookRow;

    async fn run(&self, work: &mut dyn Work) -> Result<WebhookRow> {
        let found = work.webhook(self.id).await?;
        found.filter(|webhook| webhook.organisation == self.organisation).ok_or_else(gone)
    }
}

struct Create {
    webhook: WebhookRow,
    record: AuditRecord,
}

#[async_trait]
impl Transaction for Create {
    type Output = WebhookRow;

    async fn run(&self, work: &mut dyn Work) -> Result<WebhookRow> {
        // Held, so that they are counted one after the other, and none comes to belong to what is being removed.
        work.hold_organisation(self.webhook.organisation).await?;
        if work.webhooks(self.webhook.organisation, MOST).await?.len() >= MOST as usize {
            return Err(Error::new(Kind::Conflict, format!("an organisation has at most {MOST} webhooks")));
        }
        let id = work.put_webhook(&self.webhook).await?;
        let made = WebhookRow { id, ..self.webhook.clone() };
        work.audit(&AuditRecord { target: Some(told(&made)), ..self.record.clone() }).await?;
        Ok(made)
    }
}

struct Change {
    organisation: OrganisationId,
    id: i64,
    change: WebhookChange,
    /// When, and who; not yet of what.
    record: AuditRecord,
}

impl Change {
    /// Has what waits not count against what may, where that does not go on for ever.
    async fn make_room(&self, work: &mut dyn Work, webhook: &WebhookRow) -> Result<()> {
        if self.change.enabled != Some(true) {
            return Ok(());
        }
        if webhook.waiting >= MOST_WAITING {
            let waiting = webhook.waiting;
            let message = format!("{waiting} deliveries wait for this webhook: remove it and make it anew");
            return Err(Error::new(Kind::Conflict, message));
        }
        work.spare_waiting(self.id).await
    }

    fn apply(&self, webhook: &mut WebhookRow) {
        let now = self.record.at;
        if let Some(url) = self.change.url.as_ref().filter(|url| **url != webhook.url) {
            webhook.url.clone_from(url);
            webhook.begin_anew(now);
        }
        webhook.events = self.change.events.clone().unwrap_or_else(|| std::mem::take(&mut webhook.events));
        match self.change.enabled {
            Some(false) => drop(webhook.disabled.get_or_insert_with(|| (now, "by an admin".to_owned()))),
            Some(true) => {
                webhook.disabled = None;
                webhook.begin_anew(now);
            }
            None => {}
        }
    }
}

#[async_trait]
impl Transaction for Change {
    type Output = WebhookRow;

    async fn run(&self, work: &mut dyn Work) -> Result<WebhookRow> {
        let found = work.lock_webhook(self.id).await?;
        let found = found.filter(|webhook| webhook.organisation == self.organisation);
        let mut webhook = found.ok_or_else(gone)?;
        self.make_room(work, &webhook).await?;
        self.apply(&mut webhook);
        work.put_webhook(&webhook).await?;
        work.audit(&AuditRecord { target: Some(told(&webhook)), ..self.record.clone() }).await?;
        Ok(webhook)
    }
}

struct Remove {
    id: i64,
    record: AuditRecord,
}

#[async_trait]
impl Transaction for Remove {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        // Held first, as by all that changes its deliveries.
        work.lock_webhook(self.id).await?.ok_or_else(gone)?;
        work.remove_webhook(self.id, self.record.at).await?;
        work.audit(&self.record).await
    }
}

struct ListDeliveries {
    webhook: i64,
    before: Option<i64>,
    most: u32,
}

#[async_trait]
impl Transaction for ListDeliveries {
    type Output = Vec<DeliveryRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<DeliveryRow>> {
        work.deliveries(self.webhook, self.before, self.most).await
    }
}

struct Redeliver {
    webhook: i64,
    delivery: i64,
    record: AuditRecord,
}

#[async_trait]
impl Transaction for Redeliver {
    type Output = DeliveryRow;

    async fn run(&self, work: &mut dyn Work) -> Result<DeliveryRow> {
        let found = work.deliveries(self.webhook, Some(self.delivery.saturating_add(1)), 1).await?;
        let old = found.into_iter().find(|found| found.id == self.delivery).ok_or_else(gone)?;
        // Its queue has a bound, whoever fills it.
        let webhook = work.lock_webhook(self.webhook).await?.ok_or_else(gone)?;
        if is_full(&webhook) {
            let message = format!("{} deliveries wait for this webhook already", webhook.waiting);
            return Err(Error::new(Kind::Conflict, message));
        }
        work.add_deliveries(&anew(old, self.record.at), &[self.webhook]).await?;
        work.audit(&self.record).await?;
        let added = work.deliveries(self.webhook, None, 1).await?.into_iter().next();
        added.ok_or_else(|| Error::internal("a delivery that was just added is not there"))
    }
}

/// The same message as a delivery that was never sent.
fn anew(old: DeliveryRow, now: Timestamp) -> DeliveryRow {
    let (last_at, last_status, last_error) = Default::default();
    let state = DeliveryState::Pending;
    DeliveryRow {
        id: 0,
        created_at: now,
        state,
        attempts: 0,
        due_at: Some(now),
        last_at,
        last_status,
        last_error,
        ..old
    }
}
