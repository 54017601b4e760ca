//! Room on the disk: uploads end before it does, so that the database can still write and people can still delete.

use std::{io, path::Path};

use wharf_core::{Error, Kind, Result};

/// Uploads are refused when less than this is free, in bytes …
const RESERVE: u64 = 1 << 30;
/// … or less than one part in so many of a small disk.
const SHARE: u64 = 20;
/// An upload looks again after so many bytes.
pub(crate) const LOOK_EVERY: u64 = 64 << 20;

/// Refuses to take bytes on a disk that is nearly full.
///
/// # Errors
/// `StorageFull`; `Unavailable` when the disk does not say.
pub(crate) fn expect_room(root: &Path) -> Result<()> {
    let disk = rustix::fs::statvfs(root).map_err(|error| Error::unavailable(io::Error::from(error)))?;
    match is_nearly_full(
        disk.f_bavail.saturating_mul(disk.f_frsize),
        disk.f_blocks.saturating_mul(disk.f_frsize),
    ) {
        false => Ok(()),
        true => {
            let message = "the disk is nearly full: uploads are refused, pulls and deletions go on";
            Err(Error::new(Kind::StorageFull, message))
        }
    }
}

fn is_nearly_full(free: u64, total: u64) -> bool {
    free < RESERVE.min(total / SHARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gibibyte_or_a_twentieth_is_kept_free() {
        const TEBIBYTE: u64 = 1 << 40;
        assert!(is_nearly_full(RESERVE - 1, TEBIBYTE));
        assert!(!is_nearly_full(RESERVE, TEBIBYTE));
        assert!(is_nearly_full(4 << 20, 100 << 20));
        assert!(!is_nearly_full(5 << 20, 100 << 20));
    }

    #[test]
    fn a_disk_with_room_takes_bytes() {
        assert!(expect_room(Path::new("/nowhere/at/all")).is_err());
        assert!(expect_room(Path::new(".")).is_ok());
    }
}
