//! The file system under the data directory, and what its word is worth: some acknowledge what they do not keep.

use std::{io, path::Path};

use wharf_core::{Error, Result};

/// What a file system's flush is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    /// The crash tests ran on it.
    Tested,
    /// It should keep what it flushed; nobody cut its power while Wharf wrote.
    Untested,
    /// It forgets, or hands the promise on to somebody who may.
    Weak,
}

/// File systems by the number the kernel gives them (statfs(2), linux/magic.h).
const KNOWN: &[(u64, &str, Worth)] = &[
    (0xEF53, "ext4", Worth::Tested),
    (0x5846_5342, "xfs", Worth::Tested),
    (0x9123_683E, "btrfs", Worth::Untested),
    (0x2FC1_2FC1, "zfs", Worth::Untested),
    (0xF2F5_2010, "f2fs", Worth::Untested),
    (0xCA45_1A4E, "bcachefs", Worth::Untested),
    (0x0102_1994, "tmpfs", Worth::Weak),
    (0x8584_58F6, "ramfs", Worth::Weak),
    (0x794C_7630, "overlayfs", Worth::Weak),
    (0x0102_1997, "9p", Worth::Weak),
    (0x6969, "nfs", Worth::Weak),
    (0xFF53_4D42, "cifs", Worth::Weak),
    (0xFE53_4D42, "smb2", Worth::Weak),
    (0x6573_5546, "fuse", Worth::Weak),
    (0x00C3_6400, "ceph", Worth::Untested),
];

/// The name of the file system a folder lies on; a warning in the log where its word is worth little.
///
/// # Errors
/// `Unavailable` when the kernel does not say.
pub(crate) fn under(folder: &Path) -> Result<String> {
    let found = rustix::fs::statfs(folder).map_err(|error| Error::unavailable(io::Error::from(error)))?;
    // The field is signed or not, and of 32 or 64 bits, by the architecture; the numbers have 32.
    #[allow(clippy::cast_sign_loss, clippy::cast_lossless, clippy::unnecessary_cast, reason = "see above")]
    let magic = (found.f_type as u64) & 0xFFFF_FFFF;
    let (name, worth) = of(magic);
    if worth == Worth::Weak {
        tracing::warn!(
            file_system = name,
            "the data directory lies on a file system that may lose what was acknowledged"
        );
    }
    Ok(name)
}

fn of(magic: u64) -> (String, Worth) {
    match KNOWN.iter().find(|(known, ..)| *known == magic) {
        Some((_, name, worth)) => ((*name).to_owned(), *worth),
        None => (format!("unknown (0x{magic:x})"), Worth::Untested),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_has_a_name_and_a_worth() {
        assert_eq!(of(0xEF53), ("ext4".to_owned(), Worth::Tested));
        assert_eq!(of(0x0102_1994), ("tmpfs".to_owned(), Worth::Weak));
        assert_eq!(of(7), ("unknown (0x7)".to_owned(), Worth::Untested));
        assert!(under(Path::new("/proc")).is_ok());
        assert!(under(Path::new("/nowhere/at/all")).is_err());
    }
}
