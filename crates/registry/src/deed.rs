//! What somebody did at a place, told twice in the transaction that does it: to the audit log and to the outbox.

use wharf_core::{
    Action, Actor, Digest, Grant, Place, Result, Tag, Timestamp,
    audit::{AuditRecord, Event},
    gate::RepositoryId,
};

use crate::port::{Mark, Work};

/// What was done, by whom, where and when.
#[derive(Clone, Copy)]
pub(crate) struct Deed<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) place: &'a Place,
    pub(crate) at: Timestamp,
    /// The same word in the audit log and in the event: `manifest.push`, `tag.delete`, …
    pub(crate) action: &'static str,
    pub(crate) tag: Option<&'a Tag>,
    pub(crate) digest: Option<&'a Digest>,
}

impl<'a> Deed<'a> {
    /// What the holder of a grant does with it.
    pub(crate) const fn of<A: Action>(grant: &'a Grant<A>, at: Timestamp, action: &'static str) -> Self {
        Self { actor: grant.actor(), place: grant.place(), at, action, tag: None, digest: None }
    }

    /// Done to a tag.
    pub(crate) const fn to_tag(self, tag: &'a Tag) -> Self {
        Self { tag: Some(tag), ..self }
    }

    /// Done to a content.
    pub(crate) const fn to(self, digest: &'a Digest) -> Self {
        Self { digest: Some(digest), ..self }
    }

    /// When, and by whom: for the history of tags.
    pub(crate) fn mark(&self) -> Mark<'a> {
        Mark { at: self.at, by: self.actor.principal().name() }
    }

    /// Tells both.
    pub(crate) async fn tell(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        self.audit(work).await?;
        self.publish(work, repository).await
    }

    /// Tells the audit log only.
    pub(crate) async fn audit(&self, work: &mut dyn Work) -> Result<()> {
        work.audit(&AuditRecord {
            place: Some(self.place.clone()),
            target: self.tag.map(Tag::to_string),
            digest: self.digest.copied(),
            ..AuditRecord::new(self.at, self.actor, self.action)
        })
        .await
    }

    /// Tells the outbox only.
    pub(crate) async fn publish(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        debug_assert!(Event::KINDS.contains(&self.action), "nobody can ask to be told of {}", self.action);
        let event = Event {
            at: self.at,
            kind: self.action,
            tag: self.tag.map(Tag::to_string),
            digest: self.digest.copied(),
            actor: self.actor.principal().name().to_owned(),
        };
        work.publish(repository, &event).await
    }
}
