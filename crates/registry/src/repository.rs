//! Repositories as such: listed, looked at, and taken apart.
//!
//! A repository may hold any amount, and while one transaction removes it nobody else writes. So it goes in steps:
//! manifests, blobs, uploads, the memory of its tags, at last its row. Whoever is cut off in between goes on by asking
//! again.

use async_trait::async_trait;
use wharf_core::{
    Condition, Digest, Error, Grant, Kind, Limit, Page, PageAfter, Place, RegistryGrant, Result, Subject,
    Timestamp,
    action::{Delete, Pull},
    audit::AuditRecord,
    gate::{RegistryId, RepositoryId},
};

use crate::{
    Registry,
    collection::release,
    policy::expect_none_kept,
    port::{Extent, ListedManifest, RepositoryRow, TagRow, Transaction, UploadRow, Which, Work},
    upload::{End, expect_repository, on_its_own},
};

/// How much is removed of what may hold something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Only something that holds no manifest; what was merely begun in it goes with it.
    Empty,
    /// It and everything in it.
    Everything,
}

/// How much one step takes away.
const STEP: u32 = 200;
/// How often a repository is taken apart anew because somebody pushed to it meanwhile.
const PATIENCE: u32 = 10;

impl Registry {
    /// A page of a registry's repositories after the canonical name `last`, in byte order.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn repositories(
        &self,
        grant: &RegistryGrant,
        which: Which,
        PageAfter { last, limit }: PageAfter<String>,
    ) -> Result<Page<RepositoryRow>> {
        let list = ListRepositories { registry: grant.registry(), which, last, most: one_more(limit) };
        Ok(Page::cut(self.store().view(list).await?, limit))
    }

    /// A repository that is shown in lists.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable`.
    pub async fn repository(&self, grant: &Grant<Pull>) -> Result<RepositoryRow> {
        let gone = || Error::not_found(Subject::Name);
        let id = grant.repository().ok_or_else(gone)?;
        self.store().view(FindRepository(id)).await?.ok_or_else(gone)
    }

    /// A page of a repository's tags after `last` in byte order, with what they point to.
    ///
    /// # Errors
    /// `NotFound` where the repository is not there; `Unavailable`.
    pub async fn tag_rows(
        &self,
        grant: &Grant<Pull>,
        PageAfter { last, limit }: PageAfter<String>,
    ) -> Result<Page<TagRow>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let tags = self.store().view(ListTags { repository, last, most: one_more(limit) }).await?;
        Ok(Page::cut(tags, limit))
    }

    /// A page of a repository's manifests after `last` in the order of their digests, whether or not a tag points to
    /// them.
    ///
    /// # Errors
    /// `NotFound` where the repository is not there; `Unavailable`.
    pub async fn listed_manifests(
        &self,
        grant: &Grant<Pull>,
        PageAfter { last, limit }: PageAfter<Digest>,
    ) -> Result<Page<ListedManifest>> {
        let repository = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        let list = ListManifests { repository, last, most: one_more(limit) };
        Ok(Page::cut(self.store().view(list).await?, limit))
    }

    /// Refuses that all repositories of a registry go where a rule keeps a tag in one of them. Who removes several asks
    /// before the first goes.
    ///
    /// # Errors
    /// `Conflict` with [`wharf_core::Detail::Rule`]; `Unavailable`.
    pub async fn expect_none_kept(&self, grant: &RegistryGrant) -> Result<()> {
        let mut wanted = PageAfter::first();
        loop {
            let page = self.repositories(grant, Which::Shown, wanted.clone()).await?;
            for RepositoryRow { id, place, .. } in &page.entries {
                self.store().view(ExpectNoneKept { id: *id, place: place.clone() }).await?;
            }
            wanted.last = page.entries.last().map(|row| row.place.to_string());
            if !page.more {
                return Ok(());
            }
        }
    }

    /// Removes a repository. Its bytes go with the collector's next rounds.
    ///
    /// # Errors
    /// `Unsupported` where deletion is switched off; `NotFound`; `Conflict` where somebody keeps pushing to it, where it
    /// was to be empty and holds a manifest, and with [`wharf_core::Detail::Rule`] where a rule keeps one of its tags;
    /// those of [`Registry::grant`].
    pub async fn delete_repository(&self, grant: &Grant<Delete>, removal: Removal) -> Result<()> {
        self.expect_deletion()?;
        let id = grant.repository().ok_or_else(|| Error::not_found(Subject::Name))?;
        self.store().view(ExpectNoneKept { id, place: grant.place().clone() }).await?;
        let (registry, grant) = (self.clone(), grant.clone());
        // A client that hangs up leaves nothing half done.
        on_its_own(async move {
            for _ in 0..PATIENCE {
                registry.take_apart(&grant, id, removal).await?;
                let (grant, now) = (registry.regrant(&grant).await?, registry.now());
                if registry.store().commit_by(&grant, RemoveRow { grant: grant.clone(), id, now }).await? {
                    return Ok(());
                }
            }
            Err(Error::new(
                Kind::Conflict,
                "somebody pushes to the repository while it is removed: try again",
            ))
        })
        .await
    }

    /// Removes everything that a repository holds at this moment; refuses where that is a manifest, and it was to be empty.
    async fn take_apart(&self, grant: &Grant<Delete>, id: RepositoryId, removal: Removal) -> Result<()> {
        loop {
            let some = self.store().view(SomeOf(id)).await?;
            if removal == Removal::Empty && !some.manifests.is_empty() {
                let message =
                    format!("{} was pushed to meanwhile: no manifest of it was removed", grant.place());
                return Err(Error::new(Kind::Conflict, message));
            }
            if some.manifests.is_empty() && some.members.is_empty() && some.uploads.is_empty() {
                break;
            }
            for digest in some.manifests {
                let deleted = self.delete_manifest(grant, &digest, Condition::default()).await;
                ignore_gone(deleted)?;
            }
            for upload in some.uploads {
                self.end_upload(&upload, End::GivenUp).await?;
            }
            let (members, grace) = (some.members, self.settings().object_grace);
            self.store().commit_by(grant, EndMemberships { repository: id, members, grace }).await?;
            self.regrant(grant).await?;
        }
        while self.store().commit(ForgetMoves(id)).await? == u64::from(STEP) {}
        Ok(())
    }
}

