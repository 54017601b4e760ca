//! Exporting the log, and forgetting months that were.

use async_trait::async_trait;
use wharf_core::{Error, Kind, OperatorGrant, Result, Timestamp, audit::AuditRecord};

use super::{AuditLog, FORGETTING, Head, Month, STEP, Tree, verifying::Sealed};
use crate::{
    lease::Lease,
    port::{HeadRow, RecordRow, Transaction, Work},
};

/// What became of the months that are old enough to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many records were removed.
    pub removed: u64,
    /// How many months wait for their export.
    pub waiting: u64,
}

/// A month on its way out of the log: its records are held against what was sealed while they are told.
pub struct MonthExport {
    log: AuditLog,
    head: Head,
    tree: Tree,
}

/// A month of which every record was told, and is what was sealed.
#[derive(Clone, Copy, Debug)]
pub struct Exported(Head);

impl MonthExport {
    /// The next lines; none at its end.
    ///
    /// # Errors
    /// `Conflict` for a record that is gone, or is not what was sealed; `Unavailable`.
    pub async fn next(&mut self) -> Result<Vec<String>> {
        let Head { month, size, .. } = self.head;
        if self.tree.size() >= size {
            return Ok(Vec::new());
        }
        let page = Sealed { month, from: self.tree.size(), to: size, most: STEP };
        let records = self.log.store().view(page).await?;
        if records.is_empty() {
            return Err(self.damaged(format!("record {} of {month} is gone", self.tree.size())));
        }
        records.iter().map(|record| self.tell(record)).collect()
    }

    /// That all of it was told.
    ///
    /// # Errors
    /// `Conflict` where the records do not lead to the root that was signed.
    pub fn end(self) -> Result<Exported> {
        let Head { month, size, root, .. } = self.head;
        if (self.tree.size(), self.tree.root()) != (size, root) {
            return Err(self.damaged(format!("the records of {month} do not lead to its signed root")));
        }
        Ok(Exported(self.head))
    }

    fn tell(&mut self, record: &RecordRow) -> Result<String> {
        let (month, number) = (self.head.month, self.tree.size());
        let seal = record.seal.filter(|seal| seal.number == number);
        let seal = seal.ok_or_else(|| self.damaged(format!("record {number} of {month} is gone")))?;
        if record.leaf()? != seal.leaf {
            return Err(self.damaged(format!("record {number} of {month} is not what was sealed")));
        }
        self.tree.push(seal.leaf);
        record.exported()
    }

    fn damaged(&self, words: String) -> Error {
        Error::new(Kind::Conflict, format!("{words}: see wharf audit verify"))
    }
}

impl Exported {
    /// Of which month, and how many records.
    pub const fn head(&self) -> &Head {
        &self.0
    }
}

