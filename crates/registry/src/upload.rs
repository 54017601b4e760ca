//! Uploads: begun, continued in order on any node, finished by digest; or cancelled.
//!
//! An upload is a row that holds how far it is, and an object that becomes the blob. It is bound to a repository
//! and an account: to anyone else it does not exist. The body of a request is pumped by a task of its own, for a
//! handler is dropped when its client goes; what arrived by then is kept.

mod blocks;
mod doubts;
mod finish;
mod hashed;
mod locks;
mod pump;
mod rows;
mod touch;

use std::time::Duration;

use tokio::{runtime::Handle, task::spawn_blocking};
use tracing::{Instrument as _, info_span};
use wharf_core::{
    Algorithm, ByteStream, Detail, Digest, Error, Grant, Kind, ObjectKey, Result, Subject, UploadId,
    action::Push,
};
use wharf_hash::{Extra, Hasher};

use self::{
    blocks::BLOCK,
    locks::Lock,
    pump::{Pumped, Source, pump},
    rows::{BeginUpload, SaveProgress, TouchUpload},
};
pub(crate) use self::{
    doubts::Doubts,
    locks::Locks,
    rows::{End, EndUpload, FindUpload, expect_repository, repository_of},
};
pub use self::{
    finish::Closing,
    hashed::{HashedBytes, Hashing},
};
use crate::{
    Registry, Taps,
    port::{BlobWriter, Progress, StoreState, UploadRow},
};

/// An upload that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// How many bytes were taken.
    pub offset: u64,
}

/// Where a request says its bytes begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// Wherever the upload stands.
    Here,
    /// At this byte, or the request is refused.
    At(u64),
}

/// An upload that became a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The blob's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The extra digests its taps asked for.
    pub extra: Vec<(Extra, Vec<u8>)>,
}

impl Registry {
    /// Begins an upload that will be hashed with `algorithm`.
    ///
    /// # Errors
    /// `RateLimited` where the organisation has as many as it may; `StorageFull`, `Unavailable`.
    pub async fn begin_upload(&self, grant: &Grant<Push>, algorithm: Algorithm) -> Result<Upload> {
        self.expect_room().await?;
        let row = self.begin(grant, algorithm).await?;
        Ok(Upload { id: row.id, offset: 0 })
    }

    /// The size in bytes from which on a chunk costs no more than its bytes, where the store has one.
    pub fn best_chunk(&self) -> Option<u64> {
        self.blobs().best_chunk()
    }

    /// Where an upload stands: the truth, also after a crash.
    ///
    /// # Errors
    /// `NotFound` for every upload that is not this caller's in this repository.
    pub async fn upload(&self, grant: &Grant<Push>, id: UploadId) -> Result<Upload> {
        let row = self.find_upload(grant, id).await?;
        if !self.must_recover(&row).await? {
            return Ok(Upload { id, offset: row.progress.offset });
        }
        let (row, _lock) = self.lock_upload(grant, id).await?;
        Ok(Upload { id, offset: row.progress.offset })
    }

    /// Takes the next bytes of an upload.
    ///
    /// # Errors
    /// `NotFound` as [`Registry::upload`]; `OutOfRange` with [`Detail::Offset`] for a wrong start; `Invalid` when
    /// the body breaks off, and `Timeout` when it stands still, with what arrived kept; `StorageFull`, `Unavailable`.
    pub async fn append(
        &self,
        grant: &Grant<Push>,
        id: UploadId,
        start: Offset,
        body: ByteStream,
    ) -> Result<Upload> {
        self.expect_room().await?;
        let (row, lock) = self.lock_upload(grant, id).await?;
        expect_offset(&row, start)?;
        let (registry, grant) = (self.clone(), grant.clone());
        on_its_own(async move {
            let source = Source::new(body, lock.wanted(), registry.stall());
            let offset = registry.touching(id, registry.append_locked(&grant, &row, source)).await?;
            drop(lock);
            Ok(Upload { id, offset })
        })
        .await
    }

    async fn append_locked(&self, grant: &Grant<Push>, row: &UploadRow, source: Source) -> Result<u64> {
        let _turn = self.turn(grant).await?;
        let Pumped { hasher, writer, end, .. } = self.take(row, source, Taps::none()).await?;
        let saved = self.save(row, &hasher, writer).await;
        // Why the body ended tells more than that what it brought could not be kept either.
        end?;
        Ok(saved?.progress.offset)
    }

