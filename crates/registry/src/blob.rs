//! Pulling, mounting and deleting blobs.

use std::ops::Range;

use async_trait::async_trait;
use wharf_core::{
    BlobBody, Condition, Detail, Digest, Error, Grant, Kind, ObjectKey, Result, Scope, Subject, Timestamp,
    Verb,
    action::{Delete, Pull, Push},
    gate::RepositoryId,
};

use crate::{
    Registry,
    collection::release,
    deed::Deed,
    policy::{Leaving, Unneeded},
    port::{BlobRow, Extent, MountSource, Transaction, Work},
    quota::expect_blob,
    upload::{expect_repository, repository_of},
};

/// How many repositories an anonymous mount looks at.
const MOUNT_SOURCES: u32 = 100;

/// A blob of a repository, found for somebody who may pull it.
pub struct Blob {
    /// The digest.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    key: ObjectKey,
    registry: Registry,
    grant: Grant<Pull>,
    /// Whether the client may be sent to where the bytes lie.
    may_redirect: bool,
}

impl Blob {
    /// Sees that the bytes are there.
    ///
    /// # Errors
    /// `NotFound` where they are gone or of another length: then the next push heals it. `Unavailable`.
    pub async fn expect_bytes(&self) -> Result<()> {
        if self.registry.blobs().holds(self.key, self.size).await? { Ok(()) } else { Err(self.damaged()) }
    }

    /// The bytes of a range that lies within the blob, for ourselves: never a redirect.
    ///
    /// # Errors
    /// As [`Blob::expect_bytes`].
    pub async fn body(self, range: Range<u64>) -> Result<BlobBody> {
        let body = self.registry.blobs().open(self.key, self.size, range).await?;
        body.ok_or_else(|| self.damaged())
    }

    /// What to answer a client who wants this range: its bytes, or where the store gives them out itself.
    ///
    /// # Errors
    /// As [`Blob::expect_bytes`].
    pub async fn delivery(self, range: Range<u64>) -> Result<BlobBody> {
        self.registry.note_blob(&self.grant, &self.digest);
        match self.link().await? {
            Some(link) => self.expect_bytes().await.map(|()| BlobBody::Redirect(link)),
            None => self.body(range).await,
        }
    }

    async fn link(&self) -> Result<Option<String>> {
        if self.may_redirect { self.registry.blobs().link(self.key).await } else { Ok(None) }
    }

    fn damaged(&self) -> Error {
        self.registry.meters().blobs_damaged.increment();
        tracing::error!(digest = %self.digest, object = %self.key, size_bytes = self.size, "blob is damaged");
        Error::not_found(Subject::Blob)
    }
}

/// Whether a mount found what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The blob is now a member of the repository.
    Yes,
    /// No repository the caller may pull from holds it: upload it.
    No,
}

impl Registry {
    /// Finds a blob, to tell that its bytes are there. One that nothing needs and that the collector is about to look at
    /// is told to be gone, so that whoever is told that a blob is there has the time to name it in a manifest.
    ///
    /// # Errors
    /// As [`Registry::open_blob`] and [`Blob::expect_bytes`].
    pub async fn stat_blob(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<Blob> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Blob))?;
        let staying = FindStaying { repository, digest: *digest, within: self.leaving() };
        let blob = self.blob(grant, self.store().view(staying).await?)?;
        blob.expect_bytes().await?;
        Ok(blob)
    }

    /// Finds a blob that is a member of the repository. Nothing here writes.
    ///
    /// # Errors
    /// `NotFound` where the repository does not hold it; `Unavailable`.
    pub async fn open_blob(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<Blob> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Blob))?;
        let found = self.store().member(repository, digest).await?;
        self.blob(grant, found)
    }

    fn blob(&self, grant: &Grant<Pull>, found: Option<BlobRow>) -> Result<Blob> {
        let BlobRow { digest, size, key } = found.ok_or_else(|| Error::not_found(Subject::Blob))?;
        let may_redirect = self.may_redirect(grant);
        Ok(Blob { digest, size, key, registry: self.clone(), grant: grant.clone(), may_redirect })
    }

    /// Whether this registry sends this client to where the bytes lie, if the store does that.
    fn may_redirect(&self, grant: &Grant<Pull>) -> bool {
        let networks = &self.settings().redirect_networks;
        let within = |address| networks.iter().any(|network| network.contains(address));
        let near = networks.is_empty() || grant.actor().address().is_some_and(within);
        near && grant.registry().is_some_and(|registry| registry.redirects)
    }

    /// Makes a blob of another repository a member of this one: of `from`, or of any that the caller may pull.
    ///
    /// # Errors
    /// `Unauthenticated` with [`Detail::InsufficientScope`] where another token would reach a source;
    /// `StorageFull`; `Unavailable`.
    pub async fn mount(
        &self,
        grant: &Grant<Push>,
        digest: &Digest,
        from: Option<&Grant<Pull>>,
    ) -> Result<Mounted> {
        self.expect_room().await?;
        let source = match from {
            Some(from) => from.repository(),
            None => self.find_source(grant, digest).await?,
        };
        let Some(source) = source else { return Ok(Mounted::No) };
        let found = self.store().member(source, digest).await?;
        let Some(blob) = found else { return Ok(Mounted::No) };
        if !self.blobs().holds(blob.key, blob.size).await? {
            return Ok(Mounted::No);
        }
        let (now, delay) = (self.now(), self.settings().collection_delay);
        let mount = Mount { grant: grant.clone(), source, digest: *digest, size: blob.size, now, delay };
        self.store().commit_by(grant, mount).await
    }

    /// A repository that holds the blob, of those the caller may pull from. Where only his token does not reach one,
    /// he is told for which to fetch another.
    async fn find_source(&self, grant: &Grant<Push>, digest: &Digest) -> Result<Option<RepositoryId>> {
        let account = grant.actor().principal().account();
        let sources = self.store().view(FindSources { account, digest: *digest }).await?;
        let access = grant.actor().access();
        let reached = |source: &&MountSource| access.reaches(&source.place, Verb::Pull);
        if let Some(source) = sources.iter().find(reached) {
            return Ok(Some(source.repository));
        }
        // A narrowed API token stays as it is, so another bearer token helps only within its reach.
        let within = |source: &&MountSource| {
            access.reach().is_none_or(|reach| reach.reaches(&source.place, Verb::Pull))
        };
        let Some(beyond) = sources.iter().find(within) else { return Ok(None) };
        let needed = Detail::InsufficientScope(vec![Scope::of(&beyond.place, &[Verb::Pull])]);
        Err(Error::new(Kind::Unauthenticated, "the token does not reach a repository with this blob")
            .with(needed))
    }

    /// Ends a blob's membership of the repository. Manifests that name it become sparse.
    ///
    /// # Errors
    /// `Unsupported` where deletion is switched off; `NotFound` where it is no member; `PreconditionFailed`.
    pub async fn delete_blob(
        &self,
        grant: &Grant<Delete>,
        digest: &Digest,
        condition: Condition,
    ) -> Result<()> {
        self.expect_deletion()?;
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Blob))?;
        let leaving = Leaving { repository, place: grant.place().clone(), digest: *digest };
        let (now, grace, mut before) = (self.now(), self.settings().object_grace, None);
        loop {
            let unneeded = self.expect_unneeded(&leaving, before.as_ref()).await?;
            before = Some(unneeded.clone());
            let (holder, leaving, condition) = (grant.clone(), leaving.clone(), condition.clone());
            let delete = DeleteBlob { grant: holder, leaving, unneeded, condition, now, grace };
            if self.store().commit_by(grant, delete).await? == Gone::Yes {
                return Ok(());
            }
        }
    }
}

