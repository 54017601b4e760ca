//! Whether what organisations store is what they are counted to store.

use async_trait::async_trait;
use wharf_core::{Result, gate::OrganisationId};

use super::{Finding, Inspector, Repair};
use crate::{
    Registry,
    port::{Extent, Recount, Transaction, Work},
};

impl Registry {
    /// Counts what the organisation after one stores anew; `OrganisationId(0)` is before all.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn recount(&self, last: OrganisationId) -> Result<Option<Recount>> {
        self.store().view(CountAnew(last)).await
    }

    pub(super) async fn verify_usage(&self, repair: Repair, inspector: &mut dyn Inspector) -> Result<()> {
        let mut last = OrganisationId(0);
        while let Some(recount) = self.recount(last).await? {
            last = recount.organisation;
            if recount.counted == recount.found {
                continue;
            }
            let (counted, found) = (recount.counted.bytes(), recount.found.bytes());
            inspector.found(Finding::Miscounted { organisation: recount.name, counted, found }).await?;
            if repair == Repair::Yes {
                self.store().commit(Correct(last)).await?;
            }
        }
        Ok(())
    }
}

/// Both numbers are of one state, so what comes and goes meanwhile makes no difference.
struct CountAnew(OrganisationId);

#[async_trait]
impl Transaction for CountAnew {
    type Output = Option<Recount>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Option<Recount>> {
        work.recount(self.0).await
    }
}

struct Correct(OrganisationId);

#[async_trait]
impl Transaction for Correct {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.correct_usage(self.0).await
    }
}
