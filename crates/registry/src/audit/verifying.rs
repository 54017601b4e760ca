//! Holding every sealed record against the heads that were signed.

use async_trait::async_trait;
use wharf_core::Result;

use super::{AuditLog, Hash, Head, Month, Noted, STEP, tree::Tree};
use crate::port::{Extent, HeadRow, RecordRow, Tail, Transaction, Work};

/// How far the unsealed records are counted.
const COUNTED: u32 = 1_000_000;
/// How many rows that stand where none can be are named.
const NAMED: u32 = 100;

/// Something that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFinding {
    /// A record is not what was sealed.
    Edited {
        /// The month it was sealed in.
        month: Month,
        /// Its number in that.
        number: u64,
        /// Its row.
        row: i64,
    },
    /// Records are gone.
    Missing {
        /// The month they were sealed in.
        month: Month,
        /// The number of the first of them.
        from: u64,
        /// The number after the last of them.
        to: u64,
    },
    /// A record stands where none was sealed.
    Inserted {
        /// The month it says it was sealed in.
        month: Month,
        /// The number it says.
        number: u64,
        /// Its row.
        row: i64,
    },
    /// A row says that it was sealed, and not in which month.
    Placeless {
        /// The row.
        row: i64,
    },
    /// A head, or what is said of its export or removal, is not what was signed.
    Forged {
        /// Of which month.
        month: Month,
    },
    /// A head does not follow the one before: it, or one between them, was taken away or put in.
    Unchained {
        /// Of which month.
        month: Month,
    },
    /// The records of a month, each as its own leaf says, do not lead to the signed root.
    Astray {
        /// Of which month.
        month: Month,
    },
    /// The log is not the one that had this root once.
    Rewritten {
        /// In which month.
        month: Month,
        /// At how many records.
        size: u64,
    },
}

/// A month whose records Wharf removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedMonth {
    /// Which.
    pub month: Month,
    /// How many records it had.
    pub records: u64,
}

/// What was verified.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// How many records.
    pub records: u64,
    /// The months whose records Wharf removed.
    pub removed: Vec<RemovedMonth>,
    /// The last head.
    pub head: Option<Head>,
    /// What is not sealed yet.
    pub tail: Tail,
}

/// Hears how far a verification is, and what it finds.
#[async_trait]
pub trait AuditInspector: Send {
    /// So many records of so many were read.
    async fn passed(&mut self, records: u64, of: u64) -> Result<()>;
    /// Something is not as it was sealed.
    async fn found(&mut self, finding: AuditFinding) -> Result<()>;
}

impl AuditLog {
    /// Reads every sealed record and holds it against the signed heads. `noted` is a root that was noted
    /// elsewhere: with it a log that was set back, or written anew, is found too.
    ///
    /// # Errors
    /// `Unavailable`; the inspector's.
    pub async fn verify(&self, noted: Option<Noted>, inspector: &mut dyn AuditInspector) -> Result<Checked> {
        let heads = self.store().view(Heads).await?;
        let sizes = heads.iter().filter(|row| row.removed.is_none()).map(|row| row.head.size);
        let of = sizes.fold(0, u64::saturating_add);
        let mut walk = Walk { log: self, inspector, noted, of, checked: Checked::default() };
        walk.chain(&heads).await?;
        for row in &heads {
            walk.month(row).await?;
        }
        walk.between().await?;
        let (inspector, noted) = (walk.inspector, walk.noted);
        let mut checked = walk.checked;
        if let Some(Noted { month, size, .. }) = noted {
            // Nobody came past it: the log is shorter than it was.
            inspector.found(AuditFinding::Rewritten { month, size }).await?;
        }
        checked.tail = self.store().view(FindTail).await?;
        checked.head = heads.last().map(|row| row.head);
        Ok(checked)
    }

    /// Whether Wharf began to remove the records of a month, perhaps while they were read.
    async fn is_removed_by_now(&self, month: Month) -> Result<bool> {
        let heads = self.store().view(Heads).await?;
        let found = heads.iter().find(|row| row.head.month == month);
        Ok(found.and_then(|row| row.is_removal_signed(self.signer())) == Some(true))
    }
}

/// A verification on its way.
struct Walk<'a> {
    log: &'a AuditLog,
    inspector: &'a mut dyn AuditInspector,
    /// The noted root, until the walk came past it.
    noted: Option<Noted>,
    of: u64,
    checked: Checked,
}

/// A month on its way.
struct Course {
    month: Month,
    /// The number of the next record.
    next: u64,
    tree: Tree,
    /// Whether records are gone, so that the tree leads to no root any more.
    spoilt: bool,
}

