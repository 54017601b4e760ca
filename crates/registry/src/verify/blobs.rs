//! Every blob is read, hashed, and asked whose it is.

use async_trait::async_trait;
use wharf_core::{Digest, ObjectKey, Result, UploadId};
use wharf_hash::Hasher;

use super::{Finding, Inspector, Repair, Verification, Verified};
use crate::{
    Registry,
    collection::release,
    port::{BlobRow, InspectedBlob, Pieces, Transaction, Work},
};

/// How many blobs one page holds.
const PAGE: u32 = 100;
/// How long wrong bytes are kept that were set aside, for whoever wants to look at them, in seconds.
const ASIDE: i64 = 30 * 24 * 3600;

/// What the store has for a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Bytes that have its digest.
    Right,
    /// Others, of the same length.
    Wrong,
    /// None, or of another length: the blob answers as missing.
    Nothing,
}

impl Registry {
    pub(super) async fn verify_blobs(
        &self,
        how: &Verification,
        inspector: &mut dyn Inspector,
        verified: &mut Verified,
    ) -> Result<()> {
        let mut last = how.after;
        loop {
            let page = self.store().view(ListBlobs { last }).await?;
            if page.is_empty() {
                return Ok(());
            }
            for InspectedBlob { blob, held } in page {
                verified.blobs += 1;
                verified.bytes += blob.size;
                if !self.is_right(&blob, inspector).await? {
                    self.damaged_blob(&blob, how.repair, inspector).await?;
                }
                if !held {
                    self.orphan(&blob, how.repair, inspector).await?;
                }
                inspector.passed(&blob.digest).await?;
                last = Some(blob.digest);
            }
        }
    }

    /// Whether the bytes of a blob are there and have its digest.
    ///
    /// # Errors
    /// `Unavailable`; the inspector's.
    pub async fn is_right(&self, blob: &BlobRow, inspector: &mut dyn Inspector) -> Result<bool> {
        Ok(self.hash_blob(blob, inspector).await? == Stored::Right)
    }

    /// Reads and hashes what the store has for a blob; wrong bytes twice, for a bit may have flipped on its way here.
    pub(crate) async fn hash_blob(&self, blob: &BlobRow, inspector: &mut dyn Inspector) -> Result<Stored> {
        match self.hash_once(blob, inspector).await? {
            Stored::Wrong => self.hash_once(blob, inspector).await,
            stored => Ok(stored),
        }
    }

    async fn hash_once(&self, blob: &BlobRow, inspector: &mut dyn Inspector) -> Result<Stored> {
        let opened = Pieces::open(self.blobs(), blob.key, blob.size, 0..blob.size).await?;
        let Some(mut pieces) = opened else { return Ok(Stored::Nothing) };
        let mut hasher = Hasher::new(blob.digest.algorithm());
        while let Some(piece) = pieces.next().await? {
            inspector.read(piece.len() as u64).await?;
            hasher = hash(hasher, piece).await?;
        }
        Ok(if hasher.finish() == blob.digest { Stored::Right } else { Stored::Wrong })
    }

    /// Whether a blob's row still leads to the object that it led to: it may have been deleted or healed since.
    pub(crate) async fn is_still_at(&self, blob: &BlobRow) -> Result<bool> {
        Ok(self.store().view(FindKey { digest: blob.digest }).await? == Some(blob.key))
    }

    /// Lets a blob answer as missing, so that its next push heals it. Its bytes are kept for a while.
    pub(crate) async fn set_aside(&self, blob: &BlobRow) -> Result<()> {
        // A key that was never written to.
        let nowhere = UploadId::new(self.now(), self.0.parts.entropy.bytes()).object_key();
        self.store().commit(SetAside { seen: blob.clone(), nowhere }).await
    }

    async fn damaged_blob(
        &self,
        blob: &BlobRow,
        repair: Repair,
        inspector: &mut dyn Inspector,
    ) -> Result<()> {
        if !self.is_still_at(blob).await? {
            return Ok(());
        }
        let tags = self.affected(&blob.digest).await?;
        if repair == Repair::Yes {
            self.set_aside(blob).await?;
        }
        inspector.found(Finding::Damaged { digest: blob.digest, tags }).await
    }

    async fn orphan(&self, blob: &BlobRow, repair: Repair, inspector: &mut dyn Inspector) -> Result<()> {
        if self.store().view(IsHeld { digest: blob.digest }).await? {
            return Ok(());
        }
        if repair == Repair::Yes {
            let (digest, grace) = (blob.digest, self.settings().object_grace);
            self.store().commit(Release { digest, grace }).await?;
        }
        inspector.found(Finding::Orphan { digest: blob.digest }).await
    }
}

/// Hashes a piece on a thread that may block.
async fn hash(mut hasher: Hasher, piece: bytes::Bytes) -> Result<Hasher> {
    let hash = move || {
        hasher.update(&piece);
        hasher
    };
    tokio::task::spawn_blocking(hash).await.map_err(wharf_core::Error::internal)
}

struct ListBlobs {
    last: Option<Digest>,
}

#[async_trait]
impl Transaction for ListBlobs {
    type Output = Vec<InspectedBlob>;

    async fn run(&self, work: &mut dyn Work) -> Result<Vec<InspectedBlob>> {
        work.blobs_after(self.last.as_ref(), PAGE).await
    }
}

pub(super) struct SumBytes {
    pub(super) last: Option<Digest>,
}

#[async_trait]
impl Transaction for SumBytes {
    type Output = u64;

    async fn run(&self, work: &mut dyn Work) -> Result<u64> {
        work.bytes_after(self.last.as_ref()).await
    }
}

struct FindKey {
    digest: Digest,
}

#[async_trait]
impl Transaction for FindKey {
    type Output = Option<ObjectKey>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<ObjectKey>> {
        work.find_key(&self.digest).await
    }
}

struct IsHeld {
    digest: Digest,
}

#[async_trait]
impl Transaction for IsHeld {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        work.is_held(&self.digest).await
    }
}

struct SetAside {
    seen: BlobRow,
    nowhere: ObjectKey,
}

#[async_trait]
impl Transaction for SetAside {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        let BlobRow { digest, key, .. } = &self.seen;
        match work.lock_blob(digest).await? {
            Some(blob) if blob.key == *key => {
                work.move_blob(digest, self.nowhere).await?;
                work.condemn(*key, ASIDE).await
            }
            // Somebody deleted it or pushed it again meanwhile.
            _ => Ok(()),
        }
    }
}

struct Release {
    digest: Digest,
    grace: i64,
}

#[async_trait]
impl Transaction for Release {
    type Output = ();

    async fn run(&self, work: &mut dyn Work) -> Result<()> {
        release(work, &self.digest, self.grace).await.map(drop)
    }
}
