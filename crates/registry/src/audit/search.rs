//! Looking records up: an organisation's admin in its own, the operator in all.

use async_trait::async_trait;
use wharf_core::{
    Digest, Limit, OperatorGrant, OrganisationGrant, Page, Place, Result, Timestamp, duty::Administer,
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

impl AuditLog {
    /// A page of an organisation's records before a row, the latest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn records(
        &self,
        grant: &OrganisationGrant<Administer>,
        filter: RecordFilter,
        (before, limit): (Option<i64>, Limit),
    ) -> Result<Page<RecordRow>> {
        self.find(Some(grant.name().to_string()), filter, (before, limit)).await
    }

    /// A page of all records before a row, the latest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn all_records(
        &self,
        _: &OperatorGrant,
        filter: RecordFilter,
        (before, limit): (Option<i64>, Limit),
    ) -> Result<Page<RecordRow>> {
        self.find(None, filter, (before, limit)).await
    }

    async fn find(
        &self,
        organisation: Option<String>,
        filter: RecordFilter,
        (before, limit): (Option<i64>, Limit),
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
            before,
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
