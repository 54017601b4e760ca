//! The transactions that remove a manifest: its tags in steps, with the last of them the manifest.
//!
//! A manifest may have any number of tags, and while one transaction takes them away nobody else writes. So each step
//! takes some, and others get their turn in between.

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Error, Grant, Result, Subject, Tag, Timestamp,
    action::Delete,
    audit::{AuditRecord, Event},
    gate::RepositoryId,
};

use crate::{
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
        let tags = work.tags_of(self.repository, &self.digest, STEP).await?;
        for tag in &tags {
            work.remove_tag(self.repository, tag, self.now).await?;
            work.publish(self.repository, &self.event("tag.delete", Some(tag))).await?;
        }
        if tags.len() == STEP as usize {
            work.audit(&self.record("manifest.untag")).await?;
            return Ok(Deleted::SomeTags);
        }
        work.ask_reviews_of(self.repository, &self.digest, self.delay).await?;
        work.remove_manifest(self.repository, &self.digest).await?;
        work.audit(&self.record("manifest.delete")).await?;
        work.publish(self.repository, &self.event("manifest.delete", None)).await?;
        Ok(Deleted::All)
    }
}

impl DeleteManifest {
    fn record(&self, action: &'static str) -> AuditRecord {
        AuditRecord {
            place: Some(self.grant.place().clone()),
            digest: Some(self.digest),
            ..AuditRecord::new(self.now, self.grant.actor(), action)
        }
    }

    fn event(&self, kind: &'static str, tag: Option<&Tag>) -> Event {
        Event {
            at: self.now,
            kind,
            tag: tag.map(Tag::to_string),
            digest: Some(self.digest),
            actor: self.grant.actor().principal.name().to_owned(),
        }
    }
}
