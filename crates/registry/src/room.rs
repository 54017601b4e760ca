//! A store that is nearly full: what would fill it is refused, so that the database can still write and people can
//! still delete. It passes by itself.

use wharf_core::{Error, Kind, Result};

use crate::{Registry, port::Room};

impl Registry {
    /// How much the blob store still takes.
    ///
    /// # Errors
    /// `Unavailable` when that cannot be told.
    pub async fn room(&self) -> Result<Room> {
        self.blobs().room().await
    }

    /// Refuses what is new while there is little room.
    pub(crate) async fn expect_room(&self) -> Result<()> {
        match self.room().await? {
            Room::Enough => Ok(()),
            Room::Scarce | Room::Spent => Err(full("uploads are refused, pulls and deletions go on")),
        }
    }

    /// Refuses to finish what is there, which costs rows and no bytes, once there is next to no room.
    pub(crate) async fn expect_last_room(&self) -> Result<()> {
        match self.room().await? {
            Room::Enough | Room::Scarce => Ok(()),
            Room::Spent => Err(full("nothing is taken, pulls and deletions go on")),
        }
    }
}

fn full(words: &str) -> Error {
    Error::new(Kind::StorageFull, format!("the disk is nearly full: {words}"))
}
