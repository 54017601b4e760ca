//! The data directory: made private, held by one process, keeper of the secret key.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use wharf_auth::SealingKey;
use wharf_core::{Entropy, Error, Kind, Result};

/// The SQLite database, in the data directory.
pub(crate) const DATABASE_FILE: &str = "wharf.sqlite";
/// The ballast, in bytes; less on a small disk.
const BALLAST: u64 = 64 << 20;

/// The data directory, held by this process while the value lives.
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why the data directory could not be held.
pub(crate) enum NotHeld {
    /// Another process holds it; its id, if it could be read.
    ByAnother(String),
    /// It cannot be used.
    Unusable(Error),
}

impl From<NotHeld> for Error {
    fn from(not_held: NotHeld) -> Self {
        match not_held {
            NotHeld::ByAnother(id) => {
                Self::new(Kind::Conflict, format!("the data directory is in use by the wharf process {id}"))
            }
            NotHeld::Unusable(error) => error,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the data directory is files")]
impl DataDir {
    /// Makes the directory if it is not there, readable for its owner only, and holds it.
    pub(crate) fn hold(path: &Path) -> Result<Self, NotHeld> {
        let unusable = |error: io::Error| {
            let message = format!("the data directory {} cannot be used", path.display());
            NotHeld::Unusable(Error::new(Kind::Unavailable, message).because(error))
        };
        make(path).map_err(unusable)?;
        close(path).map_err(unusable)?;
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).to_owned();
        let mut lock = options.open(path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut id = String::new();
                lock.read_to_string(&mut id).map_err(unusable)?;
                return Err(NotHeld::ByAnother(id.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The key in a file of the directory, made at the first start.
    pub(crate) fn sealing_key(&self, entropy: &dyn Entropy) -> Result<SealingKey> {
        let path = self.path.join("secret-key");
        match fs::read_to_string(&path) {
            Ok(text) => SealingKey::parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.has_database() {
                    let message =
                        format!("{} is missing, but the database was sealed with it", path.display());
                    return Err(Error::new(Kind::Invalid, message));
                }
                let (key, text) = SealingKey::generate(entropy);
                self.write_private("secret-key", text.expose())?;
                Ok(key)
            }
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// The SQLite database.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// Whether a SQLite database lies in the directory already.
    pub(crate) fn has_database(&self) -> bool {
        self.database().exists()
    }

    /// Whether a key lies in the directory already.
    pub(crate) fn has_sealing_key(&self) -> bool {
        self.path.join("secret-key").exists()
    }

    /// Writes a file only its owner can read: whole and durable, or not at all.
    pub(crate) fn write_private(&self, name: &str, text: &str) -> Result<()> {
        let (path, fresh) = (self.path.join(name), self.path.join(format!("{name}.new")));
        let write = || {
            if_there(fs::remove_file(&fresh))?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            writeln!(file, "{text}")?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(Error::unavailable)
    }

    /// The file that is given up when the disk is full.
    pub(crate) fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Puts the ballast back, if it is gone and there is room for many times as much.
    pub(crate) fn keep_ballast(&self) -> Result<()> {
        let (ballast, fresh) = (self.ballast(), self.path.join("ballast.new"));
        let lay = || {
            let disk = rustix::fs::statvfs(&self.path)?;
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let size = BALLAST.min(disk.f_blocks.saturating_mul(disk.f_frsize) / 64);
            if fs::exists(&ballast)? || free < 8 * size {
                return Ok(());
            }
            if_there(fs::remove_file(&fresh))?;
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            // Blocks that are really taken: a hole would be no ballast.
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size)?;
            fs::rename(&fresh, &ballast)
        };
        match lay() {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
            done => done.map_err(Error::unavailable),
        }
    }

    /// What stands in a file, if it is there.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>> {
        match fs::read_to_string(self.path.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::unavailable(error)),
        }
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        if_there(fs::remove_file(self.path.join(name))).map_err(Error::unavailable)
    }
}

fn if_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Closes a data directory to others that was there before. One that holds other things is left as it is.
#[expect(clippy::disallowed_methods, reason = "the data directory is files")]
fn close(path: &Path) -> io::Result<()> {
    let ours = path.join("lock").exists() || fs::read_dir(path)?.next().is_none();
    let closed = match ours {
        true => fs::set_permissions(path, fs::Permissions::from_mode(0o700)),
        false => Err(io::Error::other("it holds other files")),
    };
    if let Err(error) = closed {
        tracing::warn!(%error, "the data directory was not made private");
    }
    Ok(())
}

/// Makes a folder with all that lead to it, each entry durable before the next.
#[expect(clippy::disallowed_methods, reason = "the data directory is files")]
fn make(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
        // What keeps it from being made says more than that it is not there.
        Err(_) => {}
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make(parent)?;
    DirBuilder::new().mode(0o700).create(path)?;
    File::open(parent)?.sync_all()
}

/// Reads a key from a file the configuration names.
#[expect(clippy::disallowed_methods, reason = "the key is a file")]
pub(crate) fn read_key(path: &Path) -> Result<SealingKey> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::new(Kind::Invalid, format!("secret_key_file {}: {error}", path.display())))?;
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        tracing::warn!(path = %path.display(), "others than its owner can read the secret key: give it mode 0600");
    }
    SealingKey::parse(&text)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests look at the files")]
mod tests {
    use super::*;
    use crate::world::SystemEntropy;

    #[test]
    fn a_second_process_is_refused_by_the_name_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let first = DataDir::hold(&path).ok().unwrap();
        let Err(NotHeld::ByAnother(id)) = DataDir::hold(&path) else { panic!("held twice") };
        assert_eq!(id, std::process::id().to_string());
        drop(first);
        assert!(DataDir::hold(&path).is_ok());
    }

    #[test]
    fn the_key_is_made_once_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataDir::hold(&folder.path().join("data")).ok().unwrap();
        data.sealing_key(&SystemEntropy::new()).unwrap();
        let written = fs::read(data.path().join("secret-key")).unwrap();
        data.sealing_key(&SystemEntropy::new()).unwrap();
        assert_eq!(fs::read(data.path().join("secret-key")).unwrap(), written);
        let mode = |name: &str| fs::metadata(data.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("secret-key"), mode("")), (0o600, 0o700));
    }
}
