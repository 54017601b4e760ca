//! A file that has its name only once it is whole and on the disk. Until then it has one of its own in the same folder, with
//! `.part` behind, so what has the name is never half of something, nor a mix of what two wrote at once. What a process left
//! that was killed gives way to the next part of that name. Exports are written so.

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
/// How many may be writing one file.
const MOST: usize = 100;

/// A file in the making, for nobody's eyes but its owner's. Where it is dropped before it was kept, nothing of it stays.
pub(crate) struct WholeFile {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
    earlier: Earlier,
    /// Whether the part became the file.
    is_moved: bool,
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
    /// Begins one, whoever else is writing it.
    ///
    /// # Errors
    /// `Exists` where another one stays; `Conflict` where a hundred others are writing it; `StorageFull`; `Internal`.
    pub(crate) async fn begin(path: PathBuf, earlier: Earlier) -> Result<Self> {
        expect_place(&path, earlier).map_err(unwritable(&path))?;
        let place = path.clone();
        let opened = spawn_blocking(move || open_one(&place)).await.map_err(Error::internal)?;
        let (part, file) = opened.map_err(unwritable(&path))?;
        let file = BufWriter::with_capacity(PIECE, File::from_std(file));
        Ok(Self { path, part, file, earlier, is_moved: false })
    }

    /// Writes bytes behind those before.
    ///
    /// # Errors
    /// `StorageFull`; `Internal`.
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

    #[expect(clippy::disallowed_methods, reason = "whoever begins a file names it")]
    async fn settle(&mut self) -> io::Result<()> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        match self.earlier {
            Earlier::GivesWay => {
                tokio::fs::rename(&self.part, &self.path).await?;
                self.is_moved = true;
            }
            Earlier::Stays => self.name_if_free().await?,
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).await?.sync_all().await
    }

    /// Gives it the name where nobody has that. The part goes when this is dropped.
    #[expect(clippy::disallowed_methods, reason = "whoever begins a file names it")]
    async fn name_if_free(&mut self) -> io::Result<()> {
        match tokio::fs::hard_link(&self.part, &self.path).await {
            // A disk without second names cannot tell in one step whether the name is free.
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
                expect_place(&self.path, self.earlier)?;
                tokio::fs::rename(&self.part, &self.path).await?;
                self.is_moved = true;
                Ok(())
            }
            named => named,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever begins a file names it")]
impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_moved {
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

/// Opens a part that is nobody else's, and says what it is called.
fn open_one(path: &Path) -> io::Result<(PathBuf, fs::File)> {
    for number in 0..MOST {
        let mut part = path.to_owned().into_os_string();
        part.push(if number == 0 { ".part".to_owned() } else { format!(".{number}.part") });
        let part = PathBuf::from(part);
        if let Some(file) = open(&part)? {
            return Ok((part, file));
        }
    }
    Err(ErrorKind::ResourceBusy.into())
}

/// Opens this part; none where it is another's. Who writes one holds it, so what nobody holds was left by somebody who is
/// gone.
#[expect(clippy::disallowed_methods, reason = "whoever begins a file names it")]
fn open(part: &Path) -> io::Result<Option<fs::File>> {
    match fs::File::open(part) {
        Ok(left) if holds(&left, part)? => fs::remove_file(part)?,
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(part) {
        // Until it is held, it may be taken for one that was left: what has the name then is another's.
        Ok(file) => Ok(holds(&file, part)?.then_some(file)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// Holds a file if nobody else does, and says whether it still has this name: as long as it is held nobody takes that away.
#[expect(clippy::disallowed_methods, reason = "whoever begins a file names it")]
fn holds(file: &fs::File, part: &Path) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => {}
        Err(fs::TryLockError::WouldBlock) => return Ok(false),
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    let (ours, named) = (file.metadata()?, fs::metadata(part));
    match named {
        Ok(named) => Ok((ours.dev(), ours.ino()) == (named.dev(), named.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |error| {
        let (kind, words) = match error.kind() {
            ErrorKind::AlreadyExists => (Kind::Exists, "is there already"),
            ErrorKind::ResourceBusy => (Kind::Conflict, "is being written by too many others"),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => (Kind::StorageFull, "cannot be written"),
            _ => (Kind::Internal, "cannot be written"),
        };
        Error::new(kind, format!("{path} {words}")).because(error)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests look at the files")]
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
    async fn two_who_write_one_file_at_once_are_not_mixed_and_neither_names_what_is_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut first = begin(&path, Earlier::GivesWay).await.unwrap();
        let mut second = begin(&path, Earlier::GivesWay).await.unwrap();
        first.write(b"the first").await.unwrap();
        second.write(b"the").await.unwrap();
        first.keep().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"the first");
        second.write(b" second").await.unwrap();
        second.keep().await.unwrap();
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"the second".to_vec(), 1));
    }

    #[test]
    fn a_part_that_lost_its_name_before_it_was_held_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("a.part");
        let ours = fs::File::create_new(&part).unwrap();
        // Somebody took it for one that was left, and began another.
        let theirs = open(&part).unwrap().unwrap();
        assert!(!holds(&ours, &part).unwrap());
        assert!(open(&part).unwrap().is_none(), "it is held");
        drop(theirs);
        assert!(open(&part).unwrap().is_some());
    }

    #[tokio::test]
    async fn of_two_who_write_a_file_that_stays_the_first_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (mut first, second) =
            (begin(&path, Earlier::Stays).await.unwrap(), begin(&path, Earlier::Stays).await.unwrap());
        first.write(b"the first").await.unwrap();
        first.keep().await.unwrap();
        assert_eq!(second.keep().await.unwrap_err().kind(), Kind::Exists);
        assert_eq!((fs::read(&path).unwrap(), names(folder.path()).len()), (b"the first".to_vec(), 1));
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