/// Another request was faster, which is as good.
fn ignore_gone(deleted: Result<()>) -> Result<()> {
    match deleted {
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(()),
        deleted => deleted,
    }
}

fn one_more(limit: Limit) -> u32 {
    u32::try_from(limit.get() + 1).unwrap_or(u32::MAX)
}

struct ListRepositories {
    registry: RegistryId,
    which: Which,
    last: Option<String>,
    most: u32,
}

#[async_trait]
impl Transaction for ListRepositories {
    type Output = Vec<RepositoryRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<RepositoryRow>> {
        work.repositories(self.registry, self.which, self.last.as_deref(), self.most).await
    }
}

struct FindRepository(RepositoryId);

#[async_trait]
impl Transaction for FindRepository {
    type Output = Option<RepositoryRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<RepositoryRow>> {
        work.repository(self.0).await
    }
}

struct ListTags {
    repository: RepositoryId,
    last: Option<String>,
    most: u32,
}

#[async_trait]
impl Transaction for ListTags {
    type Output = Vec<TagRow>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<TagRow>> {
        work.tag_rows(self.repository, self.last.as_deref(), self.most).await
    }
}

struct ListManifests {
    repository: RepositoryId,
    last: Option<Digest>,
    most: u32,
}

#[async_trait]
impl Transaction for ListManifests {
    type Output = Vec<ListedManifest>;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<ListedManifest>> {
        work.listed_manifests(self.repository, self.last.as_ref(), self.most).await
    }
}

/// Refuses a removal before it begins, where a rule keeps a tag.
struct ExpectNoneKept {
    id: RepositoryId,
    place: Place,
}

#[async_trait]
impl Transaction for ExpectNoneKept {
    type Output = ();

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        expect_none_kept(work, self.id, &self.place).await
    }
}

/// Some of what a repository holds.
struct Holding {
    manifests: Vec<Digest>,
    members: Vec<Digest>,
    uploads: Vec<UploadRow>,
}

struct SomeOf(RepositoryId);

#[async_trait]
impl Transaction for SomeOf {
    type Output = Holding;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Holding> {
        Ok(Holding {
            manifests: work.some_manifests(self.0, STEP).await?,
            members: work.some_members(self.0, STEP).await?,
            uploads: work.some_uploads(self.0, STEP).await?,
        })
    }
}

/// Ends memberships of blobs that no manifest names any more; one that came meanwhile keeps its own.
struct EndMemberships {
    repository: RepositoryId,
    members: Vec<Digest>,
    grace: i64,
}

#[async_trait]
impl Transaction for EndMemberships {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        expect_repository(work, self.repository).await?;
        for digest in &self.members {
            if !work.is_needed(self.repository, digest).await?
                && work.remove_member(self.repository, digest).await?
            {
                release(work, digest, self.grace).await?;
            }
        }
        Ok(())
    }
}

struct ForgetMoves(RepositoryId);

#[async_trait]
impl Transaction for ForgetMoves {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.forget_moves(self.0, STEP).await
    }
}

/// Removes the row, if nothing came into the repository meanwhile; says whether it did.
struct RemoveRow {
    grant: Grant<Delete>,
    id: RepositoryId,
    now: Timestamp,
}

#[async_trait]
impl Transaction for RemoveRow {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        expect_repository(work, self.id).await?;
        if !work.remove_repository(self.id).await? {
            return Ok(false);
        }
        let record = AuditRecord::by(self.now, &self.grant, "repository.delete");
        let place = Some(self.grant.place().clone());
        work.audit(&AuditRecord { place, ..record }).await.map(|()| true)
    }
}