impl AuditLog {
    /// The heads of all months, the earliest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn heads(&self) -> Result<Vec<HeadRow>> {
        self.store().view(Heads).await
    }

    /// Begins to export a month.
    ///
    /// # Errors
    /// `Conflict` for a head that is not what was signed.
    pub fn export_month(&self, _: &OperatorGrant, row: &HeadRow) -> Result<MonthExport> {
        let export = MonthExport { log: self.clone(), head: row.head, tree: Tree::default() };
        if !row.is_signed(self.signer()) {
            return Err(export.damaged(format!("the head of {} is not what was signed", row.head.month)));
        }
        Ok(export)
    }

    /// Notes that a whole month was exported to where it stays, so that its records may be forgotten. That is signed: who
    /// can write to the database cannot have a month forgotten that nobody has.
    ///
    /// # Errors
    /// `Conflict` for a month that is not over; `Unavailable`.
    pub async fn note_export(&self, grant: &OperatorGrant, exported: &Exported) -> Result<()> {
        let (now, head) = (self.0.clock.now(), exported.0);
        let signature = self.0.signer.sign(head.export(now).as_bytes())?;
        let record = AuditRecord::by(now, grant, "audit.export");
        let record = AuditRecord { target: Some(head.month.to_string()), ..record };
        self.store().commit_by(grant, NoteExport { head, signature, record }).await
    }

    /// Removes the records of months that are old enough and were exported, in steps; their heads stay.
    ///
    /// # Errors
    /// `Unavailable`; what was done by then stays done.
    pub async fn forget(&self) -> Result<Kept> {
        let mut kept = Kept::default();
        let Some(history) = self.0.history else { return Ok(kept) };
        let before = Month::of(self.0.clock.now().plus_seconds(-history));
        let mut heads = self.heads().await?;
        // The last one is still being written to, however old it is.
        heads.pop();
        // A month is as old as its last seal; its name may be ahead of that.
        for row in heads.iter().filter(|row| Month::of(row.head.at) < before) {
            match (row.is_removal_signed(self.signer()), row.is_export_signed(self.signer())) {
                (None, Some(true)) => kept.removed += self.remove(row).await?,
                (None, _) => kept.waiting += 1,
                // One whose removal was cut off.
                (Some(true), _) => kept.removed += self.remove_records(row.head.month).await?,
                // Somebody else says that it was removed. That is for a verification to find.
                (Some(false), _) => {}
            }
        }
        Ok(kept)
    }

    /// First it is said and signed, then done: what is missing in between was removed by Wharf. Nothing while another node
    /// does it.
    async fn remove(&self, row: &HeadRow) -> Result<u64> {
        let now = self.0.clock.now();
        let signature = self.0.signer.sign(row.head.removal(now).as_bytes())?;
        let note = NoteRemoval { lease: self.lease(FORGETTING), month: row.head.month, now, signature };
        match self.store().commit(note).await? {
            true => self.remove_records(row.head.month).await,
            false => Ok(0),
        }
    }

    async fn remove_records(&self, month: Month) -> Result<u64> {
        let mut removed = 0;
        loop {
            let remove = Remove { lease: self.lease(FORGETTING), month, now: self.0.clock.now() };
            let step = self.store().commit(remove).await?;
            removed += step;
            if step < u64::from(STEP) {
                return Ok(removed);
            }
        }
    }
}

struct Heads;

#[async_trait]
impl Transaction for Heads {
    type Output = Vec<HeadRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<HeadRow>> {
        work.heads().await
    }
}

struct NoteExport {
    head: Head,
    signature: Vec<u8>,
    record: AuditRecord,
}

#[async_trait]
impl Transaction for NoteExport {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let heads = work.heads().await?;
        let is_over = heads.last().is_some_and(|last| last.head.month > self.head.month);
        let is_whole = heads.iter().any(|row| row.head == self.head);
        if !is_over || !is_whole {
            let message = format!("{} is not over: more may be sealed in it", self.head.month);
            return Err(Error::new(Kind::Conflict, message));
        }
        work.note_export(self.head.month, self.record.at, &self.signature).await?;
        work.audit(&self.record).await
    }
}

struct NoteRemoval {
    lease: Lease,
    month: Month,
    now: Timestamp,
    signature: Vec<u8>,
}

#[async_trait]
impl Transaction for NoteRemoval {
    type Output = bool;

    #[expect(clippy::disallowed_methods, reason = "the log is shortened by the job that does it")]
    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        if !self.lease.take(work, self.now).await? {
            return Ok(false);
        }
        work.note_removal(self.month, self.now, &self.signature).await?;
        let record = AuditRecord::new(self.now, &wharf_core::Actor::job("audit"), "audit.forget");
        work.audit(&AuditRecord { target: Some(self.month.to_string()), ..record }).await?;
        Ok(true)
    }
}

struct Remove {
    lease: Lease,
    month: Month,
    now: Timestamp,
}

#[async_trait]
impl Transaction for Remove {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        if !self.lease.take(work, self.now).await? {
            return Ok(0);
        }
        work.remove_sealed(self.month, STEP).await
    }
}
