//! Room on the disk: uploads end before it does, so that the database can still write and people can still delete.

use std::{
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Instant,
};

use wharf_core::{Error, Kind, Result};
use wharf_registry::port::Room;

/// Nothing new is taken when less than this is free, in bytes …
const RESERVE: u64 = 1 << 30;
/// … or less than one part in so many of a small disk.
const SHARE: u64 = 20;
/// In the last one of so many parts of that reserve nothing is taken at all.
const LAST: u64 = 4;
/// An upload looks again after so many bytes.
pub(crate) const LOOK_EVERY: u64 = 64 << 20;
/// How long a disk that had room is taken to have it still, in milliseconds: so many pushes at once share one look.
const TRUSTED: u64 = 10;

/// The disk a store lies on.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    opened: Instant,
    /// Until when it has room without another look, in milliseconds after it was opened.
    trusted_until: AtomicU64,
    is_short: AtomicBool,
}

/// What a disk says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
}

impl Disk {
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            opened: Instant::now(),
            trusted_until: AtomicU64::new(0),
            is_short: AtomicBool::new(false),
        }
    }

    /// Looks, which may block.
    pub(crate) fn space(&self) -> Result<Space> {
        let disk =
            rustix::fs::statvfs(&self.root).map_err(|error| Error::unavailable(io::Error::from(error)))?;
        Ok(Space {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// The room there was a moment ago, if that was enough: then nobody has to look again so soon.
    pub(crate) fn trusted(&self) -> Option<Room> {
        (self.now() < self.trusted_until.load(Ordering::Relaxed)).then_some(Room::Enough)
    }

    /// Looks how much room there is, which may block, and says in the log when that changes.
    pub(crate) fn look(&self) -> Result<Room> {
        let space = self.space()?;
        let room = space.room();
        let until = if room == Room::Enough { self.now() + TRUSTED } else { 0 };
        self.trusted_until.store(until, Ordering::Relaxed);
        let is_short = room != Room::Enough;
        if self.is_short.swap(is_short, Ordering::Relaxed) != is_short {
            let free_bytes = space.free_bytes;
            match is_short {
                true => tracing::warn!(free_bytes, "the disk is nearly full: uploads are refused"),
                false => tracing::info!(free_bytes, "the disk has room again: uploads are taken"),
            }
        }
        Ok(room)
    }

    /// Refuses bytes where there is little room. It may block.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable` when the disk does not say.
    pub(crate) fn expect_room(&self) -> Result<()> {
        match self.trusted().map_or_else(|| self.look(), Ok)? {
            Room::Enough => Ok(()),
            Room::Scarce | Room::Spent => {
                let message = "the disk is nearly full: uploads are refused, pulls and deletions go on";
                Err(Error::new(Kind::StorageFull, message))
            }
        }
    }

    /// Milliseconds since it was opened.
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Space {
    /// How much of a push still fits beside what must stay free.
    pub fn room(self) -> Room {
        let reserve = RESERVE.min(self.total_bytes / SHARE);
        match self.free_bytes {
            free if free >= reserve => Room::Enough,
            free if free >= reserve / LAST => Room::Scarce,
            _ => Room::Spent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_or_a_twentieth_is_kept_free_and_a_quarter_of_it_longer() {
        const TEBIBYTE: u64 = 1 << 40;
        let room = |free_bytes, total_bytes| Space { free_bytes, total_bytes }.room();
        assert_eq!(room(RESERVE, TEBIBYTE), Room::Enough);
        assert_eq!(room(RESERVE - 1, TEBIBYTE), Room::Scarce);
        assert_eq!(room(256 << 20, TEBIBYTE), Room::Scarce);
        assert_eq!(room((256 << 20) - 1, TEBIBYTE), Room::Spent);
        assert_eq!(room(5 << 20, 100 << 20), Room::Enough);
        assert_eq!(room(4 << 20, 100 << 20), Room::Scarce);
        assert_eq!(room(1 << 20, 100 << 20), Room::Spent);
        assert_eq!(room(0, 0), Room::Enough, "what does not say how large it is has no bounds");
    }

    #[test]
    fn room_is_trusted_for_a_moment_after_a_look() {
        let disk = Disk::of(Path::new("."));
        assert_eq!(disk.trusted(), None);
        assert_eq!(disk.look().unwrap(), Room::Enough);
        assert!(disk.trusted_until.load(Ordering::Relaxed) >= TRUSTED);
        disk.trusted_until.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(disk.trusted(), Some(Room::Enough));
        assert!(Disk::of(Path::new("/nowhere/at/all")).look().is_err());
    }
}
