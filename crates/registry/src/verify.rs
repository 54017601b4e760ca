//! Looking whether everything that is promised is there: bytes with their digests, manifests with what they name, no
//! blob that belongs to nobody, no object that nothing leads to.
//!
//! It goes in pages, beside everything else that happens, and holds what looks wrong against the rows once more, for
//! things come and go meanwhile. It changes nothing unless it is to repair.

mod blobs;
mod contents;
mod strays;
mod usage;

use async_trait::async_trait;
use wharf_core::{Digest, Result};

pub(crate) use self::blobs::Stored;
use crate::Registry;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The bytes of a blob are gone or wrong.
    Damaged {
        /// The blob.
        digest: Digest,
        /// The tags that need it, as `repository:tag`; some of them if they are many.
        tags: Vec<String>,
    },
    /// A blob is a member of no repository.
    Orphan {
        /// The blob.
        digest: Digest,
    },
    /// A manifest is not the one of its digest, or its edges are not those of its text.
    Garbled {
        /// The manifest, as `repository@digest`.
        manifest: String,
    },
    /// A manifest names what its repository does not have, and the registry takes no such manifests.
    Missing {
        /// The manifest, as `repository@digest`.
        manifest: String,
        /// What it names, as written there.
        content: String,
    },
    /// An organisation is counted to store something else than it does.
    Miscounted {
        /// Its name.
        organisation: String,
        /// How many bytes it is counted to store.
        counted: u64,
        /// How many it stores.
        found: u64,
    },
    /// An object to which no row leads.
    Stray {
        /// Its name in the store.
        object: String,
    },
}

/// Whether what is found is also put right, as far as that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Only look.
    Not,
    /// Set wrong bytes aside, so that the next push of the blob heals it; let go of orphans and strays; count
    /// anew what was miscounted.
    Yes,
}

/// How to verify.
#[derive(Clone, Debug)]
pub struct Verification {
    /// After which blob to begin: where an earlier one came to.
    pub after: Option<Digest>,
    /// Whether to repair.
    pub repair: Repair,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Blobs, read from their first byte to their last.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Manifests, with their edges.
    pub manifests: u64,
    /// Objects in the store.
    pub objects: u64,
}

/// Who verifies: learns what is found, and may hold it back to a pace. An error of theirs ends it.
#[async_trait]
pub trait Inspector: Send {
    /// So many bytes more were read.
    ///
    /// # Errors
    /// The inspector's own.
    async fn read(&mut self, bytes: u64) -> Result<()>;

    /// All blobs up to this one, in the order of their digests, were looked at.
    ///
    /// # Errors
    /// The inspector's own.
    async fn passed(&mut self, digest: &Digest) -> Result<()>;

    /// Something is wrong.
    ///
    /// # Errors
    /// The inspector's own.
    async fn found(&mut self, finding: Finding) -> Result<()>;
}

impl Registry {
    /// How many bytes the blobs after one have together: how much there is to read.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn bytes_after(&self, last: Option<&Digest>) -> Result<u64> {
        self.store().view(blobs::SumBytes { last: last.copied() }).await
    }

    /// Looks at everything there is.
    ///
    /// # Errors
    /// `Unavailable`; the inspector's.
    pub async fn verify(&self, how: &Verification, inspector: &mut dyn Inspector) -> Result<Verified> {
        let mut verified = Verified::default();
        self.verify_blobs(how, inspector, &mut verified).await?;
        verified.manifests = self.verify_manifests(inspector).await?;
        self.verify_usage(how.repair, inspector).await?;
        verified.objects = self.verify_objects(how.repair, inspector).await?;
        Ok(verified)
    }
}
