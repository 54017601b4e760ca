//! The transactions of an upload's life.

use async_trait::async_trait;
use wharf_core::{
    Algorithm, Error, Grant, Kind, Result, Subject, Timestamp, UploadId, action::Push, gate::RepositoryId,
};

use crate::{
    port::{BlobRow, Home, Maker, Progress, Reread, Stale, Transaction, UploadRow, Work},
    quota::expect_bytes,
};

/// The repository a push goes to, made where the grant allows.
pub(crate) async fn repository_of(
    work: &mut dyn Work,
    grant: &Grant<Push>,
    now: Timestamp,
) -> Result<RepositoryId> {
    let maker = Maker { actor: grant.actor(), at: now };
    let home = match grant.registry() {
        Some(registry) => Home { id: registry.id, kind: registry.kind },
        None => work.ensure_registry(grant.place(), maker).await?,
    };
    work.ensure_repository(home, grant.place(), maker).await
}

/// Holds a repository against other changes of its manifests, tags and blobs until the transaction ends.
pub(crate) async fn expect_repository(work: &mut dyn Work, repository: RepositoryId) -> Result<()> {
    if work.lock_repository(repository).await? {
        return Ok(());
    }
    Err(Error::not_found(Subject::Name))
}

pub(super) struct BeginUpload {
    pub(super) grant: Grant<Push>,
    pub(super) id: UploadId,
    pub(super) algorithm: Algorithm,
    pub(super) progress: Progress,
    pub(super) now: Timestamp,
    /// How many uploads the organisation may have.
    pub(super) most: u32,
}

#[async_trait]
impl Transaction for BeginUpload {
    type Output = UploadRow;

    async fn run(&self, work: &mut dyn Work) -> Result<UploadRow> {
        let repository = repository_of(work, &self.grant, self.now).await?;
        // On PostgreSQL those that begin at the same moment do not see each other, and may pass the limit together.
        if work.count_uploads_beside(repository, self.most).await? >= u64::from(self.most) {
            let most = self.most;
            let message =
                format!("the organisation has {most} unfinished uploads: finish or cancel some of them");
            return Err(Error::new(Kind::RateLimited, message));
        }
        let row = UploadRow {
            id: self.id,
            repository,
            account: self.grant.actor().principal().account(),
            key: self.id.object_key(),
            algorithm: self.algorithm,
            progress: self.progress.clone(),
            version: 0,
            reread: None,
        };
        expect_bytes(work, &self.grant, repository, 1).await?;
        work.insert_upload(&row, self.now).await?;
        Ok(row)
    }
}

pub(crate) struct FindUpload {
    pub(crate) id: UploadId,
}

#[async_trait]
impl Transaction for FindUpload {
    type Output = Option<UploadRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<UploadRow>> {
        work.find_upload(self.id).await
    }
}

/// Saves progress; yields the row as it then stands, or nothing if somebody else moved it.
pub(super) struct SaveProgress {
    pub(super) seen: UploadRow,
    pub(super) progress: Progress,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for SaveProgress {
    type Output = Option<UploadRow>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<UploadRow>> {
        let saved = work.save_progress(&self.seen, &self.progress, self.now).await?;
        Ok(saved.then(|| UploadRow {
            progress: self.progress.clone(),
            version: self.seen.version + 1,
            ..self.seen.clone()
        }))
    }
}

/// Says that somebody works on an upload.
pub(super) struct TouchUpload {
    pub(super) id: UploadId,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Transaction for TouchUpload {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.touch_upload(self.id, self.now).await
    }
}

/// Keeps what the bytes of an upload were found to be, so that nobody has them read again.
pub(super) struct KeepReread {
    pub(super) id: UploadId,
    pub(super) reread: Reread,
}

#[async_trait]
impl Transaction for KeepReread {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        work.keep_reread(self.id, &self.reread).await
    }
}

/// Why an upload becomes no blob.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// It was cancelled, or lost.
    GivenUp,
    /// Nobody touched it for so long.
    Stale(Stale),
}

/// Ends an upload, if it still stands where it was seen; says whether it did. Its object can go at once, for nobody
/// can have opened it.
pub(crate) struct EndUpload {
    pub(crate) seen: UploadRow,
    pub(crate) end: End,
}

#[async_trait]
impl Transaction for EndUpload {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        let ended = match self.end {
            End::GivenUp => work.remove_upload_at(&self.seen).await?,
            End::Stale(stale) => work.remove_stale_upload(&self.seen, stale).await?,
        };
        if ended {
            work.condemn(self.seen.key, 0).await?;
        }
        Ok(ended)
    }
}

/// Makes a finished object the blob of its digest and a member of the repository. An object that was there before
/// gives way and is condemned: nobody knows what its disk did to it since, and of ours every byte was just hashed.
/// Says whether one was condemned.
pub(super) struct FinishUpload {
    pub(super) grant: Grant<Push>,
    /// As it stood when its object was finished.
    pub(super) upload: UploadRow,
    pub(super) blob: BlobRow,
    pub(super) now: Timestamp,
    pub(super) grace: i64,
    pub(super) delay: i64,
}

#[async_trait]
impl Transaction for FinishUpload {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        if !work.remove_upload_at(&self.upload).await? {
            return Err(match work.find_upload(self.upload.id).await? {
                Some(_) => Error::new(Kind::Conflict, "another request moved this upload"),
                None => Error::not_found(Subject::Upload),
            });
        }
        let digest = &self.blob.digest;
        let known = work.lock_blob(digest).await?;
        let condemns = known.is_some();
        match known {
            None => work.insert_blob(&self.blob, self.now).await?,
            Some(known) => {
                work.move_blob(digest, self.blob.key).await?;
                work.condemn(known.key, self.grace).await?;
            }
        }
        let repository = repository_of(work, &self.grant, self.now).await?;
        match work.add_member(repository, digest, self.now).await? {
            true => work.ask_review(repository, digest, self.delay).await.map(|()| condemns),
            false => Err(Error::internal("a blob that was just named is not there")),
        }
    }
}
