//! The audit log: records are written down with what they tell of, then sealed in order, and can be verified, searched,
//! exported and – by whole months that were exported – forgotten.
//!
//! Sealing puts each record into the tree of the month it is sealed in ([`Tree`]) and signs that tree's [`Head`]; the head
//! of a month names the one before. So a record that is edited, removed or put in between is found, by
//! [`AuditLog::verify`], by anybody who has an export, and even if whoever did it could write to the database: the key that
//! signs is sealed under one that does not lie there.

mod head;
mod keeping;
mod line;
mod month;
mod noted;
mod sealing;
mod search;
mod tree;
mod verifying;

use std::sync::Arc;

use wharf_core::{
    Clock, Result,
    audit::{HeadSigner, Notebook},
};

pub use self::{
    head::Head,
    keeping::{Exported, Kept, MonthExport},
    month::Month,
    noted::Noted,
    search::{RecordFilter, RecordPlace},
    tree::{Hash, Tree, leaf},
    verifying::{AuditFinding, AuditInspector, Checked, RemovedMonth},
};
use crate::{lease::Lease, port::Store};

/// How many records one step takes on: it is one transaction, which others wait for.
const STEP: u32 = 250;
/// What one node does at a time: sealing records, and removing months.
const SEALING: &str = "audit";
const FORGETTING: &str = "audit-history";

/// What the audit log works with.
pub struct AuditParts {
    /// Where truth lives.
    pub store: Arc<dyn Store>,
    /// Signs heads.
    pub signer: Arc<dyn HeadSigner>,
    /// What is noted beside transactions.
    pub notebook: Arc<Notebook>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who this process is among those that share the store.
    pub node: String,
    /// How old a month must be before its records may be removed, in seconds; none: they never are.
    pub history: Option<i64>,
}

/// The audit log. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct AuditLog(Arc<AuditParts>);

impl AuditLog {
    /// The log over these parts.
    pub fn new(parts: AuditParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Signs heads, and tells by which key.
    pub fn signer(&self) -> &dyn HeadSigner {
        self.0.signer.as_ref()
    }

    fn store(&self) -> &dyn Store {
        self.0.store.as_ref()
    }

    /// Lets another node go on at once with what this one did alone.
    ///
    /// # Errors
    /// `Unavailable`: then the others wait for half a minute.
    pub async fn leave(&self) -> Result<()> {
        for name in [SEALING, FORGETTING] {
            self.lease(name).end(self.store(), self.0.clock.now()).await?;
        }
        Ok(())
    }

    fn lease(&self, name: &'static str) -> Lease {
        Lease { name, node: self.0.node.clone() }
    }
}
