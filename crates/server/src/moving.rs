//! Moving house: all that a Wharf holds into a directory, and out of it into any pair of stores.
//!
//! A backup is a directory: `backup.json` says what it is and is written last, `rows-<when>.jsonl.gz` holds the rows of
//! one moment, and below `blobs` lie the contents by their digests, so that the next backup into the same directory
//! copies only what is new. `wharf restore` fills an empty database and storage from it, of whichever kind.

mod archive;
mod backup;
mod blob_file;
mod hashed;
mod hold;
mod restore;
mod rows;

use std::io;

use tokio::task::spawn_blocking;
use wharf_core::{Error, Kind, Result};

pub(crate) use self::{
    backup::{Backup, back_up},
    restore::restore,
};

/// Does something with files on a thread that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(Error::internal)?
}

/// A failure in the directory of a backup.
fn unusable(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::new(Kind::StorageFull, "there is no room left for the backup").because(error)
        }
        _ => Error::new(Kind::Unavailable, "the backup's directory cannot be used").because(error),
    }
}
