//! The transaction that removes a manifest.

use async_trait::async_trait;
use wharf_core::{
    Digest, Error, Grant, Result, Subject, Timestamp,
    action::Delete,
    audit::{AuditRecord, Event},
    gate::RepositoryId,
};

use crate::port::{Transaction, Work};

/// The manifest and its tags, gone together.
pub(super) struct DeleteManifest {
    pub(super) grant: Grant<Delete>,
    pub(super) repository: RepositoryId,
    pub(super) digest: Digest,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for DeleteManifest {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        for tag in work.tags_of(self.repository, &self.digest).await? {
            work.remove_tag(self.repository, &tag, self.now).await?;
        }
        if !work.remove_manifest(self.repository, &self.digest).await? {
            return Err(Error::not_found(Subject::Manifest));
        }
        let actor = self.grant.actor();
        work.audit(&AuditRecord {
            place: Some(self.grant.place().clone()),
            digest: Some(self.digest),
            ..AuditRecord::new(self.now, actor, "manifest.delete")
        })
        .await?;
        let event = Event {
            at: self.now,
            kind: "manifest.delete",
            tag: None,
            digest: Some(self.digest),
            actor: actor.principal.name().to_owned(),
        };
        work.publish(self.repository, &event).await
    }
}
