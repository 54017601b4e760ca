//! Bytes in local files: `<root>/objects/<2 hex>/<uuid>`, one file an object, never renamed.
//!
//! The durable calls are the standard library's, so that a fault injector that wraps libc sees each of them. All
//! of them run on threads that may block.

mod writer;

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _, Write as _},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use tracing::{Instrument as _, info_span};
use wharf_core::{BlobBody, Error, Kind, ObjectKey, Result, Subject};
use wharf_registry::port::{BlobStore, BlobWriter, Leftovers, Room, Sink, StoreState};

use self::writer::FileWriter;
use crate::{
    MARK,
    disk::{Disk, Space},
    meters::FileMeters,
    opened::Opened,
    shared_flush::SharedFlushes,
};

/// The folder of a file store in which all objects lie.
pub const OBJECTS: &str = "objects";

/// The mark while it is written.
const HALF_MARK: &str = "mark.new";

/// How much is read at a time.
const PIECE: usize = 1 << 18;

/// Objects in files below one folder.
#[derive(Clone, Debug)]
pub struct FileStore {
    root: PathBuf,
    incarnation: String,
    disk: Arc<Disk>,
    opened: Arc<Opened>,
    flushes: Arc<SharedFlushes>,
    meters: Arc<FileMeters>,
}

#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
impl FileStore {
    /// Opens a store below `root`, making its folders where they are not there, durably.
    ///
    /// `incarnation` names the machine's boot: bytes written but not flushed under another one may be lost.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable` with the cause, also for a store without a mark that could not be given one.
    pub fn open(root: &Path, incarnation: &str) -> Result<Self> {
        let disk = Arc::new(Disk::of(root));
        let (root, incarnation) = (root.to_owned(), incarnation.to_owned());
        let store = Self {
            root,
            incarnation,
            disk,
            opened: Arc::default(),
            flushes: Arc::default(),
            meters: Arc::default(),
        };
        let objects = store.root.join(OBJECTS);
        lay_out(&store.root, &objects).map_err(|error| unusable(&objects, error))?;
        Ok(store)
    }

    /// What is counted of the work.
    pub fn meters(&self) -> &FileMeters {
        &self.meters
    }

    /// What the disk says of itself. It may block.
    ///
    /// # Errors
    /// `Unavailable` when it says nothing.
    pub fn space(&self) -> Result<Space> {
        self.disk.space()
    }

    /// The mark on this store, if it bears one.
    ///
    /// # Errors
    /// `Unavailable` with the cause.
    pub async fn mark(&self) -> Result<Option<String>> {
        let path = self.root.join(OBJECTS).join(MARK);
        blocking(move || if_there(fs::read_to_string(path))).await
    }

    /// Marks this store, durably.
    ///
    /// # Errors
    /// `StorageFull`; `Unavailable` with the cause.
    pub async fn set_mark(&self, mark: &str) -> Result<()> {
        let (folder, mark) = (self.root.join(OBJECTS), mark.to_owned());
        blocking(move || {
            let half = folder.join(HALF_MARK);
            let mut file = File::create(&half)?;
            file.write_all(mark.as_bytes())?;
            file.sync_all()?;
            fs::rename(half, folder.join(MARK))?;
            flush_folder(&folder)
        })
        .await
    }

    fn path(&self, key: ObjectKey) -> PathBuf {
        self.folder(key).join(key.name())
    }

    fn folder(&self, key: ObjectKey) -> PathBuf {
        self.root.join(OBJECTS).join(format!("{:02x}", key.folder()))
    }

    /// Makes durable what leads to an object, together with others that lie beside it.
    async fn flush_way_to(&self, key: ObjectKey) -> io::Result<()> {
        let folder = self.folder(key);
        self.flushes.share(key.folder(), || spawn_blocking(move || flush_folder(&folder))).await
    }

    /// Opens an object's file, if it is there and of that size.
    async fn open_anew(&self, key: ObjectKey, size: u64) -> Result<Option<Arc<File>>> {
        let path = self.path(key);
        let file = blocking(move || {
            let Some(file) = if_there(File::open(path))? else { return Ok(None) };
            let length = file.metadata()?.len();
            Ok((length == size).then(|| Arc::new(file)))
        })
        .await?;
        if let Some(file) = &file {
            self.opened.keep(key, size, file);
        }
        Ok(file)
    }
}