impl Walk<'_> {
    /// Heads and what they say of each other.
    async fn chain(&mut self, heads: &[HeadRow]) -> Result<()> {
        let mut previous = Hash::default();
        for row in heads {
            let (month, signer) = (row.head.month, self.log.signer());
            let said = [row.is_export_signed(signer), row.is_removal_signed(signer)];
            if !row.is_signed(signer) || said.contains(&Some(false)) {
                self.inspector.found(AuditFinding::Forged { month }).await?;
            }
            if row.head.previous != previous {
                self.inspector.found(AuditFinding::Unchained { month }).await?;
            }
            previous = row.head.hash();
        }
        Ok(())
    }

    async fn month(&mut self, row: &HeadRow) -> Result<()> {
        let Head { month, size, root, .. } = row.head;
        if row.removed.is_some() {
            self.checked.removed.push(RemovedMonth { month, records: size });
            // What is gone cannot be hashed; its last root can be compared.
            self.pass(month, size, || root).await?;
            return Ok(());
        }
        let mut course = Course { month, next: 0, tree: Tree::default(), spoilt: false };
        while course.next < size {
            let most = u32::try_from(size - course.next).unwrap_or(STEP).min(4 * STEP);
            let page = Sealed { month, from: course.next, to: size, most };
            let records = self.log.store().view(page).await?;
            if !is_whole(&records, (course.next, most)) && self.log.is_removed_by_now(month).await? {
                self.checked.removed.push(RemovedMonth { month, records: size });
                return Ok(());
            }
            for record in &records {
                self.record(&mut course, record).await?;
            }
            if records.len() < most as usize && course.next < size {
                self.missing(&mut course, size).await?;
            }
            self.inspector.passed(self.checked.records, self.of).await?;
        }
        if !course.spoilt && course.tree.root() != root {
            self.inspector.found(AuditFinding::Astray { month }).await?;
        }
        Ok(())
    }

    async fn record(&mut self, course: &mut Course, record: &RecordRow) -> Result<()> {
        let Some(seal) = record.seal else { return Ok(()) };
        if seal.number > course.next {
            self.missing(course, seal.number).await?;
        }
        let (month, number) = (course.month, seal.number);
        if record.leaf()? != seal.leaf {
            self.inspector.found(AuditFinding::Edited { month, number, row: record.id }).await?;
        }
        // The rest is held against what was sealed, so that what else was done is found too.
        if !course.spoilt {
            course.tree.push(seal.leaf);
        }
        course.next = number + 1;
        self.checked.records += 1;
        let (size, tree) = (course.tree.size(), &course.tree);
        let noted = self.noted.filter(|noted| !course.spoilt && (noted.month, noted.size) == (month, size));
        if noted.is_some() {
            let root = tree.root();
            self.pass(month, size, || root).await?;
        }
        Ok(())
    }

    /// Records up to a number are gone; what follows leads to no root.
    async fn missing(&mut self, course: &mut Course, to: u64) -> Result<()> {
        let (month, from) = (course.month, course.next);
        self.inspector.found(AuditFinding::Missing { month, from, to }).await?;
        (course.spoilt, course.next) = (true, to);
        Ok(())
    }

    /// Compares the noted root, if this is where it was noted.
    async fn pass(&mut self, month: Month, size: u64, root: impl FnOnce() -> Hash) -> Result<()> {
        let Some(noted) = self.noted.take_if(|noted| (noted.month, noted.size) == (month, size)) else {
            return Ok(());
        };
        if noted.root == root() {
            return Ok(());
        }
        self.inspector.found(AuditFinding::Rewritten { month, size }).await
    }

    /// Rows that say they were sealed where nothing was.
    async fn between(&mut self) -> Result<()> {
        for row in self.log.store().view(Placeless).await? {
            self.inspector.found(AuditFinding::Placeless { row }).await?;
        }
        for record in self.log.store().view(Strays).await? {
            let Some(seal) = record.seal else { continue };
            let (month, number, row) = (seal.month, seal.number, record.id);
            self.inspector.found(AuditFinding::Inserted { month, number, row }).await?;
        }
        Ok(())
    }
}

/// Whether records are those of the next numbers, one after the other, and as many as there must be.
fn is_whole(records: &[RecordRow], (next, most): (u64, u32)) -> bool {
    let numbers = records.iter().filter_map(|record| record.seal).map(|seal| seal.number);
    numbers.eq(next..next.saturating_add(most.into()))
}

struct Heads;

#[async_trait]
impl Transaction for Heads {
    type Output = Vec<HeadRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<HeadRow>> {
        work.heads().await
    }
}

struct FindTail;

#[async_trait]
impl Transaction for FindTail {
    type Output = Tail;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Tail> {
        work.tail(COUNTED).await
    }
}

pub(super) struct Sealed {
    pub(super) month: Month,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) most: u32,
}

#[async_trait]
impl Transaction for Sealed {
    type Output = Vec<RecordRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<RecordRow>> {
        work.sealed_between((self.month, self.from), (self.month, self.to), self.most).await
    }
}

struct Placeless;

#[async_trait]
impl Transaction for Placeless {
    type Output = Vec<i64>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<i64>> {
        work.placeless(NAMED).await
    }
}

/// Heads and the rows between them, of one state.
struct Strays;

#[async_trait]
impl Transaction for Strays {
    type Output = Vec<RecordRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<RecordRow>> {
        let heads = work.heads().await?;
        let ends = heads.iter().map(|row| (row.head.month, row.head.size));
        let starts = [(Month::from_number(i64::MIN), 0)].into_iter().chain(ends);
        let nexts = heads.iter().map(|row| (row.head.month, 0));
        let nexts = nexts.chain([(Month::from_number(i64::MAX), 0)]);
        let mut strays = Vec::new();
        for (from, to) in starts.zip(nexts) {
            strays.extend(work.sealed_between(from, to, NAMED).await?);
        }
        Ok(strays)
    }
}
