//! Exporting the log, and forgetting months that were.

use async_trait::async_trait;
use wharf_core::{Error, Kind, OperatorGrant, Result, Timestamp, audit::AuditRecord};

use super::{AuditLog, Head, Month, STEP, verifying::Sealed};
use crate::port::{HeadRow, Transaction, Work};

/// What became of the months that are old enough to be forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many records were removed.
    pub removed: u64,
    /// How many months wait for their export.
    pub waiting: u64,
}

impl AuditLog {
    /// The heads of all months, the earliest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn heads(&self) -> Result<Vec<HeadRow>> {
        self.store().view(Heads).await
    }

    /// Some lines of the export of a month, from this number on; none at its end.
    ///
    /// # Errors
    /// `NotFound` where nothing was sealed in it, or its records were removed; `Unavailable`.
    pub async fn export_month(&self, _: &OperatorGrant, head: &Head, from: u64) -> Result<Vec<String>> {
        if from >= head.size {
            return Ok(Vec::new());
        }
        let page = Sealed { month: head.month, from, to: head.size, most: STEP };
        let records = self.store().view(page).await?;
        if records.first().and_then(|record| record.seal).is_none_or(|seal| seal.number != from) {
            let message = format!("record {from} of {} is gone: see wharf audit verify", head.month);
            return Err(Error::new(Kind::NotFound(wharf_core::Subject::Name), message));
        }
        records.iter().map(|record| record.exported()).collect()
    }

    /// Notes that a whole month was exported to where it stays, so that its records may be forgotten.
    ///
    /// # Errors
    /// `Conflict` for a month that is not over; `Unavailable`.
    pub async fn note_export(&self, grant: &OperatorGrant, head: &Head) -> Result<()> {
        let now = self.0.clock.now();
        let record = AuditRecord::by(now, grant, "audit.export");
        let record = AuditRecord { target: Some(head.month.to_string()), ..record };
        self.store().commit_by(grant, NoteExport { head: *head, record }).await
    }

    /// Removes the records of months that are old enough and were exported, in steps; their heads stay. Nothing while
    /// another node does it.
    ///
    /// # Errors
    /// `Unavailable`; what was done by then stays done.
    pub async fn forget(&self) -> Result<Kept> {
        let mut kept = Kept::default();
        let Some(history) = self.0.history else { return Ok(kept) };
        if !self.take_lease("audit-history").await? {
            return Ok(kept);
        }
        let before = Month::of(self.0.clock.now().plus_seconds(-history));
        let mut heads = self.heads().await?;
        // The last one is still being written to, however old it is.
        heads.pop();
        for row in heads.iter().filter(|row| row.head.month < before) {
            match (&row.removed, row.exported_at) {
                (None, None) => kept.waiting += 1,
                (None, Some(_)) => kept.removed += self.remove(row).await?,
                // One whose removal was cut off.
                (Some(_), _) => kept.removed += self.remove_records(row.head.month).await?,
            }
        }
        Ok(kept)
    }

    /// First it is said and signed, then done: what is missing in between was removed by Wharf.
    async fn remove(&self, row: &HeadRow) -> Result<u64> {
        let now = self.0.clock.now();
        let signature = self.0.signer.sign(row.head.removal(now).as_bytes())?;
        self.store().commit(NoteRemoval { month: row.head.month, now, signature }).await?;
        self.remove_records(row.head.month).await
    }

    async fn remove_records(&self, month: Month) -> Result<u64> {
        let mut removed = 0;
        loop {
            let step = self.store().commit(Remove(month)).await?;
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
        work.note_export(self.head.month, self.record.at).await?;
        work.audit(&self.record).await
    }
}

struct NoteRemoval {
    month: Month,
    now: Timestamp,
    signature: Vec<u8>,
}

#[async_trait]
impl Transaction for NoteRemoval {
    type Output = ();

    #[allow(clippy::disallowed_methods, reason = "the log is shortened by the job that does it")]
    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.note_removal(self.month, self.now, &self.signature).await?;
        let record = AuditRecord::new(self.now, &wharf_core::Actor::job("audit"), "audit.forget");
        work.audit(&AuditRecord { target: Some(self.month.to_string()), ..record }).await
    }
}

struct Remove(Month);

#[async_trait]
impl Transaction for Remove {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.remove_sealed(self.0, STEP).await
    }
}
