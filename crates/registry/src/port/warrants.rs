//! What a change rests on, asked in the transaction that makes it.

use async_trait::async_trait;
use wharf_core::{Result, gate::Warrant};

use super::{Extent, Transaction, Work};

/// Who may still do what.
#[async_trait]
pub trait Warrants {
    /// Refuses what a warrant no longer allows, and holds what it rests on until the transaction ends.
    ///
    /// # Errors
    /// Those of [`Warrant::expect`].
    async fn expect_warrant(&mut self, warrant: &Warrant) -> Result<()>;
}

/// A transaction that its warrant allows as long as that stands.
pub(super) struct ByRight<T> {
    pub(super) warrant: Warrant,
    pub(super) transaction: T,
}

#[async_trait]
impl<T: Transaction> Transaction for ByRight<T> {
    type Output = T::Output;

    fn extent(&self) -> Extent {
        self.transaction.extent()
    }

    async fn run(&self, work: &mut dyn Work) -> Result<T::Output> {
        work.expect_warrant(&self.warrant).await?;
        self.transaction.run(work).await
    }
}
