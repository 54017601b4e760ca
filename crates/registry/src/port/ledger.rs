//! The audit log as it is sealed, verified, searched and forgotten.

use async_trait::async_trait;
use wharf_core::{Result, Timestamp};

use crate::audit::{Hash, Head, Month, RecordPlace};

/// A record as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Its row, in the order of which records are listed.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What kind of principal acted.
    pub actor_kind: String,
    /// Its account.
    pub actor_id: Option<i64>,
    /// Its name.
    pub actor: String,
    /// By what it was known.
    pub credential: String,
    /// From where.
    pub address: Option<String>,
    /// On which request.
    pub request_id: String,
    /// What was done.
    pub action: String,
    /// In which organisation.
    pub organisation: Option<String>,
    /// In which repository, by its canonical name.
    pub repository: Option<String>,
    /// To what.
    pub target: Option<String>,
    /// To which content.
    pub digest: Option<String>,
    /// How often.
    pub times: i64,
    /// Where it stands in the log; none: it is not sealed yet.
    pub seal: Option<Seal>,
}

/// Where a record stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The month it was sealed in.
    pub month: Month,
    /// Its number within that, from 0.
    pub number: u64,
    /// Its leaf, as it was sealed.
    pub leaf: Hash,
}

/// A head as its row tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadRow {
    /// What it says.
    pub head: Head,
    /// The signature under that.
    pub signature: Vec<u8>,
    /// The peaks that the tree goes on from.
    pub peaks: Vec<u8>,
    /// When the whole month was exported, and the signature under that.
    pub exported: Option<(Timestamp, Vec<u8>)>,
    /// When its records were removed, and the signature under that.
    pub removed: Option<(Timestamp, Vec<u8>)>,
}

/// What is not sealed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// How many records, up to a bound.
    pub records: u64,
    /// Of when the earliest of them is.
    pub since: Option<Timestamp>,
}

/// Which records are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsOf {
    /// Of this organisation; none: of all.
    pub organisation: Option<String>,
    /// By whom.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// In which repository, by its canonical name.
    pub repository: Option<String>,
    /// To which content.
    pub digest: Option<wharf_core::Digest>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Only what comes after this one in the list.
    pub before: Option<RecordPlace>,
    /// So many, the latest first.
    pub most: u32,
}

/// The sealed log.
#[async_trait]
pub trait Ledger {
    /// Records that are not sealed, in the order they were written down.
    async fn unsealed(&mut self, most: u32) -> Result<Vec<RecordRow>>;
    /// Writes down where records stand: row, number and leaf of each. How many that were; one that stands somewhere
    /// already stays there.
    async fn seal(&mut self, month: Month, records: &[(i64, u64, Hash)]) -> Result<u64>;
    /// All heads, the earliest first.
    async fn heads(&mut self) -> Result<Vec<HeadRow>>;
    /// Puts the head of a month in the place of the one of `seen` records, or as its first; false where another stands
    /// there.
    async fn put_head(&mut self, head: &HeadRow, seen: Option<u64>) -> Result<bool>;
    /// Records that say they were sealed from one place of the log on, before another, in order. A place is a month and a
    /// number.
    async fn sealed_between(
        &mut self,
        from: (Month, u64),
        to: (Month, u64),
        most: u32,
    ) -> Result<Vec<RecordRow>>;
    /// What is not sealed yet, counted up to `most`.
    async fn tail(&mut self, most: u32) -> Result<Tail>;
    /// Rows that have a number in the log, and no month that it is of; at most `most`.
    async fn placeless(&mut self, most: u32) -> Result<Vec<i64>>;
    /// Notes that a whole month was exported.
    async fn note_export(&mut self, month: Month, at: Timestamp, signature: &[u8]) -> Result<()>;
    /// Notes that the records of a month are removed.
    async fn note_removal(&mut self, month: Month, at: Timestamp, signature: &[u8]) -> Result<()>;
    /// Removes up to `most` sealed records of a month; says how many.
    async fn remove_sealed(&mut self, month: Month, most: u32) -> Result<u64>;
    /// Records that are looked for, the latest first: by time, and then by row.
    async fn records(&mut self, wanted: &RecordsOf) -> Result<Vec<RecordRow>>;
}
