//! Listing and removing tags.

mod moves;

use async_trait::async_trait;
use wharf_core::{Condition, Error, Subject, Tag, Timestamp};
use wharf_core::{
    Grant, Limit, Page, Result,
    action::{Delete, Pull},
    gate::RepositoryId,
};

use crate::{
    Registry,
    deed::Deed,
    format::untag,
    policy::expect_movable,
    port::{Extent, Transaction, Work},
    upload::expect_repository,
};

impl Registry {
    /// A page of the repository's tags after `last`, in byte order.
    ///
    /// # Errors
    /// `NotFound` where the repository is not there.
    pub async fn tags(
        &self,
        grant: &Grant<Pull>,
        last: Option<String>,
        limit: Limit,
    ) -> Result<Page<String>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let tags = self.store().view(ListTags { repository, last, limit }).await?;
        Ok(Page::cut(tags, limit))
    }

    /// Removes a tag, if it points to what is expected; the manifest stays.
    ///
    /// # Errors
    /// `Unsupported` where deletion is switched off; `NotFound` where there is no such tag; `PreconditionFailed`.
    pub async fn delete_tag(&self, grant: &Grant<Delete>, tag: &Tag, condition: Condition) -> Result<()> {
        self.expect_deletion()?;
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let (tag, now) = (tag.clone(), self.now());
        let delete = DeleteTag { grant: grant.clone(), repository, tag, condition, now };
        self.store().commit_by(grant, delete).await
    }
}

struct ListTags {
    repository: RepositoryId,
    last: Option<String>,
    limit: Limit,
}

#[async_trait]
impl Transaction for ListTags {
    type Output = Vec<String>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<String>> {
        let one_more = u32::try_from(self.limit.get() + 1).unwrap_or(u32::MAX);
        work.tags(self.repository, self.last.as_deref(), one_more).await
    }
}

struct DeleteTag {
    grant: Grant<Delete>,
    repository: RepositoryId,
    tag: Tag,
    condition: Condition,
    now: Timestamp,
}

#[async_trait]
impl Transaction for DeleteTag {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        expect_repository(work, self.repository).await?;
        let deed = Deed::of(&self.grant, self.now, "tag.delete").to_tag(&self.tag);
        let digest = untag(work, (self.repository, &self.tag), deed.mark()).await?;
        let digest = digest.ok_or_else(|| Error::not_found(Subject::Manifest))?;
        // An error undoes the removal.
        self.condition.check(Some(&digest))?;
        expect_movable(work, self.repository, self.grant.place(), &[&self.tag]).await?;
        deed.to(&digest).tell(work, self.repository).await
    }
}
