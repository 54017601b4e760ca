//! Where bytes live, as it is configured. The metrics look here too, for each kind of store counts something else.

mod pair;

use std::sync::Arc;

use wharf_blobs::{FileStore, S3Store};
use wharf_core::{Entropy, Result};
use wharf_registry::port::BlobStore;

use crate::{
    config::{Config, StorageChoice},
    data_dir::DataDir,
    world::boot_id,
};

/// A store of bytes that is open.
#[derive(Clone)]
pub(crate) enum Storage {
    /// Files below the data directory.
    Files(FileStore),
    /// A bucket.
    Bucket(S3Store),
}

impl Storage {
    /// Opens the store that is configured.
    ///
    /// # Errors
    /// Those of [`FileStore::open`] and [`S3Store::open`].
    pub(crate) async fn open(config: &Config, data_dir: &DataDir, entropy: &dyn Entropy) -> Result<Self> {
        match &config.storage {
            StorageChoice::File => FileStore::open(data_dir.path(), &boot_id(entropy)).map(Self::Files),
            StorageChoice::S3(settings) => {
                let probe = entropy.id::<16>();
                S3Store::open(settings, &probe).await.map(Self::Bucket)
            }
        }
    }

    /// The store as the registry knows it.
    pub(crate) fn blobs(&self) -> Arc<dyn BlobStore> {
        match self {
            Self::Files(files) => Arc::new(files.clone()),
            Self::Bucket(bucket) => Arc::new(bucket.clone()),
        }
    }
}
