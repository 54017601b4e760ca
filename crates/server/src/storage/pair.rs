//! The storage and the database belong together: both bear one mark, made at the first start.
//!
//! Without it, a start with another folder, bucket or prefix would serve images whose bytes lie elsewhere, and each push
//! would tear more of them apart; and where a database was lost, a new one would look like a first start.

use wharf_auth::port::Keys as _;
use wharf_core::{Entropy, Error, Kind, Result};
use wharf_meta::Database;
use wharf_registry::Registry;

use super::Storage;

/// The setting of the database that holds the mark.
const SETTING: &str = "storage_mark";

impl Storage {
    /// Holds the storage against the database, and marks it where neither knows the other yet.
    ///
    /// # Errors
    /// `Conflict` in words for the operator; `Unavailable`.
    pub(crate) async fn expect_pair(
        &self,
        database: &Database,
        registry: &Registry,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        if self.is_paired().await? || !registry.holds_blobs().await? {
            return self.pair(database, entropy).await;
        }
        let message = format!(
            "the database knows blobs, and the storage is not the one they lie in: check storage and data_dir. If it holds \
             them all the same, store {} in it, called {}",
            of(database, entropy).await?,
            self.name_of_mark()
        );
        Err(Error::new(Kind::Conflict, message))
    }

    /// Refuses a storage that belongs to a database: there is none here yet.
    ///
    /// # Errors
    /// `Conflict` in words for the operator; `Unavailable`.
    pub(crate) async fn expect_free(&self) -> Result<()> {
        match self.is_paired().await? {
            true => Err(anothers()),
            false => Ok(()),
        }
    }

    /// Refuses a storage that belongs to another database, and writes nothing into either.
    ///
    /// # Errors
    /// `Conflict` in words for the operator; `Unavailable`.
    pub(crate) async fn expect_own(&self, database: &Database) -> Result<()> {
        let Some(mark) = self.mark().await? else { return Ok(()) };
        match database.setting(SETTING).await? == Some(mark.into_bytes()) {
            true => Ok(()),
            false => Err(anothers()),
        }
    }

    /// Marks the storage as the one of this database.
    ///
    /// # Errors
    /// `Conflict` where it is another's; `Unavailable`.
    pub(crate) async fn pair(&self, database: &Database, entropy: &dyn Entropy) -> Result<()> {
        let mark = of(database, entropy).await?;
        if self.mark().await?.is_none() {
            self.set_mark(&mark).await?;
        }
        // Another node, or another Wharf, may have been faster.
        match self.mark().await? == Some(mark) {
            true => Ok(()),
            false => Err(anothers()),
        }
    }

    /// Whether the storage belongs to a database.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn is_paired(&self) -> Result<bool> {
        Ok(self.mark().await?.is_some())
    }

    async fn mark(&self) -> Result<Option<String>> {
        match self {
            Self::Files(files) => files.mark().await,
            Self::Bucket(bucket) => bucket.mark().await,
        }
    }

    async fn set_mark(&self, mark: &str) -> Result<()> {
        match self {
            Self::Files(files) => files.set_mark(mark).await,
            Self::Bucket(bucket) => bucket.set_mark(mark).await,
        }
    }

    const fn name_of_mark(&self) -> &'static str {
        match self {
            Self::Files(_) => "objects/mark",
            Self::Bucket(_) => "mark, below its prefix",
        }
    }
}

fn anothers() -> Error {
    let message = "the storage belongs to another database: give the one it belongs to, or an empty folder or prefix. A \
                   database that is lost comes back by wharf restore";
    Error::new(Kind::Conflict, message)
}

/// The mark of a database, made where it has none.
async fn of(database: &Database, entropy: &dyn Entropy) -> Result<String> {
    let fresh = entropy.id::<16>();
    let mark = database.keep(SETTING, fresh.into_bytes()).await?;
    String::from_utf8(mark).map_err(Error::internal)
}