/// Finds a member that stays for a while. Both are asked of one state: between two, the collector could end the
/// membership with its review, and what has gone would seem to stay.
struct FindStaying {
    repository: RepositoryId,
    digest: Digest,
    within: i64,
}

#[async_trait]
impl Transaction for FindStaying {
    type Output = Option<BlobRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<BlobRow>> {
        match work.is_leaving(self.repository, &self.digest, self.within).await? {
            true => Ok(None),
            false => work.find_member(self.repository, &self.digest).await,
        }
    }
}

struct FindSources {
    account: Option<wharf_core::AccountId>,
    digest: Digest,
}

#[async_trait]
impl Transaction for FindSources {
    type Output = Vec<MountSource>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<MountSource>> {
        work.mount_sources(self.account, &self.digest, MOUNT_SOURCES).await
    }
}

struct Mount {
    grant: Grant<Push>,
    source: RepositoryId,
    digest: Digest,
    size: u64,
    now: Timestamp,
    delay: i64,
}

#[async_trait]
impl Transaction for Mount {
    type Output = Mounted;

    async fn run(&self, work: &mut dyn Work) -> Result<Mounted> {
        // Everybody takes the blob before its memberships: so nobody waits for one another.
        work.lock_blob(&self.digest).await?;
        // It may have been deleted there since it was found. Its epoch moves, so that it stays until here.
        if !work.touch_member(self.source, &self.digest).await? {
            return Ok(Mounted::No);
        }
        let repository = repository_of(work, &self.grant, self.now).await?;
        expect_blob(work, &self.grant, repository, (&self.digest, self.size)).await?;
        if !work.add_member(repository, &self.digest, self.now).await? {
            return Ok(Mounted::No);
        }
        work.ask_review(repository, &self.digest, self.delay).await?;
        Ok(Mounted::Yes)
    }
}

struct DeleteBlob {
    grant: Grant<Delete>,
    leaving: Leaving,
    unneeded: Unneeded,
    condition: Condition,
    now: Timestamp,
    grace: i64,
}

/// What came of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// It is done.
    Yes,
    /// A tag may need the blob meanwhile.
    No,
}

#[async_trait]
impl Transaction for DeleteBlob {
    type Output = Gone;

    async fn run(&self, work: &mut dyn Work) -> Result<Gone> {
        let Leaving { repository, digest, .. } = &self.leaving;
        expect_repository(work, *repository).await?;
        if !self.leaving.is_still(work, &self.unneeded).await? {
            return Ok(Gone::No);
        }
        if !work.remove_member(*repository, digest).await? {
            return Err(Error::not_found(Subject::Blob));
        }
        // An error undoes the removal.
        self.condition.check(Some(digest))?;
        release(work, digest, self.grace).await?;
        let deed = Deed::of(&self.grant, self.now, "blob.delete").to(digest);
        deed.tell(work, *repository).await.map(|()| Gone::Yes)
    }
}
