//! Webhooks, and what is on its way to them.

use async_trait::async_trait;
use wharf_core::{OrganisationName, Result, Timestamp, gate::OrganisationId};

/// A webhook as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The name of that.
    pub organisation_name: OrganisationName,
    /// Where it leads.
    pub url: String,
    /// What its messages are signed with, sealed.
    pub secret: Vec<u8>,
    /// The kinds of events it wants; none named: all.
    pub events: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when nothing reached it.
    pub failing_since: Option<Timestamp>,
    /// How many attempts in a row it failed at, whatever they were about; none once it took something.
    pub failures: u32,
    /// Until when it is left alone.
    pub paused_until: Timestamp,
    /// Since when it is off, and why.
    pub disabled: Option<(Timestamp, String)>,
    /// How many of its deliveries are pending. The store counts; what is put does not matter.
    pub waiting: u32,
    /// How many of those do not count against its bound, for they waited when it was switched on. The store counts.
    pub spared: u32,
}

impl WebhookRow {
    /// Holds nothing against its receiver any more.
    pub(crate) fn begin_anew(&mut self, now: Timestamp) {
        (self.failing_since, self.failures, self.paused_until) = (None, 0, now);
    }
}

/// A webhook that something is due for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueWebhook {
    /// Its row.
    pub id: i64,
    /// Whose it is.
    pub organisation: OrganisationId,
}

/// An event that somebody may want to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    /// Its row.
    pub id: i64,
    /// The organisation it happened in.
    pub organisation: OrganisationId,
    /// The repository it happened in.
    pub repository: i64,
    /// That one's canonical name.
    pub path: String,
    /// Its number there.
    pub sequence: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: String,
    /// The tag, if one moved.
    pub tag: Option<String>,
    /// The content.
    pub digest: Option<String>,
    /// The name of who did it.
    pub actor: String,
}

/// What became of a delivery so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be sent, again perhaps.
    Pending,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Its word in rows and answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of a word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|state| state.word() == word)
    }
}

/// A delivery as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Its row, in the order of which they are listed.
    pub id: i64,
    /// To which webhook.
    pub webhook: i64,
    /// Of which repository; those of one are sent in order.
    pub repository: i64,
    /// The message's id: the same when it is sent again.
    pub message: String,
    /// The kind of its event.
    pub kind: String,
    /// The message.
    pub body: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next; not while an earlier one of its repository is pending, and not once it ended.
    pub due_at: Option<Timestamp>,
    /// When it was last sent.
    pub last_at: Option<Timestamp>,
    /// The status it was answered with.
    pub last_status: Option<u16>,
    /// Why there was none.
    pub last_error: Option<String>,
}

/// Webhooks, and the events they may want.
#[async_trait]
pub trait Hooks {
    /// The webhooks of an organisation by row, at most `most`.
    async fn webhooks(&mut self, organisation: OrganisationId, most: u32) -> Result<Vec<WebhookRow>>;
    /// One of any organisation.
    async fn webhook(&mut self, id: i64) -> Result<Option<WebhookRow>>;
    /// The same, held against other changes until the transaction ends.
    async fn lock_webhook(&mut self, id: i64) -> Result<Option<WebhookRow>>;
    /// Makes one, whose `id` does not count, or sets what may change of one; its row.
    async fn put_webhook(&mut self, webhook: &WebhookRow) -> Result<i64>;
    /// Has what waits for one not count against its bound any more.
    async fn spare_waiting(&mut self, id: i64) -> Result<()>;
    /// Removes one. Its deliveries, of which there may be any number, are seen no more, and go by
    /// [`Deliveries::forget_removed`].
    async fn remove_webhook(&mut self, id: i64, now: Timestamp) -> Result<()>;
    /// Whether there are events to be handed on.
    async fn has_events(&mut self) -> Result<bool>;
    /// Takes events out of the outbox that were not handed on yet, the earliest first.
    async fn take_events(&mut self, most: u32) -> Result<Vec<EventRow>>;
}

/// What is on its way to webhooks: a queue for each repository, of which only the head is ever due. To look for what is due
/// costs the same whatever waits behind.
#[async_trait]
pub trait Deliveries {
    /// Adds a pending delivery to each of these webhooks, whatever it says itself of whose it is and when it is due: the head
    /// of a queue is due at once. The webhooks are held against other changes until the transaction ends.
    async fn add_deliveries(&mut self, delivery: &DeliveryRow, webhooks: &[i64]) -> Result<()>;
    /// Sets what became of a pending delivery. Where it came to its end, the next one of its repository is due. Its webhook is
    /// one that this transaction holds.
    async fn set_delivery(&mut self, delivery: &DeliveryRow) -> Result<()>;
    /// Webhooks that are on, not paused, and have something due, at most `most`: one of each organisation first, then a second
    /// of each.
    async fn due_webhooks(&mut self, now: Timestamp, most: u32) -> Result<Vec<DueWebhook>>;
    /// What is due for longest for a webhook: never something while an earlier delivery of the same repository is pending.
    async fn due_delivery(&mut self, webhook: i64, now: Timestamp) -> Result<Option<DeliveryRow>>;
    /// Deliveries of a webhook before a row, the latest first.
    async fn deliveries(&mut self, webhook: i64, before: Option<i64>, most: u32) -> Result<Vec<DeliveryRow>>;
    /// Forgets deliveries that were made before and came to an end; says how many.
    async fn forget_deliveries(&mut self, before: Timestamp, most: u32) -> Result<u64>;
    /// Forgets deliveries of webhooks that were removed, and webhooks that have none left, up to `most` of each; says
    /// how many rows.
    async fn forget_removed(&mut self, most: u32) -> Result<u64>;
}
