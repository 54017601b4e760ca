//! The store of truth: transactions in, durable results out.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use wharf_core::{
    Digest, Error, Reference, Result,
    gate::{Granted, RepositoryId},
};

use super::{BlobRow, ManifestRow, Work, warrants::ByRight};

/// How much an operation reads, so that a store can keep long ones from holding short ones up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A few rows: a name, a right, a login, one content.
    Few,
    /// A list, or a search through many rows.
    List,
}

/// One unit of work, all or nothing. It holds what it needs and can be run again from the start.
#[async_trait]
pub trait Transaction: Send + Sync + 'static {
    /// What it yields.
    type Output: Send + 'static;

    /// How much it reads.
    fn extent(&self) -> Extent {
        Extent::Few
    }

    /// Does the work. It waits for nothing but `work`, for a whole batch may wait for it.
    async fn run(&self, work: &mut dyn Work) -> Result<Self::Output>;
}

/// A transaction whose output a store need not know.
#[async_trait]
pub trait Operation: Send + Sync {
    /// How much it reads.
    fn extent(&self) -> Extent;

    /// Does the work and keeps the output of this, the latest run.
    async fn perform(&self, work: &mut dyn Work) -> Result<()>;
}

/// What pulls look for, over and over: a store may answer from memory, if that is what a transaction that begins now
/// would find. Whoever was told that something changed finds it changed.
#[async_trait]
pub trait Lookups: Send + Sync {
    /// The manifest a reference names in a repository.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer.
    async fn manifest(&self, repository: RepositoryId, reference: &Reference) -> Result<Option<ManifestRow>>;

    /// A blob, if it is a member of the repository.
    ///
    /// # Errors
    /// As [`Lookups::manifest`].
    async fn member(&self, repository: RepositoryId, digest: &Digest) -> Result<Option<BlobRow>>;
}

/// Where truth lives.
#[async_trait]
pub trait Store: Lookups {
    /// Runs an operation in a write transaction of its own, or in one shared with others of which each can fail
    /// alone. `Ok` only once it is durable. Dropping the future cancels nothing.
    ///
    /// # Errors
    /// The operation's own, with nothing of it stored; `Unavailable` when the commit's outcome is unknown.
    async fn write(&self, operation: Arc<dyn Operation>) -> Result<()>;

    /// Runs an operation on one consistent state; it may only read.
    ///
    /// # Errors
    /// The operation's own; `Unavailable` when the store does not answer, or is too busy to.
    async fn read(&self, operation: Arc<dyn Operation>) -> Result<()>;

    /// Whether the store answers.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    async fn check(&self) -> Result<()>;

    /// Whether other processes may work on the same truth.
    fn is_shared(&self) -> bool;
}

impl dyn Store + '_ {
    /// Runs a transaction to its durable end.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn commit<T: Transaction>(&self, transaction: T) -> Result<T::Output> {
        let slot = Arc::new(Slot::new(transaction));
        self.write(slot.clone()).await?;
        slot.take()
    }

    /// Runs a transaction to its durable end, if the right to it still stands.
    ///
    /// # Errors
    /// As [`Store::write`]; those of [`wharf_core::gate::Warrant::expect`].
    pub async fn commit_by<T: Transaction>(&self, grant: &impl Granted, transaction: T) -> Result<T::Output> {
        self.commit(ByRight { warrant: grant.warrant(), transaction }).await
    }

    /// Runs a transaction that only reads.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn view<T: Transaction>(&self, transaction: T) -> Result<T::Output> {
        let slot = Arc::new(Slot::new(transaction));
        self.read(slot.clone()).await?;
        slot.take()
    }
}

/// A transaction and the output of its latest run.
struct Slot<T: Transaction> {
    transaction: T,
    output: Mutex<Option<T::Output>>,
}

impl<T: Transaction> Slot<T> {
    const fn new(transaction: T) -> Self {
        Self { transaction, output: Mutex::new(None) }
    }

    fn take(&self) -> Result<T::Output> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        output.take().ok_or_else(|| Error::internal("the store reported success of what it did not run"))
    }
}

#[async_trait]
impl<T: Transaction> Operation for Slot<T> {
    fn extent(&self) -> Extent {
        self.transaction.extent()
    }

    async fn perform(&self, work: &mut dyn Work) -> Result<()> {
        let output = self.transaction.run(work).await?;
        *self.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output);
        Ok(())
    }
}
