//! Where a tag pointed, who moved it, and moving it back.
//!
//! The moves are remembered for `tag_history`, and no retention rule takes a manifest away that a tag pointed to within
//! that time: so a tag can be set back to it.

use async_trait::async_trait;
use wharf_core::{
    Digest, Error, Grant, Limit, Page, Result, Subject, Tag, Timestamp,
    action::{Pull, Push},
    gate::RepositoryId,
};

use crate::{
    Registry,
    deed::Deed,
    format::Listings,
    policy::expect_movable,
    port::{Extent, Move, MoveRow, Transaction, Work},
    upload::expect_repository,
};

impl Registry {
    /// A page of the moves of a tag, the latest first, before one of them.
    ///
    /// # Errors
    /// `NotFound` where the repository is not there, or nothing is remembered of such a tag.
    pub async fn tag_moves(
        &self,
        grant: &Grant<Pull>,
        tag: &Tag,
        before: Option<i64>,
        limit: Limit,
    ) -> Result<Page<MoveRow>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let rows = self.store().view(ListMoves { repository, tag: tag.clone(), before, limit }).await?;
        if rows.is_empty() && before.is_none() {
            return Err(Error::not_found(Subject::Manifest));
        }
        Ok(Page::cut(rows, limit))
    }

    /// Sets a tag to where it pointed before, and lists what then belongs to its release. False if it points there
    /// already.
    ///
    /// # Errors
    /// `NotFound` where the tag is not remembered to have pointed there, or the manifest is gone; `Conflict` with
    /// [`wharf_core::Detail::Rule`] where a rule keeps the tag where it is.
    pub async fn roll_back(&self, grant: &Grant<Push>, tag: &Tag, digest: &Digest) -> Result<bool> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let (tag, now, formats) = (tag.clone(), self.now(), self.listings());
        let back = RollBack { grant: grant.clone(), repository, tag, digest: *digest, formats, now };
        self.store().commit_by(grant, back).await
    }
}

struct ListMoves {
    repository: RepositoryId,
    tag: Tag,
    before: Option<i64>,
    limit: Limit,
}

#[async_trait]
impl Transaction for ListMoves {
    type Output = Vec<MoveRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<MoveRow>> {
        let one_more = u32::try_from(self.limit.get() + 1).unwrap_or(u32::MAX);
        work.moves(self.repository, &self.tag, self.before, one_more).await
    }
}

struct RollBack {
    grant: Grant<Push>,
    repository: RepositoryId,
    tag: Tag,
    digest: Digest,
    formats: Listings,
    now: Timestamp,
}

#[async_trait]
impl Transaction for RollBack {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        expect_repository(work, self.repository).await?;
        let pointed = work.has_pointed(self.repository, &self.tag, &self.digest).await?;
        if !pointed || !work.has_manifest(self.repository, &self.digest).await? {
            return Err(Error::not_found(Subject::Manifest));
        }
        let deed = Deed::of(&self.grant, self.now, "tag.rollback").to_tag(&self.tag).to(&self.digest);
        match work.set_tag(self.repository, &self.tag, &self.digest, deed.mark()).await? {
            Move::Stands => return Ok(false),
            Move::Over => expect_movable(work, self.repository, self.grant.place(), &[&self.tag]).await?,
            Move::New => {}
        }
        self.formats.relist(work, (self.repository, &self.tag), &self.digest).await?;
        deed.tell(work, self.repository).await?;
        Ok(true)
    }
}
