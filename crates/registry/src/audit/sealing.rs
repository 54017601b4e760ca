//! Writing down what was noted, and sealing what was written.

use std::sync::Arc;

use async_trait::async_trait;
use wharf_core::{
    Error, Result, Timestamp,
    audit::{AuditRecord, HeadSigner},
};

use super::{AuditLog, AuditParts, Hash, Head, Month, SEALING, STEP, tree::Tree};
use crate::{
    lease::Lease,
    port::{HeadRow, RecordRow, Transaction, Work},
};

impl AuditLog {
    /// Writes down what was noted since the last time; says how many records that is. What cannot be written is noted
    /// again.
    ///
    /// # Errors
    /// `Unavailable`, `StorageFull`.
    pub async fn write_notes(&self) -> Result<u64> {
        let records = self.0.notebook.take(self.0.clock.now());
        let count = records.len() as u64;
        if records.is_empty() {
            return Ok(0);
        }
        let records: Arc<[AuditRecord]> = records.into();
        let written = self.store().commit(WriteDown(records.clone())).await;
        if written.is_err() {
            self.0.notebook.put_back(&records);
        }
        written.map(|()| count)
    }

    /// Seals what is not sealed yet, until nothing is; nothing while another node does it. Says how many records that
    /// were.
    ///
    /// # Errors
    /// `Internal` where the last head is not what was signed: then the log was changed, and nothing is sealed on top of
    /// that. `Unavailable`.
    pub async fn seal(&self) -> Result<u64> {
        if self.store().view(FindTail).await? == 0 {
            return Ok(0);
        }
        let mut sealed = 0;
        loop {
            let AuditParts { signer, clock, .. } = self.0.as_ref();
            let seal = Seal { signer: signer.clone(), lease: self.lease(SEALING), now: clock.now() };
            let step = self.store().commit(seal).await?;
            sealed += step;
            if step < u64::from(STEP) {
                return Ok(sealed);
            }
        }
    }
}

struct WriteDown(Arc<[AuditRecord]>);

#[async_trait]
impl Transaction for WriteDown {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        for record in self.0.iter() {
            work.audit(record).await?;
        }
        Ok(())
    }
}

struct FindTail;

#[async_trait]
impl Transaction for FindTail {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        Ok(work.tail(1).await?.records)
    }
}

/// Seals the next records, if nobody else does. Two nodes may do so at once, for a lease ends while its holder sleeps: then one of them finds
/// that a record was sealed since it read it, or another head than it read, and nothing of its step stays.
struct Seal {
    signer: Arc<dyn HeadSigner>,
    lease: Lease,
    now: Timestamp,
}

#[async_trait]
impl Transaction for Seal {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        if !self.lease.take(work, self.now).await? {
            return Ok(0);
        }
        let records = work.unsealed(STEP).await?;
        if records.is_empty() {
            return Ok(0);
        }
        let last = work.heads().await?.pop();
        let (month, previous, mut tree) = self.place(last.as_ref())?;
        let seen = last.filter(|last| last.head.month == month).map(|last| last.head.size);
        let leaves = records.iter().map(|record| leaf_of(record, &mut tree)).collect::<Result<Vec<_>>>()?;
        let meanwhile = || Error::unavailable("another node sealed the same records");
        if work.seal(month, &leaves).await? != leaves.len() as u64 {
            return Err(meanwhile());
        }
        let head = Head { month, size: tree.size(), root: tree.root(), previous, at: self.now };
        let signature = self.signer.sign(head.text().as_bytes())?;
        let row = HeadRow { head, signature, peaks: tree.save(), exported: None, removed: None };
        if !work.put_head(&row, seen).await? {
            return Err(meanwhile());
        }
        Ok(leaves.len() as u64)
    }
}

impl Seal {
    /// Where the next records go: into the month of now. Names of months only grow, for the heads are a chain: where the
    /// clock was ahead and came back, the log goes on under the name that it has by then, and takes the name after that
    /// when the month turns.
    fn place(&self, last: Option<&HeadRow>) -> Result<(Month, Hash, Tree)> {
        let now = Month::of(self.now);
        let Some(last) = last else { return Ok((now, Hash::default(), Tree::default())) };
        let tree = Tree::restore(last.head.size, &last.peaks);
        let tree = tree.filter(|tree| tree.root() == last.head.root && last.is_signed(self.signer.as_ref()));
        let changed = || Error::internal("the head of the audit log is not what was signed");
        let tree = tree.ok_or_else(changed)?;
        let (name, has_turned) = (last.head.month, now > Month::of(last.head.at));
        if now == name || (now < name && !has_turned) {
            return Ok((name, last.head.previous, tree));
        }
        Ok((now.max(name.next()), last.head.hash(), Tree::default()))
    }
}

fn leaf_of(record: &RecordRow, tree: &mut Tree) -> Result<(i64, u64, Hash)> {
    let (number, leaf) = (tree.size(), record.leaf()?);
    tree.push(leaf);
    Ok((record.id, number, leaf))
}