#[async_trait]
#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
impl BlobStore for FileStore {
    async fn write_from(&self, key: ObjectKey, _: &StoreState, offset: u64) -> Result<Box<dyn BlobWriter>> {
        let writer = FileWriter::new(self.clone(), key);
        match offset {
            0 => Ok(Box::new(writer)),
            _ => Ok(Box::new(writer.opened_at(offset).await?)),
        }
    }

    async fn written(&self, key: ObjectKey, _: &StoreState) -> Result<Option<u64>> {
        let path = self.path(key);
        blocking(move || if_there(fs::metadata(path)).map(|found| found.map(|metadata| metadata.len()))).await
    }

    async fn read(&self, key: ObjectKey, length: u64, sink: &mut Sink<'_>) -> Result<()> {
        let path = self.path(key);
        let file = blocking(move || if_there(File::open(path))).await?;
        let mut file = file.ok_or_else(|| Error::not_found(Subject::Blob))?.take(length);
        let mut left = length;
        while left > 0 {
            let (piece, rest) = blocking(move || {
                let mut piece = Vec::with_capacity(PIECE);
                (&mut file).take(PIECE as u64).read_to_end(&mut piece)?;
                Ok((piece, file))
            })
            .await?;
            if piece.is_empty() {
                return Err(Error::not_found(Subject::Blob));
            }
            left -= piece.len() as u64;
            sink(&piece);
            file = rest;
        }
        Ok(())
    }

    async fn holds(&self, key: ObjectKey, size: u64) -> Result<bool> {
        let path = self.path(key);
        blocking(move || Ok(if_there(fs::metadata(path))?.is_some_and(|metadata| metadata.len() == size)))
            .await
    }

    async fn open(&self, key: ObjectKey, size: u64, range: Range<u64>) -> Result<Option<BlobBody>> {
        let found = match self.opened.find(key, size, &self.path(key)) {
            Some(file) => Some(file),
            None => self.open_anew(key, size).instrument(info_span!("blob store open")).await?,
        };
        let length = range.end.saturating_sub(range.start);
        Ok(found.map(|file| BlobBody::File { file, offset: range.start, length }))
    }

    async fn remove(&self, key: ObjectKey) -> Result<()> {
        let path = self.path(key);
        self.opened.forget(key);
        blocking(move || if_there(fs::remove_file(path)).map(drop)).await
    }

    fn incarnation(&self) -> &str {
        &self.incarnation
    }

    async fn room(&self) -> Result<Room> {
        if let Some(room) = self.disk.trusted() {
            return Ok(room);
        }
        let disk = self.disk.clone();
        spawn_blocking(move || disk.look()).await.map_err(Error::internal)?
    }

    async fn check(&self) -> Result<()> {
        let objects = self.root.join(OBJECTS);
        blocking(move || fs::metadata(objects).map(drop)).await
    }
}

/// The bytes of an unfinished upload are in its file and nowhere else.
#[async_trait]
#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
impl Leftovers for FileStore {
    async fn list(&self, folder: u8) -> Result<Vec<String>> {
        let folder = self.root.join(OBJECTS).join(format!("{folder:02x}"));
        let name = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
        blocking(move || fs::read_dir(folder)?.map(name).collect()).await
    }
}

/// Makes the folders of a store.
#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
fn lay_out(root: &Path, objects: &Path) -> io::Result<()> {
    make_folder(objects)?;
    for folder in 0..=255_u8 {
        make_folder(&objects.join(format!("{folder:02x}")))?;
    }
    flush_folder(objects)?;
    flush_folder(root)?;
    if !fs::exists(objects.join(MARK))? {
        // Tried now, before anybody makes a database for a store that cannot be marked.
        File::create(objects.join(HALF_MARK))?;
        fs::remove_file(objects.join(HALF_MARK))?;
    }
    Ok(())
}

/// Makes a folder; one that is there is made already.
#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes what a folder leads to durable.
#[allow(clippy::disallowed_methods, reason = "the file store is where files are touched")]
fn flush_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(Error::internal)?.map_err(failure)
}

fn failure(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::new(Kind::StorageFull, "the storage is full").because(error)
        }
        _ => Error::unavailable(error),
    }
}

