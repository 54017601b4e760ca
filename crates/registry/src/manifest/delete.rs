//! The transaction that removes a manifest.

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

/// The manifest and its tags, gone together.
pub(super) struct DeleteManifest {
    pub(super) grant: Grant<Delete>,
    pub(super) repository: RepositoryId,
    pub(super) digest: Digest,
    pub(super) condition: Condition,
    pub(super) now: Timestamp,
    pub(super) delay: i64,
}

#[async_trait]
impl Transaction for DeleteManifest {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        expect_repository(work, self.repository).await?;
        for tag in work.tags_of(self.repository, &self.digest).await? {
            work.remove_tag(self.repository, &tag, self.now).await?;
            work.publish(self.repository, &self.event("tag.delete", Some(&tag))).await?;
        }
        work.ask_reviews_of(self.repository, &self.digest, self.delay).await?;
        if !work.remove_manifest(self.repository, &self.digest).await? {
            return Err(Error::not_found(Subject::Manifest));
        }
        // An error undoes the removal.
        self.condition.check(Some(&self.digest))?;
        let actor = self.grant.actor();
        work.audit(&AuditRecord {
            place: Some(self.grant.place().clone()),
            digest: Some(self.digest),
            ..AuditRecord::new(self.now, actor, "manifest.delete")
        })
        .await?;
        work.publish(self.repository, &self.event("manifest.delete", None)).await
    }
}

impl DeleteManifest {
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
