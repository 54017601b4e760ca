//! Leases of what one node does all the time: sealing the audit log, shortening it, telling webhooks.
//!
//! They are short, and prolonged in the transactions of what is done under them; a node that stops gives them back. So
//! another one goes on at once after a stop, and soon after a crash.

use async_trait::async_trait;
use wharf_core::{Result, Timestamp};

use crate::port::{LeaseClaim, Store, Transaction, Work};

/// How long a lease stands that is not prolonged, in seconds.
pub(crate) const LENGTH: i64 = 30;

/// Something that one node does at a time, and the node that wants to.
#[derive(Clone, Debug)]
pub(crate) struct Lease {
    pub(crate) name: &'static str,
    pub(crate) node: String,
}

impl Lease {
    /// Takes or prolongs it, in the transaction of what is done under it; false while another node has it.
    pub(crate) async fn take(&self, work: &mut dyn Work, now: Timestamp) -> Result<bool> {
        work.take_lease(&self.claim(now), now).await
    }

    /// Gives it back.
    pub(crate) async fn end(&self, store: &dyn Store, now: Timestamp) -> Result<()> {
        store.commit(EndLease(self.claim(now))).await
    }

    fn claim(&self, now: Timestamp) -> LeaseClaim {
        let until = now.plus_seconds(LENGTH);
        LeaseClaim { name: self.name.into(), holder: self.node.clone(), until }
    }
}

/// Gives a lease back, if its holder still has it.
pub(crate) struct EndLease(pub(crate) LeaseClaim);

#[async_trait]
impl Transaction for EndLease {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.end_lease(&self.0).await
    }
}
