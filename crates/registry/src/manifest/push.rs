//! The transaction of a manifest push.

use std::collections::BTreeSet;

use async_trait::async_trait;
use wharf_core::{
    Detail, Error, Grant, Kind, Result, Tag, Timestamp,
    action::Push,
    audit::{AuditRecord, Event},
    gate::RepositoryId,
    manifest::{Descriptor, Role},
};

use crate::{
    port::{NewManifest, Transaction, Work},
    upload::repository_of,
};

/// Manifest, edges, tag, history, audit and event together, or none of them.
pub(super) struct PushManifest {
    pub(super) grant: Grant<Push>,
    pub(super) tag: Option<Tag>,
    pub(super) new: NewManifest,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for PushManifest {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let repository = repository_of(work, &self.grant, self.now).await?;
        self.touch_contents(work, repository).await?;
        let is_new = work.insert_manifest(repository, &self.new, self.now).await?;
        let moved = match &self.tag {
            Some(tag) => work.set_tag(repository, tag, &self.new.digest, self.now).await?,
            None => false,
        };
        work.show_repository(repository).await?;
        work.audit(&self.record()).await?;
        if is_new || moved {
            work.publish(repository, &self.event()).await?;
        }
        Ok(())
    }
}

impl PushManifest {
    /// Moves the epoch of everything the manifest names, so that no collector can still take it, and refuses the
    /// manifest if something is not there.
    async fn touch_contents(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        let mut missing = BTreeSet::new();
        for (role, descriptor) in &self.new.manifest.references {
            if !touch(work, repository, *role, descriptor).await? && !descriptor.is_nondistributable() {
                missing.insert(descriptor.digest.clone());
            }
        }
        let accepted = self.grant.registry().is_some_and(|registry| registry.accepts_missing_content);
        if missing.is_empty() || accepted {
            return Ok(());
        }
        let message = "manifest names content that is unknown to the repository";
        Err(Error::new(Kind::Invalid, message).with(Detail::Missing(missing.into_iter().collect())))
    }

    fn record(&self) -> AuditRecord {
        AuditRecord {
            place: Some(self.grant.place().clone()),
            target: self.tag.as_ref().map(Tag::to_string),
            digest: Some(self.new.digest),
            ..AuditRecord::new(self.now, self.grant.actor(), "manifest.push")
        }
    }

    fn event(&self) -> Event {
        Event {
            at: self.now,
            kind: "manifest.push",
            tag: self.tag.as_ref().map(Tag::to_string),
            digest: Some(self.new.digest),
            actor: self.grant.actor().principal.name().to_owned(),
        }
    }
}

/// Whether the repository has what a descriptor names; a blob's membership moves its epoch at that.
async fn touch(
    work: &mut dyn Work,
    repository: RepositoryId,
    role: Role,
    descriptor: &Descriptor,
) -> Result<bool> {
    match (role, descriptor.digest()) {
        (_, None) => Ok(false),
        (Role::Manifest, Some(digest)) => work.has_manifest(repository, &digest).await,
        (Role::Config | Role::Layer, Some(digest)) => work.touch_member(repository, &digest).await,
    }
}
