//! The transactions that remove a manifest: its tags in steps, with the last of them the manifest.
//!
//! A manifest may have any number of tags, and while one transaction takes them away nobody else writes. So each step
//! takes some, and others get their turn in between.

use async_trait::async_trait;
use wharf_core::{Condition, Error, Grant, Result, Subject, Timestamp, action::Delete};

use crate::{
    deed::Deed,
    format::{Listings, untag},
    policy::{Leaving, Unneeded},
    port::{Transaction, Work},
    upload::expect_repository,
};

/// How many tags one step takes away: each is a handful of statements.
const STEP: u32 = 200;

/// The next tags of a manifest gone, and the manifest with its last ones.
#[derive(Clone)]
pub(super) struct DeleteManifest {
    pub(super) grant: Grant<Delete>,
    pub(super) leaving: Leaving,
    pub(super) unneeded: Unneeded,
    pub(super) condition: Condition,
    pub(super) formats: Listings,
    pub(super) now: Timestamp,
    pub(super) delay: i64,
}

/// How far a deletion is.
pub(super) enum Deleted {
    /// No further: a tag may need the manifest meanwhile.
    Nothing,
    /// The manifest still has tags, and nothing else happened meanwhile.
    SomeTags(Unneeded),
    /// It is gone.
    All,
}

#[async_trait]
impl Transaction for DeleteManifest {
    type Output = Deleted;

    async fn run(&self, work: &mut dyn Work) -> Result<Deleted> {
        let Leaving { repository, digest, .. } = &self.leaving;
        expect_repository(work, *repository).await?;
        if !work.has_manifest(*repository, digest).await? {
            return Err(Error::not_found(Subject::Manifest));
        }
        self.condition.check(Some(digest))?;
        if !self.leaving.is_still(work, &self.unneeded).await? {
            return Ok(Deleted::Nothing);
        }
        let tags = work.tags_of(*repository, digest, STEP).await?;
        for tag in &tags {
            let deed = self.deed("tag.delete").to_tag(tag);
            untag(work, (*repository, tag), deed.mark()).await?;
            deed.publish(work, *repository).await?;
        }
        if tags.len() < STEP as usize {
            self.remove(work).await?;
            return Ok(Deleted::All);
        }
        self.deed("manifest.untag").audit(work).await?;
        self.unneeded.renewed(work, *repository).await.map(Deleted::SomeTags)
    }
}

impl DeleteManifest {
    /// Removes the manifest that no tag points to any more.
    async fn remove(&self, work: &mut dyn Work) -> Result<()> {
        let Leaving { repository, digest, .. } = &self.leaving;
        work.ask_reviews_of(*repository, digest, self.delay).await?;
        let listings = work.listings_of(*repository, digest).await?;
        let beside = work.beside_of(*repository, digest).await?;
        work.remove_manifest(*repository, digest).await?;
        let deed = self.deed("manifest.delete");
        self.formats.shrink(work, (*repository, &listings), deed).await?;
        self.formats.move_pages(work, *repository, &beside).await?;
        deed.tell(work, *repository).await
    }

    fn deed(&self, action: &'static str) -> Deed<'_> {
        Deed::of(&self.grant, self.now, action).to(&self.leaving.digest)
    }
}