/// A store that cannot be opened, in words that say where it lies.
fn unusable(folder: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => failure(error),
        _ => {
            let message = format!("the storage {} cannot be used", folder.display());
            Error::new(Kind::Unavailable, message).because(error)
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the tests damage files")]
mod tests {
    use bytes::Bytes;
    use wharf_registry::port::Unfinished;

    use super::*;

    /// An object that holds `bytes`.
    async fn five_bytes(store: &FileStore) -> ObjectKey {
        let key = wharf_core::UploadId::new(wharf_core::Timestamp::default(), [9; 16]).object_key();
        let mut writer = store.write_from(key, &StoreState::new(), 0).await.unwrap();
        writer.write(&[Bytes::from_static(b"bytes")]).await.unwrap();
        writer.finish().await.unwrap();
        key
    }

    #[tokio::test]
    async fn files_keep_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "boot").unwrap();
        wharf_registry::contract::blob_store(&store).await;
        wharf_registry::contract::forgetful_blob_store(&store).await;
    }

    #[test]
    fn a_store_that_cannot_be_marked_is_refused_before_it_is() {
        let folder = tempfile::tempdir().unwrap();
        FileStore::open(folder.path(), "boot").unwrap();
        // Nobody can make a file of that name now, whatever he may.
        fs::create_dir(folder.path().join(OBJECTS).join(HALF_MARK)).unwrap();
        let refused = FileStore::open(folder.path(), "boot").unwrap_err();
        assert!(refused.message().contains("objects cannot be used"), "{refused}");
        fs::write(folder.path().join(OBJECTS).join(MARK), "a mark").unwrap();
        FileStore::open(folder.path(), "boot").expect("one that bears a mark needs no other");
    }

    #[tokio::test]
    async fn a_small_object_has_no_file_before_its_upload_pauses_or_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "boot").unwrap();
        let key = wharf_core::UploadId::new(wharf_core::Timestamp::default(), [9; 16]).object_key();
        let fresh = StoreState::new();
        let mut writer = store.write_from(key, &fresh, 0).await.unwrap();
        writer.write(&[Bytes::from_static(b"few bytes")]).await.unwrap();
        assert_eq!(store.written(key, &fresh).await.unwrap(), None);
        let paused = writer.suspend(9).await.unwrap();
        assert_eq!(store.written(key, &paused).await.unwrap(), Some(9));
        let mut writer = store.write_from(key, &fresh, 0).await.unwrap();
        for at_hand in [9, 9 + (64 << 10)] {
            writer.write(&[Bytes::from(vec![7; at_hand])]).await.unwrap();
        }
        assert_eq!(
            store.written(key, &fresh).await.unwrap(),
            Some(18 + (64 << 10)),
            "more is written at once"
        );
        writer.finish().await.unwrap();
        assert!(store.holds(key, 18 + (64 << 10)).await.unwrap());
    }

    #[tokio::test]
    async fn an_object_of_another_length_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "boot").unwrap();
        let key = five_bytes(&store).await;
        assert!(store.holds(key, 5).await.unwrap());
        fs::OpenOptions::new().write(true).open(store.path(key)).unwrap().set_len(4).unwrap();
        assert!(!store.holds(key, 5).await.unwrap());
        assert!(store.open(key, 5, 0..5).await.unwrap().is_none());
        fs::remove_file(store.path(key)).unwrap();
        assert!(!store.holds(key, 5).await.unwrap());
        assert!(store.open(key, 5, 0..5).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_open_does_not_stand_in_for_what_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "boot").unwrap();
        let key = five_bytes(&store).await;
        assert!(store.open(key, 5, 0..5).await.unwrap().is_some());
        fs::rename(store.path(key), folder.path().join("elsewhere")).unwrap();
        assert!(store.open(key, 5, 0..5).await.unwrap().is_none());
        fs::write(store.path(key), b"other").unwrap();
        let Some(BlobBody::File { file, .. }) = store.open(key, 5, 0..5).await.unwrap() else {
            panic!("no file")
        };
        assert_eq!(std::io::read_to_string(&*file).unwrap(), "other");
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_a_storage_that_is_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "boot").unwrap();
        fs::remove_dir_all(folder.path().join(OBJECTS)).unwrap();
        let key = wharf_core::UploadId::new(wharf_core::Timestamp::default(), [9; 16]).object_key();
        let mut writer = store.write_from(key, &StoreState::new(), 0).await.unwrap();
        writer.write(&[Bytes::from_static(b"bytes")]).await.unwrap();
        let Err(Unfinished::Kept(error)) = writer.finish().await else {
            panic!("it was finished, or given up")
        };
        assert_eq!(error.kind(), Kind::Unavailable);
        assert_eq!(store.check().await.unwrap_err().kind(), Kind::Unavailable);
    }
}
