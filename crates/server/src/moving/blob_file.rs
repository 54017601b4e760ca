//! The bytes of a blob in a backup: written under another name first, so that a name is never half a blob.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use bytes::Bytes;
use wharf_core::{Digest, Result};
use wharf_hash::Hasher;

use super::{archive::Archive, unusable};

/// How much is read at a time.
const PIECE: u64 = 1 << 20;

/// A blob that is being written.
pub(super) struct Writing {
    file: File,
    fresh: PathBuf,
    path: PathBuf,
    digest: Digest,
    hasher: Hasher,
}

#[expect(clippy::disallowed_methods, reason = "a backup is files")]
impl Writing {
    pub(super) fn begin(archive: &Archive, digest: Digest) -> Result<Self> {
        let path = archive.blob(&digest);
        let fresh = path.with_extension("new");
        let open = || {
            archive.make_folder_of(&path)?;
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)
        };
        let file = open().map_err(unusable)?;
        Ok(Self { file, fresh, path, digest, hasher: Hasher::new(digest.algorithm()) })
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.hasher.update(piece);
        self.file.write_all(piece).map_err(unusable)
    }

    /// Gives it its name, durably, if its bytes are right; else removes it and says so.
    pub(super) fn end(self) -> Result<bool> {
        let right = self.hasher.finish() == self.digest;
        let end = || {
            if !right {
                return fs::remove_file(&self.fresh);
            }
            self.file.sync_all()?;
            fs::rename(&self.fresh, &self.path)?;
            self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        end().map(|()| right).map_err(unusable)
    }
}

/// A blob that is being read.
pub(super) struct Reading {
    file: File,
}

#[expect(clippy::disallowed_methods, reason = "a backup is files")]
impl Reading {
    /// Opens a blob; `None` where it is not there or is not `size` bytes long.
    pub(super) fn open(archive: &Archive, digest: &Digest, size: u64) -> Result<Option<Self>> {
        let open = || match File::open(archive.blob(digest)) {
            Ok(file) => Ok((file.metadata()?.len() == size).then_some(Self { file })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        open().map_err(unusable)
    }

    /// The next piece; empty after the last.
    pub(super) fn next(&mut self) -> Result<Bytes> {
        let mut piece = Vec::new();
        let read = (&mut self.file).take(PIECE).read_to_end(&mut piece);
        read.map(|_| piece.into()).map_err(unusable)
    }

    /// Whether the bytes have this digest.
    pub(super) fn has(mut self, digest: &Digest) -> Result<bool> {
        let mut hasher = Hasher::new(digest.algorithm());
        loop {
            let piece = self.next()?;
            if piece.is_empty() {
                return Ok(hasher.finish() == *digest);
            }
            hasher.update(&piece);
        }
    }
}
