//! The end of an upload: its object becomes the blob, without a copy or a rename.

use wharf_core::{
    Algorithm, ByteStream, Detail, Digest, Error, Grant, Kind, ObjectKey, Result, UploadId, action::Push,
};
use wharf_hash::Hasher;

use super::{
    Finished, Offset, expect_offset, on_its_own,
    pump::{Pumped, Source},
    rows::{FindBlob, FinishUpload},
};
use crate::{
    Registry, Settings, Taps,
    port::{BlobRow, BlobWriter, UploadRow},
};

/// The end of an upload, as a request words it.
pub struct Closing {
    /// What the whole must be.
    pub digest: Digest,
    /// Where the last bytes begin.
    pub start: Offset,
    /// The last bytes, if any.
    pub body: ByteStream,
}

impl Registry {
    /// Takes the last bytes of an upload and makes it the blob of its digest. Durable when it returns.
    ///
    /// # Errors
    /// As [`Registry::append`]; `Invalid` with [`Detail::Digest`] when the bytes have another digest: the upload
    /// then stays usable, with these bytes in it. `StorageFull` stands for last bytes on a disk that is nearly full;
    /// an upload that has all of its own is finished a little longer.
    pub async fn finish_upload(
        &self,
        grant: &Grant<Push>,
        id: UploadId,
        closing: Closing,
    ) -> Result<Finished> {
        self.expect_last_room().await?;
        let (row, lock) = self.lock_upload(grant, id).await?;
        expect_offset(&row, closing.start)?;
        let (registry, grant) = (self.clone(), grant.clone());
        on_its_own(async move {
            let source = Source { body: closing.body, wanted: lock.wanted() };
            let finished = registry.finish_locked(&grant, &row, closing.digest, source).await;
            drop(lock);
            finished
        })
        .await
    }

    /// Takes a whole blob in one go, with taps. Durable when it returns; nothing is kept of one that fails.
    ///
    /// # Errors
    /// `Invalid` when the body breaks off, or with [`Detail::Digest`] has another digest; `StorageFull`,
    /// `Unavailable`.
    pub async fn push_blob(
        &self,
        grant: &Grant<Push>,
        digest: Digest,
        body: ByteStream,
        taps: Taps,
    ) -> Result<Finished> {
        let (registry, grant) = (self.clone(), grant.clone());
        on_its_own(async move { registry.push_whole(&grant, digest, body, taps).await }).await
    }

    async fn push_whole(
        &self,
        grant: &Grant<Push>,
        digest: Digest,
        body: ByteStream,
        taps: Taps,
    ) -> Result<Finished> {
        self.expect_room().await?;
        let row = self.begin(grant, digest.algorithm()).await?;
        let _lock = self.0.locks.lock(row.id).await?;
        let (taps, taken) = match self.take(grant, &row, Source { body, wanted: None }, taps).await {
            Ok(Pumped { hasher, writer, taps, end }) => (taps, end.map(|()| (hasher, writer))),
            Err(error) => (Taps::none(), Err(error)),
        };
        let sealed = match taken {
            Ok((hasher, Some(writer))) => self.seal_right(grant, &row, (hasher, writer), digest).await,
            Ok((_, None)) => Err(writer_lost()),
            Err(error) => Err(error),
        };
        if sealed.is_err() {
            self.abandon(&row).await;
        }
        let extra = taps.end(sealed.is_ok());
        sealed.map(|size| Finished { digest, size, extra })
    }

    /// Seals bytes that have the digest they must have; yields their number.
    async fn seal_right(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        (hasher, writer): (Hasher, Box<dyn BlobWriter>),
        digest: Digest,
    ) -> Result<u64> {
        self.compare(row.key, &hasher, digest).await?;
        self.seal(grant, row, writer, (digest, hasher.count())).await?;
        Ok(hasher.count())
    }

    async fn finish_locked(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        digest: Digest,
        source: Source,
    ) -> Result<Finished> {
        let Pumped { hasher, writer, taps, end } = self.take(grant, row, source, Taps::none()).await?;
        let size = hasher.count();
        let right = match end {
            Ok(()) => self.compare(row.key, &hasher, digest).await,
            Err(error) => Err(error),
        };
        match (right, writer) {
            (Ok(()), Some(writer)) => self.seal(grant, row, writer, (digest, size)).await?,
            (right, writer) => {
                // What arrived is kept, and the upload stays usable.
                self.save(row, &hasher, writer).await?;
                return Err(right.err().unwrap_or_else(writer_lost));
            }
        }
        Ok(Finished { digest, size, extra: taps.end(true) })
    }

    /// First the bytes to stable storage, then the rows: from here on they are the blob.
    async fn seal(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        writer: Box<dyn BlobWriter>,
        (digest, size): (Digest, u64),
    ) -> Result<()> {
        let grant = self.regrant(grant).await?;
        if let Err(error) = writer.finish().await {
            // After a failed flush nobody knows what is on the disk, and a second flush would lie: it is over.
            self.abandon(row).await;
            return Err(error);
        }
        let damaged = self.damaged(&digest).await?;
        let now = self.now();
        let Settings { object_grace: grace, collection_delay: delay, .. } = *self.settings();
        let blob = BlobRow { digest, size, key: row.key };
        let finish = FinishUpload { grant, upload: row.id, blob, damaged, now, grace, delay };
        let condemned = self.store().commit(finish).await?;
        self.meters().uploads.finished.increment();
        self.meters().objects_condemned.add(condemned.into());
        Ok(())
    }

    /// Compares the digest, reading the bytes once more where its algorithm was never announced.
    async fn compare(&self, key: ObjectKey, hasher: &Hasher, digest: Digest) -> Result<()> {
        let found = if digest.algorithm() == hasher.algorithm() {
            hasher.clone().finish()
        } else {
            self.digest_again(key, hasher.count(), digest.algorithm()).await?
        };
        if found == digest {
            return Ok(());
        }
        let message = format!("the bytes have the digest {found}, not {digest}");
        Err(Error::new(Kind::Invalid, message).with(Detail::Digest))
    }

    async fn digest_again(&self, key: ObjectKey, size: u64, algorithm: Algorithm) -> Result<Digest> {
        let mut hasher = Hasher::new(algorithm);
        self.read_into(key, size, &mut hasher).await?;
        Ok(hasher.finish())
    }

    /// The object of a blob that is known but whose bytes are lost, which this push heals.
    async fn damaged(&self, digest: &Digest) -> Result<Option<ObjectKey>> {
        let Some(known) = self.store().view(FindBlob { digest: *digest }).await? else { return Ok(None) };
        Ok(self.blobs().open(known.key, known.size).await?.is_none().then_some(known.key))
    }

    /// Gives an upload up that cannot be finished. One whose commit went unanswered may have no row any more: then its
    /// object is the blob, and stays.
    pub(super) async fn abandon(&self, row: &UploadRow) {
        match self.end_upload(row).await {
            Ok(ended) => self.meters().uploads.cancelled.add(ended.into()),
            Err(error) => {
                tracing::warn!(upload = %row.id, ?error, "upload could not be given up, it will expire");
            }
        }
    }
}

fn writer_lost() -> Error {
    Error::internal("a pump that ended well has a writer")
}
