//! The transactions that remove a manifest: its tags in steps, with the last of them the manifest.
//!
//! A manifest may have any number of tags, and while one transaction takes them away nobody else writes. So each step
//! takes some, and others get their turn in between.

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Error, Grant, Result, Subject, Timestamp, action::Delete, gate::RepositoryId,
};

use crate::{
    deed::Deed,
    format::{Listings, untag},
    policy::expect_unneeded,
    port::{Transaction, Work},
    upload::expect_repository,
};

/// How many tags one step takes away: each is a handful of statements.
const STEP: u32 = 200;

/// The next tags of a manifest gone, and the manifest with its last ones.
#[derive(Clone)]
pub(super) struct DeleteManifest {
    pub(super) grant: Grant<Delete>,
    pub(super) repository: RepositoryId,
    pub(super) digest: Digest,
    pub(super) condition: Condition,
    pub(super) formats: Listings,
    pub(super) now: Timestamp,
    pub(super) delay: i64,
}

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    /// The manifest still has tags.
    SomeTags,
    /// It is gone.
    All,
}

#[async_trait]
impl Transaction for DeleteManifest {
    type Output = Deleted;

    async fn run(&self, work: &mut dyn Work) -> Result<Deleted> {
        expect_repository(work, self.repository).await?;
        if !work.has_manifest(self.repository, &self.digest).await? {
            return Err(Error::not_found(Subject::Manifest));
        }
        self.condition.check(Some(&self.digest))?;
        expect_unneeded(work, self.repository, self.grant.place(), &self.digest).await?;
        let tags = work.tags_of(self.repository, &self.digest, STEP).await?;
        for tag in &tags {
            let deed = self.deed("tag.delete").to_tag(tag);
            untag(work, (self.repository, tag), deed.mark()).await?;
            deed.publish(work, self.repository).await?;
        }
        if tags.len() == STEP as usize {
            self.deed("manifest.untag").audit(work).await?;
            return Ok(Deleted::SomeTags);
        }
        work.ask_reviews_of(self.repository, &self.digest, self.delay).await?;
        let listings = work.listings_of(self.repository, &self.digest).await?;
        let beside = work.beside_of(self.repository, &self.digest).await?;
        work.remove_manifest(self.repository, &self.digest).await?;
        let deed = self.deed("manifest.delete");
        self.formats.shrink(work, (self.repository, &listings), deed).await?;
        self.formats.move_pages(work, self.repository, &beside).await?;
        deed.tell(work, self.repository).await?;
        Ok(Deleted::All)
    }
}

impl DeleteManifest {
    fn deed(&self, action: &'static str) -> Deed<'_> {
        Deed::of(&self.grant, self.now, action).to(&self.digest)
    }
}
