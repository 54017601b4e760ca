//! Looking records up: an organisation's admin in its own, the operator in all.

use async_trait::async_trait;
use wharf_core::{
    Digest, OperatorGrant, OrganisationGrant, Page, PageAfter, Place, Result, Timestamp, duty::Administer,
};

use super::AuditLog;
use crate::port::{Extent, RecordRow, RecordsOf, Transaction, Work};

/// What records must be like.
#[derive(Clone, Debug, Default)]
pub struct RecordFilter {
    /// By whom.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// In which repository.
    pub repository: Option<Place>,
    /// To which content.
    pub digest: Option<Digest>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// Where a page of a list begins: after this record. Nodes whose clocks differ, and what is noted beside transactions, are
/// written down in another order than they happened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace {
    /// When it was.
    pub at: Timestamp,
    /// Its row.
    pub id: i64,
}

impl RecordPlace {
    /// The place of a record.
    pub const fn of(record: &RecordRow) -> Self {
        Self { at: record.at, id: record.id }
    }
}

impl AuditLog {
    /// A page of an organisation's records after one of them, the latest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn records(
        &self,
        grant: &OrganisationGrant<Administer>,
        filter: RecordFilter,
        wanted: PageAfter<RecordPlace>,
    ) -> Result<Page<RecordRow>> {
        // What is another organisation's is not even looked for.
        if filter.repository.as_ref().is_some_and(|place| place.organisation != *grant.name()) {
            return Ok(Page::cut(Vec::new(), wanted.limit));
        }
        self.find(Some(grant.name().to_string()), filter, wanted).await
    }

    /// A page of all records after one of them, the latest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn all_records(
        &self,
        _: &OperatorGrant,
        filter: RecordFilter,
        wanted: PageAfter<RecordPlace>,
    ) -> Result<Page<RecordRow>> {
        self.find(None, filter, wanted).await
    }

    async fn find(
        &self,
        organisation: Option<String>,
        filter: RecordFilter,
        PageAfter { last, limit }: PageAfter<RecordPlace>,
    ) -> Result<Page<RecordRow>> {
        let RecordFilter { actor, action, repository, digest, from, to } = filter;
        let wanted = RecordsOf {
            organisation,
            actor,
            action,
            repository: repository.map(|place| place.to_string()),
            digest,
            from,
            to,
            before: last,
            most: u32::try_from(limit.get() + 1).unwrap_or(u32::MAX),
        };
        Ok(Page::cut(self.store().view(Find(wanted)).await?, limit))
    }
}

struct Find(RecordsOf);

#[async_trait]
impl Transaction for Find {
    type Output = Vec<RecordRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<RecordRow>> {
        work.records(&self.0).await
    }
}
