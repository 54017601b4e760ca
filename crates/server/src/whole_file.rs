//! A file that has its name only once it is whole and on the disk. Until then it is called so with `.part` behind, and a
//! process that is killed leaves nothing else: what has the name is never half of something. Exports are written so.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use tokio::{
    fs::File,
    io::{AsyncWriteExt as _, BufWriter},
    task::spawn_blocking,
};
use wharf_core::{Error, Kind, Result};

/// How much is gathered before it is written, in bytes.
const PIECE: usize = 64 << 10;

/// A file in the making, for nobody's eyes but its owner's. Where it is dropped before it was kept, nothing of it stays.
pub(crate) struct WholeFile {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    earlier: Earlier,
    is_kept: bool,
}

/// What becomes of a file that has the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Earlier {
    /// The new one takes its place.
    GivesWay,
    /// It stays, and the new one is refused.
    Stays,
}

impl WholeFile {
    /// Begins one. What a process that was killed left of it is taken away.
    ///
    /// # Errors
    /// `Exists` where another one stays; `Conflict` where another process is writing it; `StorageFull`; `Unavailable`.
    pub(crate) async fn begin(path: PathBuf, earlier: Earlier) -> Result<Self> {
        expect_place(&path, earlier).map_err(unwritable(&path))?;
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let place = part.clone();
        let opened = spawn_blocking(move || open(&place)).await.map_err(Error::internal)?;
        let file = File::from_std(opened.map_err(unwritable(&part))?);
        Ok(Self { path, part, file: BufWriter::with_capacity(PIECE, file), earlier, is_kept: false })
    }

    /// Writes bytes behind those before.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable`.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(unwritable(&self.part))
    }

    /// Gives it its name, durably.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub(crate) async fn keep(mut self) -> Result<()> {
        self.settle().await.map_err(unwritable(&self.path))
    }

    #[allow(clippy::disallowed_methods, reason = "whoever begins a file names it")]
    async fn settle(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        expect_place(&self.path, self.earlier)?;
        tokio::fs::rename(&self.part, &self.path).await?;
        self.is_kept = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).await?.sync_all().await
    }
}

#[allow(clippy::disallowed_methods, reason = "whoever begins a file names it")]
impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // Where it cannot be removed it still has not the name.
            let _ = fs::remove_file(&self.part);
        }
    }
}

fn expect_place(path: &Path, earlier: Earlier) -> io::Result<()> {
    match earlier == Earlier::Stays && path.try_exists()? {
        true => Err(ErrorKind::AlreadyExists.into()),
        false => Ok(()),
    }
}

/// Opens a part for this process alone.
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "whoever begins a file names it")]
fn open(part: &Path) -> io::Result<fs::File> {
    let left = match fs::File::open(part) {
        Ok(left) => Some(left),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if let Some(left) = &left {
        // Who writes it holds it. Only what nobody holds, and what still has this name, was left by somebody who is gone.
        left.try_lock()?;
        let (ours, there) = (left.metadata()?, fs::metadata(part)?);
        if (ours.dev(), ours.ino()) != (there.dev(), there.ino()) {
            return Err(ErrorKind::ResourceBusy.into());
        }
        fs::remove_file(part)?;
    }
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    file.try_lock()?;
    Ok(file)
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |error| {
        let (kind, words) = match error.kind() {
            ErrorKind::AlreadyExists => (Kind::Exists, "is there already"),
            ErrorKind::WouldBlock | ErrorKind::ResourceBusy => {
                (Kind::Conflict, "is being written by another process")
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (Kind::StorageFull, "cannot be written"),
            _ => (Kind::Unavailable, "cannot be written"),
        };
        Error::new(kind, format!("{path} {words}")).because(error)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the tests look at the files")]
mod tests {
    use super::*;

    async fn begin(path: &Path, earlier: Earlier) -> Result<WholeFile> {
        WholeFile::begin(path.to_owned(), earlier).await
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_file_has_its_name_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        // What a process left that was killed, and it was longer.
        fs::write(folder.path().join("a.part"), "torn, torn, torn").unwrap();
        let mut file = begin(&path, Earlier::GivesWay).await.unwrap();
        file.write(b"new").await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        file.keep().await.unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"new".to_vec(), vec!["a".to_owned()]));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        drop(begin(&path, Earlier::GivesWay).await.unwrap());
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"new".to_vec(), 1));
    }

    #[tokio::test]
    async fn two_never_write_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let first = begin(&path, Earlier::GivesWay).await.unwrap();
        let refused = begin(&path, Earlier::GivesWay).await.err().unwrap();
        assert_eq!(refused.kind(), Kind::Conflict);
        first.keep().await.unwrap();
        begin(&path, Earlier::GivesWay).await.unwrap().keep().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_stays_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let late = begin(&path, Earlier::Stays).await.unwrap();
        fs::write(&path, "first").unwrap();
        assert_eq!(late.keep().await.unwrap_err().kind(), Kind::Exists);
        assert_eq!(begin(&path, Earlier::Stays).await.err().unwrap().kind(), Kind::Exists);
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"first".to_vec(), 1));
    }
}
