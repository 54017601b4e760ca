//! The transaction of a manifest push.

use std::{collections::BTreeSet, slice};

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Grant, Reference, Result, Tag, Timestamp,
    action::Push,
    gate::RepositoryId,
    manifest::{Descriptor, Role},
};

use super::{ReleaseTag, missing_content};
use crate::{
    deed::Deed,
    format::{Inspected, expect_free, expect_open, rebuild},
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

/// Manifest, edges, facts, tag, derived index, history, audit and event together, or none of them.
pub(super) struct PushManifest {
    pub(super) grant: Grant<Push>,
    pub(super) reference: Reference,
    pub(super) tags: Vec<Tag>,
    pub(super) condition: Condition,
    pub(super) new: NewManifest,
    pub(super) inspected: Inspected,
    pub(super) release: ReleaseTag,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for PushManifest {
    type Output = RepositoryId;

    async fn run(&self, work: &mut dyn Work) -> Result<RepositoryId> {
        let repository = repository_of(work, &self.grant, self.now).await?;
        expect_repository(work, repository).await?;
        self.check_condition(work, repository).await?;
        self.touch_contents(work, repository).await?;
        let is_new = work.insert_manifest(repository, &self.new, self.now).await?;
        if is_new {
            expect_bytes(work, &self.grant, repository, 0).await?;
        }
        work.show_repository(repository).await?;
        self.store_facts(work, repository, is_new).await?;
        if self.tags.is_empty() {
            self.deed().audit(work).await?;
            if is_new {
                self.deed().publish(work, repository).await?;
            }
        }
        let mut moved_over = Vec::new();
        for tag in &self.tags {
            let moved = work.set_tag(repository, tag, &self.new.digest, self.deed().mark()).await?;
            moved_over.extend((moved == Move::Over).then_some(tag));
            self.deed().to_tag(tag).audit(work).await?;
            if is_new || moved != Move::Stands {
                self.deed().to_tag(tag).publish(work, repository).await?;
            }
        }
        // A refusal undoes all of it.
        expect_movable(work, repository, self.grant.place(), &moved_over).await?;
        self.derive(work, repository).await?;
        Ok(repository)
    }
}

impl PushManifest {
    /// Stores what was read of a manifest, lists it, and moves the pages that show it.
    async fn store_facts(&self, work: &mut dyn Work, repository: RepositoryId, is_new: bool) -> Result<()> {
        let Inspected { format: Some(format), facts } = &self.inspected else { return Ok(()) };
        let digest = &self.new.digest;
        // One that was stored while it lacked content is read when it is pushed again.
        let is_unread = is_new || work.facts_of(repository, digest).await?.is_empty();
        if is_unread {
            work.insert_facts(repository, digest, (format.name(), facts)).await?;
            expect_free(work, repository, (digest, facts)).await?;
            if facts.iter().any(|fact| fact.shown_as.is_some()) {
                // Its tag may stand already.
                work.move_shown(repository, format.name()).await?;
            }
        }
        let Some(fact) = facts.first() else { return Ok(()) };
        let Some(release) = &fact.release else {
            // It stands beside what is listed, and a page may show that.
            return match format.release_type() {
                Some(_) if is_unread => work.move_page(repository, format.name(), &fact.subject).await,
                _ => Ok(()),
            };
        };
        if !is_unread && !work.listings_of(repository, digest).await?.is_empty() {
            return Ok(());
        }
        expect_open(work, repository, format.name()).await?;
        // Whatever it is pushed under: a release whose tag never moves takes nothing more.
        if work.find_tagged(repository, release).await?.is_some() {
            expect_movable(work, repository, self.grant.place(), &[release]).await?;
        }
        if !is_unread {
            // It was taken off the list with its release, and comes back.
            work.list_facts(repository, digest, release).await?;
        }
        work.move_page(repository, format.name(), &fact.subject).await
    }

    /// Derives the index of the release, if whoever pushes asks for that, and points its tag there.
    async fn derive(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        let Inspected { format: Some(format), facts } = &self.inspected else { return Ok(()) };
        let release = facts.first().and_then(|fact| fact.release.as_ref());
        let Some(release) = release.filter(|_| self.release == ReleaseTag::Derived) else { return Ok(()) };
        let Some(rebuilt) = rebuild(work, format.as_ref(), (repository, release), self.deed().mark()).await?
        else {
            return Ok(());
        };
        match rebuilt.moved {
            Move::Stands => Ok(()),
            _ => self.deed().to_tag(release).to(&rebuilt.digest).tell(work, repository).await,
        }
    }

    /// Holds the request's conditions against what it would move, in the transaction that moves it: the tag it names, or
    /// where it names a digest every tag it brings, for what has a digest never changes. Without any, they are about
    /// whether the manifest is there.
    async fn check_condition(&self, work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
        if self.condition == Condition::default() {
            return Ok(());
        }
        let tags = match &self.reference {
            Reference::Tag(tag) => slice::from_ref(tag),
            Reference::Digest(digest) if self.tags.is_empty() => {
                let standing = work.find_manifest(repository, digest).await?;
                return self.condition.check(standing.map(|manifest| manifest.digest).as_ref());
            }
            Reference::Digest(_) => self.tags.as_slice(),
        };
        for tag in tags {
            self.condition.check(work.tagged(repository, tag).await?.as_ref())?;
        }
        Ok(())
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
