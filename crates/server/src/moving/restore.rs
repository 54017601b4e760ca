//! `wharf restore`: an empty database and storage filled from a backup, by a server that is stopped.
//!
//! First the rows, each checked against its table; then the bytes, hashed on their way into the storage, under the keys
//! the rows name; in the end everything is read again where it lies now. Until then the database bears a mark with which
//! no server starts on it. A restore that was cut begins anew, and keeps the objects that are right.

mod filling;

use std::{path::Path, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use wharf_auth::SealingKey;
use wharf_core::{Entropy, Error, Kind, Result};
use wharf_memflow::Plugins;
use wharf_pypi::Distributions;

use self::filling::{Filling, Tally};
use super::{archive::Archive, blocking, rows::expect_digest};
use crate::{
    config::{Config, DatabaseChoice},
    control::{Outcome, shown},
    data_dir::{DataDir, NotHeld},
    formats,
    storage::Storage,
    wiring::{Stores, node, sealing_key},
    world::{SystemClock, SystemEntropy},
};

/// How many folders are listed at a time.
const LISTS: usize = 16;

/// Restores a backup into the stores of this configuration.
///
/// # Errors
/// `Conflict` where a server runs or the stores are not empty; `Invalid` for a backup that cannot be read or another
/// secret key; `StorageFull`, `Unavailable`. What was begun is then not served, and begun anew by the next restore.
pub(crate) async fn restore(config: &Config, directory: &Path) -> Result<Outcome> {
    let (archive, summary) = Archive::open(directory)?;
    let data_dir = DataDir::hold(&config.data_dir).map_err(|held| match held {
        NotHeld::ByAnother(_) => Error::new(Kind::Conflict, "a server is running here: stop it first"),
        unusable => unusable.into(),
    })?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let key = key_of_old(config, &data_dir, entropy.as_ref())?;
    let (path, digest) = (archive.rows(&summary.rows.name), summary.rows.digest.clone());
    blocking(move || expect_digest(&path, &digest)).await?;
    let storage = Storage::open(config, &data_dir, entropy.as_ref()).await?;
    let stores = Stores::open(config, &data_dir, storage).await?;
    let start = begin(&stores).await?;
    let plugins = Plugins::new(stores.signing(config)?, Arc::new(SystemClock));
    let formats = formats::all(Distributions::default(), plugins);
    let registry = stores.registry(config, formats, node(config, entropy.as_ref()), entropy.clone());
    let delay = i64::try_from(config.collection_delay.as_secs()).unwrap_or(i64::MAX);
    shown(|progress| async move {
        let tally = Tally::default();
        let mut filling = Filling { archive, summary, stores, start, progress, registry, tally };
        filling.rows().await?;
        // Told before the bytes move, for they may take hours.
        filling.stores.auth(config, &key, entropy.clone()).await?;
        filling.blobs().await?;
        filling.verify().await?;
        filling.stores.storage.pair(&filling.stores.database, entropy.as_ref()).await?;
        filling.stores.database.end_restore(delay).await?;
        Ok(filling.outcome())
    })
    .await
}

/// What the stores hold before a restore.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Nothing.
    Anew,
    /// What one brought that was cut.
    Again,
}

/// Only what a restore brought itself may lie in the stores: an object of another Wharf would be a stray, and go.
async fn begin(stores: &Stores) -> Result<Start> {
    let start = if stores.database.is_restoring().await? { Start::Again } else { Start::Anew };
    if start == Start::Anew {
        expect_empty(stores).await?;
    }
    stores.database.begin_restore().await?;
    Ok(start)
}

async fn expect_empty(stores: &Stores) -> Result<()> {
    let blobs = stores.blobs();
    let mut lists = stream::iter(0..=255).map(|folder| blobs.list(folder)).buffer_unordered(LISTS);
    let mut taken = stores.storage.is_paired().await?;
    while let Some(names) = lists.try_next().await? {
        taken |= !names.is_empty();
    }
    match taken {
        false => Ok(()),
        true => Err(Error::new(
            Kind::Conflict,
            "the storage is not empty: restore into a folder or a prefix that no Wharf uses",
        )),
    }
}

/// The secret key of the Wharf that was backed up. A fresh one would open nothing.
fn key_of_old(config: &Config, data_dir: &DataDir, entropy: &dyn Entropy) -> Result<SealingKey> {
    let given = config.secret_key.is_some() || config.secret_key_file.is_some();
    if matches!(config.database, DatabaseChoice::Sqlite) && !given && !data_dir.has_sealing_key() {
        let message = format!(
            "the secret key is not in the backup: put the old one into {} first, or give it by --secret-key-file",
            data_dir.path().join("secret-key").display()
        );
        return Err(Error::new(Kind::Invalid, message));
    }
    sealing_key(config, data_dir, entropy)
}
