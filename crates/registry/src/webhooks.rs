//! Webhooks: what happens in an organisation, told to whom its admins named.
//!
//! An event is written down in the transaction of what it tells of. A job, on one node at a time, turns the events into
//! deliveries, one for each webhook that wants them, and posts those: at least once, those of one repository in order,
//! again with growing pauses where nobody takes them. Each receiver has a lane of its own, and an organisation only some of
//! them, so those that are slow or gone hold nobody else up.

mod handing_on;
mod lanes;
mod message;
mod sending;
mod setting;

use std::sync::Arc;

use wharf_core::{Clock, Entropy, Vault};

pub use self::{
    lanes::Lanes,
    setting::{CreatedWebhook, DeliveryOf, NewWebhook, WebhookChange},
};
use crate::{
    lease::Lease,
    port::{Courier, Store},
};

/// How many webhooks an organisation may have: each event is written down for each.
const MOST: u32 = 100;

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

    fn lease(&self) -> Lease {
        Lease { name: "webhooks", node: self.0.node.clone() }
    }
}
