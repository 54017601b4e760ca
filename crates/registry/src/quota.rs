//! How much an organisation stores, and may.
//!
//! Each blob counts once in an organisation, however many of its repositories hold it; a manifest counts in each
//! repository that holds it, for there it is stored. What is being uploaded does not count yet. The count is exact: it
//! moves in the transaction of whatever it counts. The limit is asked when an upload begins and when it ends, at a mount
//! and at a manifest; what is on its way together may pass it together, by no more than that.

use async_trait::async_trait;
use wharf_core::{
    Digest, Error, Grant, Kind, OperatorGrant, OrganisationGrant, OrganisationName, Result, Size, Subject,
    action::Push,
    audit::AuditRecord,
    duty::Belong,
    gate::{OrganisationId, RepositoryId},
};

use crate::{
    Registry,
    port::{Transaction, Work},
};

/// What an organisation stores, in bytes. A count that went wrong may be below nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Blobs, each once.
    pub blobs: i64,
    /// Manifests, in each repository.
    pub manifests: i64,
}

impl Usage {
    /// Both together.
    pub fn bytes(self) -> u64 {
        u64::try_from(self.blobs.saturating_add(self.manifests)).unwrap_or_default()
    }
}

/// What an organisation stores, and how much it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaUsage {
    /// What it stores.
    pub used: Usage,
    /// How many bytes it may store, if that has a limit.
    pub quota: Option<u64>,
}

impl Registry {
    /// Refuses a blob of this size before its upload ends, if it would pass the quota.
    pub(crate) async fn expect_quota(&self, grant: &Grant<Push>, digest: Digest, size: u64) -> Result<()> {
        match (quota(grant), grant.repository()) {
            (Some(_), Some(repository)) => {
                let grant = grant.clone();
                self.store().view(ExpectQuota { grant, repository, digest, size }).await
            }
            _ => Ok(()),
        }
    }

    /// What an organisation stores, and how much it may.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn usage(&self, grant: &OrganisationGrant<Belong>) -> Result<QuotaUsage> {
        self.store().view(FindUsage(grant.organisation())).await
    }

    /// Sets how many bytes an organisation may store. What it stores already stays, even if it is more.
    ///
    /// # Errors
    /// `NotFound` where there is no such organisation; `Unavailable`.
    pub async fn set_quota(
        &self,
        grant: &OperatorGrant,
        organisation: &OrganisationName,
        bytes: Option<u64>,
    ) -> Result<()> {
        let target = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let record = AuditRecord {
            organisation: Some(organisation.clone()),
            target: Some(target),
            ..AuditRecord::by(self.now(), grant, "quota.set")
        };
        self.store().commit_by(grant, SetQuota { organisation: organisation.clone(), bytes, record }).await
    }
}

fn quota(grant: &Grant<Push>) -> Option<u64> {
    grant.registry().and_then(|registry| registry.quota)
}

/// Refuses so many bytes more, if they would pass the quota.
pub(crate) async fn expect_bytes(
    work: &mut dyn Work,
    grant: &Grant<Push>,
    repository: RepositoryId,
    more: u64,
) -> Result<()> {
    let Some(quota) = quota(grant) else { return Ok(()) };
    let used = work.usage_beside(repository).await?.bytes();
    if used.saturating_add(more) <= quota {
        return Ok(());
    }
    let organisation = &grant.place().organisation;
    let message = format!(
        "the quota of {organisation} does not allow {} more: {} of {} are used, {used} of {quota} bytes",
        Size(more),
        Size(used),
        Size(quota)
    );
    Err(Error::new(Kind::QuotaExceeded, message))
}

/// Refuses a blob, if the organisation does not have it yet and it would pass the quota.
pub(crate) async fn expect_blob(
    work: &mut dyn Work,
    grant: &Grant<Push>,
    repository: RepositoryId,
    (digest, size): (&Digest, u64),
) -> Result<()> {
    if quota(grant).is_none() || work.is_counted(repository, digest).await? {
        return Ok(());
    }
    expect_bytes(work, grant, repository, size).await
}

struct ExpectQuota {
    grant: Grant<Push>,
    repository: RepositoryId,
    digest: Digest,
    size: u64,
}

#[async_trait]
impl Transaction for ExpectQuota {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        expect_blob(work, &self.grant, self.repository, (&self.digest, self.size)).await
    }
}

struct FindUsage(OrganisationId);

#[async_trait]
impl Transaction for FindUsage {
    type Output = QuotaUsage;

    async fn run(&self, work: &mut dyn Work) -> Result<QuotaUsage> {
        Ok(QuotaUsage { used: work.usage(self.0).await?, quota: work.quota(self.0).await? })
    }
}

struct SetQuota {
    organisation: OrganisationName,
    bytes: Option<u64>,
    record: AuditRecord,
}

#[async_trait]
impl Transaction for SetQuota {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        if !work.set_quota(&self.organisation, self.bytes).await? {
            return Err(Error::not_found(Subject::Name));
        }
        work.audit(&self.record).await
    }
}
