//! Webhooks: what happens in an organisation, told to whom its admins named.
//!
//! An event is written down in the transaction of what it tells of. A job, on one node at a time, turns the events into
//! deliveries, one for each webhook that wants them, and posts those: at least once, those of one repository in order,
//! again with growing pauses where nobody takes them. Each receiver has a lane of its own, so one that is slow or gone holds
//! nobody else up.

mod message;
mod sending;
mod setting;

use std::sync::Arc;

use wharf_core::{Clock, Entropy, Result, Vault};

pub use self::{
    sending::Lanes,
    setting::{NewWebhook, WebhookChange},
};
use crate::port::{Courier, Store};

/// What webhooks work with.
pub struct WebhookParts {
    /// Where truth lives.
    pub store: Arc<dyn Store>,
    /// Seals their secrets.
    pub vault: Arc<dyn Vault>,
    /// Brings the messages.
    pub courier: Arc<dyn Courier>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Who this process is among those that share the store.
    pub node: String,
    /// For how many seconds a node that sends keeps that to itself.
    pub lease: i64,
    /// For how many seconds a delivery is tried.
    pub patience: i64,
    /// After how many seconds of nothing but failures a webhook is switched off.
    pub give_up: i64,
    /// For how many seconds ended deliveries are remembered.
    pub history: i64,
}

/// The webhooks. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Webhooks(Arc<WebhookParts>);

impl Webhooks {
    /// The webhooks over these parts.
    pub fn new(parts: WebhookParts) -> Self {
        Self(Arc::new(parts))
    }

    fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    async fn take_lease(&self) -> Result<bool> {
        let WebhookParts { node, lease, clock, .. } = self.0.as_ref();
        crate::housekeeping::take_lease(self.store(), "webhooks", (node, *lease), clock.now()).await
    }
}
