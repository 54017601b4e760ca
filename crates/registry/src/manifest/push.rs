//! The transaction of a manifest push.

use std::collections::BTreeSet;

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Grant, Reference, Result, Tag, Timestamp,
    action::Push,
    gate::RepositoryId,
    manifest::{Descriptor, Role},
};

use super::missing_content;
use crate::{
    deed::Deed,
    format::Inspected,
    policy::expect_movable,
    port::{Move, NewManifest, Transaction, Work},
    quota::expect_bytes,
    upload::{expect_repository, repository_of},
};

/// What a manifest names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Manifests,
    Blobs,
}

/// Manifest, edges, facts, tag, history, audit and event together, or none of them.
pub(super) struct PushManifest {
    pub(super) grant: Grant<Push>,
    pub(super) reference: Reference,
    pub(super) tags: Vec<Tag>,
    pub(super) condition: Condition,
    pub(super) new: NewManifest,
    pub(super) inspected: Inspected,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for PushManifest {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let repository = repository_of(work, &self.grant, self.now).await?;
        expect_repository(work, repository).await?;
        self.check_condition(work, repository).await?;
        self.touch_contents(work, repository).await?;
        let is_new = work.insert_manifest(repository, &self.new, self.now).await?;
        if is_new {
            expect_bytes(work, &self.grant, repository, 0).await?;
        }
        work.show_repository(repository).await?;
        if let Some(format) = self.inspected.format
            // One that was stored while it lacked content is read when it is pushed again.
            && (is_new || work.facts_of(repository, &self.new.digest).await?.is_empty())
        {
            work.insert_facts(repository, &self.new.digest, (format, &self.inspected.facts)).await?;
        }
        if self.tags.is_empty() {
            self.deed().audit(work).await?;
            if is_new {
                self.deed().publish(work, repository).await?;
            }
        }
        for tag in &self.tags {
            let moved = self.set_tag(work, repository, tag).await?;
            self.deed().to_tag(tag).audit(work).await?;
            if is_new || moved != Move::Stands {
                self.deed().to_tag(tag).publish(work, repository).await?;
            }
        }
        Ok(())
    }
}

impl PushManifest {
    /// Holds the request's conditions against what stands under its reference, in the transaction that moves it.
    async fn check_condition(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        if self.condition == Condition::default() {
            return Ok(());
        }
        let standing = match &self.reference {
            Reference::Tag(tag) => work.find_tagged(repository, tag).await?,
            Reference::Digest(digest) => work.find_manifest(repository, digest).await?,
        };
        self.condition.check(standing.map(|manifest| manifest.digest).as_ref())
    }

    /// Points a tag at the manifest, unless a rule keeps it where it is.
    async fn set_tag(&self, work: &mut dyn Work, repository: RepositoryId, tag: &Tag) -> Result<Move> {
        let moved = work.set_tag(repository, tag, &self.new.digest, self.deed().mark()).await?;
        if moved == Move::Over {
            expect_movable(work, repository, self.grant.place(), tag).await?;
        }
        Ok(moved)
    }

    /// Moves the epoch of everything the manifest names, so that no collector can still take it, and refuses the
    /// manifest if something is not there.
    async fn touch_contents(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        let there = [
            work.known_manifests(repository, &self.named(Content::Manifests)).await?,
            work.touch_members(repository, &self.named(Content::Blobs)).await?,
        ];
        let [manifests, blobs] = there.map(BTreeSet::from_iter);
        let is_missing = |(role, descriptor): &&(Role, Descriptor)| {
            let there = if *role == Role::Manifest { &manifests } else { &blobs };
            let elsewhere = *role == Role::Layer && descriptor.is_nondistributable();
            !elsewhere && !descriptor.digest().is_some_and(|digest| there.contains(&digest))
        };
        let missing = self.new.manifest.references.iter().filter(is_missing);
        let missing: BTreeSet<_> = missing.map(|(_, descriptor)| descriptor.digest.clone()).collect();
        let accepted = self.grant.registry().is_some_and(|registry| registry.accepts_missing_content);
        if missing.is_empty() || accepted {
            return Ok(());
        }
        Err(missing_content(missing.into_iter().collect()))
    }

    /// The digests of what the manifest names of one kind, each once.
    fn named(&self, content: Content) -> Vec<Digest> {
        let references = self.new.manifest.references.iter();
        let of_kind =
            references.filter(|(role, _)| (*role == Role::Manifest) == (content == Content::Manifests));
        let digests: BTreeSet<_> = of_kind.filter_map(|(_, descriptor)| descriptor.digest()).collect();
        digests.into_iter().collect()
    }

    fn deed(&self) -> Deed<'_> {
        Deed::of(&self.grant, self.now, "manifest.push").to(&self.new.digest)
    }
}
