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
    policy::expect_movable,
    port::{Extent, Move, MoveRow, Transaction, Work},
    upload::expect_repository,
};

/// A move of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagMove {
    /// Its number; later moves have greater ones.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The name of who moved it.
    pub by: String,
    /// Where it pointed before; nothing where it was not there, or where that is forgotten.
    pub from: Option<Digest>,
    /// Where it pointed from then on; nothing where it was removed.
    pub to: Option<Digest>,
    /// Whether the tag can be set to that again: the manifest is still there.
    pub stands: bool,
}

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
    ) -> Result<Page<TagMove>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let rows = self.store().view(ListMoves { repository, tag: tag.clone(), before, limit }).await?;
        if rows.is_empty() && before.is_none() {
            return Err(Error::not_found(Subject::Manifest));
        }
        // Where a tag came from is where the move before took it.
        let earlier = rows.iter().skip(1).map(|row| row.to).chain([None]);
        let moves = rows.iter().zip(earlier).map(|(row, from)| tag_move(row, from)).collect();
        Ok(Page::cut(moves, limit))
    }

    /// Sets a tag to where it pointed before. False if it points there already.
    ///
    /// # Errors
    /// `NotFound` where the tag is not remembered to have pointed there, or the manifest is gone; `Conflict` with
    /// [`wharf_core::Detail::Rule`] where a rule keeps the tag where it is.
    pub async fn roll_back(&self, grant: &Grant<Push>, tag: &Tag, digest: &Digest) -> Result<bool> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let (grant, tag, now) = (grant.clone(), tag.clone(), self.now());
        self.store().commit(RollBack { grant, repository, tag, digest: *digest, now }).await
    }
}

fn tag_move(row: &MoveRow, from: Option<Digest>) -> TagMove {
    TagMove { id: row.id, at: row.at, by: row.by.clone(), from, to: row.to, stands: row.stands }
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
            Move::Over => expect_movable(work, self.repository, self.grant.place(), &self.tag).await?,
            Move::New => {}
        }
        deed.tell(work, self.repository).await?;
        Ok(true)
    }
}
