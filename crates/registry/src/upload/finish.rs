//! The end of an upload: its object becomes the blob, without a copy or a rename.

use wharf_core::{
    Algorithm, ByteStream, Detail, Digest, Error, Grant, Kind, ObjectKey, Result, UploadId, action::Push,
};
use wharf_hash::Hasher;

use super::{
    Finished, Offset, expect_offset, on_its_own,
    pump::{Pumped, pump},
    rows::{AbandonUpload, FindBlob, FinishUpload},
};
use crate::{
    Registry, Taps,
    port::{BlobRow, UploadRow},
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
    /// then stays usable, with these bytes in it.
    pub async fn finish_upload(
        &self,
        grant: &Grant<Push>,
        id: UploadId,
        closing: Closing,
    ) -> Result<Finished> {
        let (row, lock) = self.lock_upload(grant, id).await?;
        expect_offset(&row, closing.start)?;
        let (registry, grant) = (self.clone(), grant.clone());
        on_its_own(async move {
            let _lock = lock;
            registry.finish_locked(&grant, &row, closing.digest, closing.body).await
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
        on_its_own(async move { registry.push_object(&grant, digest, body, taps).await }).await
    }

    async fn finish_locked(
        &self,
        grant: &Grant<Push>,
        row: &UploadRow,
        digest: Digest,
        body: ByteStream,
    ) -> Result<Finished> {
        let pumped = self.take(row, body, Taps::none()).await?;
        if pumped.end.is_err() {
            return Err(self
                .save(row, pumped)
                .await
                .err()
                .unwrap_or_else(|| Error::internal("a failed pump saved")));
        }
        let Pumped { hasher, writer, taps, .. } = pumped;
        let writer = writer.ok_or_else(|| Error::internal("a pump that ended well has a writer"))?;
        if let Err(error) = self.compare(row.key, &hasher, digest).await {
            let kept = Pumped { hasher, writer: Some(writer), taps, end: Err(error) };
            return Err(self
                .save(row, kept)
                .await
                .err()
                .unwrap_or_else(|| Error::internal("a wrong digest saved")));
        }
        let blob = BlobRow { digest, size: hasher.count(), key: row.key };
        if let Err(error) = writer.finish().await {
            // After a failed flush nobody knows what is on the disk, and a second flush would lie: it is over.
            self.abandon(row).await;
            return Err(error);
        }
        let stored = self.name(grant, &blob, Some(row.id)).await;
        let extra = taps.end(stored.is_ok());
        stored.map(|()| Finished { digest, size: blob.size, extra })
    }

    async fn push_object(
        &self,
        grant: &Grant<Push>,
        digest: Digest,
        body: ByteStream,
        taps: Taps,
    ) -> Result<Finished> {
        let _turn = self.turn().await?;
        let key = self.new_upload_id().object_key();
        let state = self.blobs().create(key).await?;
        let writer = self.blobs().resume(key, &state, 0).await?;
        let pumped = pump(body, Hasher::new(digest.algorithm()), writer, taps).await;
        let Pumped { hasher, writer, taps, end } = pumped;
        let blob = BlobRow { digest, size: hasher.count(), key };
        let sealed = async {
            end?;
            let writer = writer.ok_or_else(|| Error::internal("a pump that ended well has a writer"))?;
            self.compare(key, &hasher, digest).await?;
            writer.finish().await
        };
        let stored = match sealed.await {
            Ok(()) => self.name(grant, &blob, None).await,
            Err(error) => {
                self.discard(key).await;
                Err(error)
            }
        };
        let extra = taps.end(stored.is_ok());
        stored.map(|()| Finished { digest, size: blob.size, extra })
    }

    /// Removes an object that no row names. (One whose commit went unanswered may have a row, and stays.)
    async fn discard(&self, key: ObjectKey) {
        if let Err(error) = self.blobs().remove(key).await {
            tracing::warn!(object = %key, ?error, "object of a failed push could not be removed");
        }
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

    /// Names bytes that are on stable storage: from here on they are the blob.
    async fn name(&self, grant: &Grant<Push>, blob: &BlobRow, upload: Option<UploadId>) -> Result<()> {
        let damaged = self.damaged(&blob.digest).await?;
        let now = self.now();
        let due = now.plus_seconds(self.settings().object_grace);
        let finish = FinishUpload { grant: grant.clone(), upload, blob: blob.clone(), damaged, now, due };
        self.store().commit(finish).await
    }

    /// The object of a blob that is known but whose bytes are lost, which this push heals.
    async fn damaged(&self, digest: &Digest) -> Result<Option<ObjectKey>> {
        let Some(known) = self.store().view(FindBlob { digest: *digest }).await? else { return Ok(None) };
        Ok(self.blobs().open(known.key, known.size).await?.is_none().then_some(known.key))
    }

    async fn abandon(&self, row: &UploadRow) {
        let due = self.now().plus_seconds(self.settings().object_grace);
        if let Err(error) = self.store().commit(AbandonUpload { id: row.id, key: row.key, due }).await {
            tracing::warn!(upload = %row.id, ?error, "upload could not be abandoned, it will expire");
        }
    }
}