    /// For how long a client's body may stand still.
    fn stall(&self) -> Duration {
        Duration::from_secs(self.settings().stall_timeout)
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// `NotFound` as [`Registry::upload`].
    pub async fn cancel_upload(&self, grant: &Grant<Push>, id: UploadId) -> Result<()> {
        let (row, _lock) = self.lock_upload(grant, id).await?;
        match self.end_upload(&row, End::GivenUp).await? {
            true => {
                self.meters().uploads.cancelled.increment();
                Ok(())
            }
            false => Err(Error::not_found(Subject::Upload)),
        }
    }

    /// Ends an upload that becomes no blob, if it still stands where it was seen; says whether it did.
    pub(crate) async fn end_upload(&self, seen: &UploadRow, end: End) -> Result<bool> {
        let ended = self.store().commit(EndUpload { seen: seen.clone(), end }).await?;
        self.meters().objects_condemned.add(ended.into());
        Ok(ended)
    }

    /// Only the row: its object begins with its first bytes.
    async fn begin(&self, grant: &Grant<Push>, algorithm: Algorithm) -> Result<UploadRow> {
        let id = UploadId::new(self.now(), self.0.parts.entropy.bytes());
        let progress = self.progress(&Hasher::new(algorithm), StoreState::new());
        let most = self.settings().open_uploads_per_organisation;
        let begin = BeginUpload { grant: grant.clone(), id, algorithm, progress, now: self.now(), most };
        let row = self.store().commit_by(grant, begin).await?;
        self.meters().uploads.begun.increment();
        Ok(row)
    }

    async fn find_upload(&self, grant: &Grant<Push>, id: UploadId) -> Result<UploadRow> {
        let found = self.store().view(FindUpload { id }).await?;
        let account = grant.actor().principal().account();
        found
            .filter(|row| Some(row.repository) == grant.repository() && row.account == account)
            .ok_or_else(|| Error::not_found(Subject::Upload))
    }

    /// Waits until nobody else writes to the upload, and reads where it then stands.
    async fn lock_upload(&self, grant: &Grant<Push>, id: UploadId) -> Result<(UploadRow, Lock)> {
        let (row, lock) = self.find_locked(grant, id).await?;
        let row = self.expect_certain(row).await?;
        if !self.must_recover(&row).await? {
            return Ok((row, lock));
        }
        // Reading a large object takes longer than a client may wait: what it found is kept for the next.
        let (registry, grant) = (self.clone(), grant.clone());
        on_its_own(async move {
            let _turn = registry.turn(&grant).await?;
            Ok((registry.touching(id, registry.recover(row)).await?, lock))
        })
        .await
    }

    /// Reads an upload that nobody else writes to. Only who may write to it waits for those who do, and makes them hurry.
    async fn find_locked(&self, grant: &Grant<Push>, id: UploadId) -> Result<(UploadRow, Lock)> {
        if let Some(lock) = self.0.locks.try_lock(id) {
            return Ok((self.find_upload(grant, id).await?, lock));
        }
        self.find_upload(grant, id).await?;
        let lock = self.0.locks.lock(id).await?;
        Ok((self.find_upload(grant, id).await?, lock))
    }

    /// Sees to it that no change to the row is still under way, before anybody writes where it leads.
    async fn expect_certain(&self, row: UploadRow) -> Result<UploadRow> {
        if !self.0.doubts.holds(row.id) {
            return Ok(row);
        }
        let row = self.save_progress(&row, row.progress.clone()).await?;
        self.0.doubts.settle(row.id);
        Ok(row)
    }

    /// Whether the saved state may be worth more than the bytes under it.
    async fn must_recover(&self, row: &UploadRow) -> Result<bool> {
        if row.progress.offset == 0 {
            return Ok(false);
        }
        if row.progress.incarnation != self.blobs().incarnation() {
            return Ok(true);
        }
        let written = self.blobs().written(row.key, &row.progress.store_state).await?;
        Ok(written.is_none_or(|written| written < row.progress.offset))
    }

    /// Hashes what is really there from the first byte, and moves the offset back to it.
    async fn recover(&self, row: UploadRow) -> Result<UploadRow> {
        let written = self.blobs().written(row.key, &row.progress.store_state).await?;
        let offset = written.unwrap_or_default().min(row.progress.offset);
        let store_state = written.map_or_else(StoreState::new, |_| row.progress.store_state.clone());
        let hasher = self.hash_stored(row.key, offset, row.algorithm).await?;
        tracing::warn!(upload = %row.id, claimed_bytes = row.progress.offset, found_bytes = offset, "upload moved back");
        let progress = self.progress(&hasher, store_state);
        self.save_progress(&row, progress).await
    }

    /// Takes a body in. Whoever calls has his turn.
    async fn take(&self, row: &UploadRow, source: Source, taps: Taps) -> Result<Pumped> {
        let hasher = Hasher::restore(&row.progress.hash_state)
            .ok_or_else(|| Error::internal("the upload's saved hash state cannot be read"))?;
        let writer = self.blobs().write_from(row.key, &row.progress.store_state, row.progress.offset).await?;
        let span = info_span!("blob store write", size_bytes = tracing::field::Empty);
        let pumped = pump(source, hasher, writer, taps).instrument(span.clone()).await;
        let received = pumped.hasher.count().saturating_sub(row.progress.offset);
        span.record("size_bytes", received);
        self.meters().received_bytes.add(received);
        Ok(pumped)
    }

    /// Lets an upload that has nothing yet take contents that were hashed before.
    async fn put(&self, row: &UploadRow, content: &HashedBytes) -> Result<Pumped> {
        let mut writer =
            self.blobs().write_from(row.key, &row.progress.store_state, row.progress.offset).await?;
        let hasher = content.hasher();
        let span = info_span!("blob store write", size_bytes = hasher.count());
        let write = async {
            for piece in content.pieces(BLOCK) {
                writer.write(&[piece]).await?;
            }
            Ok(())
        };
        let end = write.instrument(span).await;
        self.meters().received_bytes.add(hasher.count());
        Ok(Pumped { hasher, writer, taps: Taps::none(), end })
    }

    /// Keeps what a pump took. Where it took nothing the row does not move: a request that came to nothing must not
    /// make another node lose the end of this upload.
    async fn save(&self, row: &UploadRow, hasher: &Hasher, writer: Box<dyn BlobWriter>) -> Result<UploadRow> {
        let store_state = writer.suspend(hasher.count()).await?;
        let progress = self.progress(hasher, store_state);
        if progress == row.progress {
            self.store().commit(TouchUpload { id: row.id, now: self.now() }).await?;
            return Ok(row.clone());
        }
        self.save_progress(row, progress).await
    }

    async fn save_progress(&self, row: &UploadRow, progress: Progress) -> Result<UploadRow> {
        let save = SaveProgress { seen: row.clone(), progress, now: self.now() };
        match self.store().commit(save).await.inspect_err(|error| self.0.doubts.note(row.id, error))? {
            Some(row) => Ok(row),
            None => {
                let standing = self.store().view(FindUpload { id: row.id }).await?;
                let standing = standing.ok_or_else(|| Error::not_found(Subject::Upload))?;
                let moved = Error::new(Kind::OutOfRange, "another request moved this upload");
                Err(moved.with(Detail::Offset(standing.progress.offset)))
            }
        }
    }

    fn progress(&self, hasher: &Hasher, store_state: Vec<u8>) -> Progress {
        Progress {
            offset: hasher.count(),
            hash_state: hasher.save(),
            store_state,
            incarnation: self.blobs().incarnation().to_owned(),
        }
    }

    /// Hashes the first `length` bytes of an unfinished object, on a thread that may block.
    async fn hash_stored(&self, key: ObjectKey, length: u64, algorithm: Algorithm) -> Result<Hasher> {
        let (blobs, runtime) = (self.blob_store(), Handle::current());
        let hash = move || {
            let mut hasher = Hasher::new(algorithm);
            if length > 0 {
                runtime.block_on(blobs.read(key, length, &mut |bytes| hasher.update(bytes)))?;
            }
            Ok(hasher)
        };
        spawn_blocking(hash).await.map_err(Error::internal)?
    }
}

fn expect_offset(row: &UploadRow, start: Offset) -> Result<()> {
    match start {
        Offset::At(start) if start != row.progress.offset => {
            let offset = row.progress.offset;
            let message = format!("the upload stands at byte {offset}, not {start}");
            Err(Error::new(Kind::OutOfRange, message).with(Detail::Offset(offset)))
        }
        _ => Ok(()),
    }
}

/// Runs work to its end even when whoever waits for it goes away.
pub(crate) async fn on_its_own<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|error| Err(Error::internal(error)))
}
