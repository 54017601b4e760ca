//! The directory of a backup: what lies where, and the summary that makes it one.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use wharf_core::{Digest, Error, Kind, Result};
use wharf_meta::Database;

use super::unusable;

/// The layout this binary writes and reads.
const FORMAT: u32 = 1;
/// The file that whoever writes a backup holds.
const LOCK: &str = "backup.lock";
/// The file that says that there is a backup.
const SUMMARY: &str = "backup.json";

/// The directory of a backup.
#[derive(Clone)]
pub(super) struct Archive(PathBuf);

/// What a finished backup is. Written last, so without it there is none.
#[derive(Serialize, Deserialize)]
pub(super) struct Summary {
    /// The layout of the directory.
    pub(super) format: u32,
    /// The version of the schema the rows are of.
    pub(super) schema: i64,
    /// The version of Wharf that made it.
    pub(super) wharf: String,
    /// When it was begun, in microseconds since 1970.
    pub(super) begun_at: i64,
    /// The file of the rows.
    pub(super) rows: RowsFile,
    /// How many rows each table has.
    pub(super) tables: BTreeMap<String, u64>,
    /// How many blobs the rows name.
    pub(super) blobs: u64,
    /// Their sizes together, in bytes.
    pub(super) bytes: u64,
    /// Blobs that were named and could not be copied.
    pub(super) damaged: Vec<Damaged>,
}

/// The file of the rows.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RowsFile {
    /// Its name.
    pub(super) name: String,
    /// Its digest, as it lies there.
    pub(super) digest: String,
}

/// A blob whose bytes are gone or wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Damaged {
    /// Its digest.
    pub(super) digest: String,
    /// The tags that need it, some of them if they are many.
    pub(super) tags: Vec<String>,
}

#[expect(clippy::disallowed_methods, reason = "a backup is files")]
impl Archive {
    /// Prepares a directory for a backup, made if it is not there. Nobody else writes to it while the file lives that
    /// comes with it.
    ///
    /// # Errors
    /// `Conflict` where it holds something else, or another backup is being written; `Unavailable`.
    pub(super) fn prepare(path: &Path) -> Result<(Self, File)> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let lock = || {
            make(path)?;
            let ours = path.join(LOCK).exists() || fs::read_dir(path)?.next().is_none();
            if ours { options.open(path.join(LOCK)).map(Some) } else { Ok(None) }
        };
        let Some(lock) = lock().map_err(unusable)? else {
            let message = format!("{} holds other things than a backup", path.display());
            return Err(Error::new(Kind::Conflict, message));
        };
        if lock.try_lock().is_err() {
            return Err(Error::new(Kind::Conflict, "another backup is being written to that directory"));
        }
        make(&path.join("blobs")).map_err(unusable)?;
        Ok((Self(path.to_owned()), lock))
    }

    /// Opens a finished backup.
    ///
    /// # Errors
    /// `Invalid` where there is none, or one this binary cannot read.
    pub(super) fn open(path: &Path) -> Result<(Self, Summary)> {
        let none = |error| {
            let message = format!("{} holds no finished backup", path.display());
            Error::new(Kind::Invalid, message).because(error)
        };
        let text = fs::read(path.join(SUMMARY)).map_err(none)?;
        let unreadable = |error| Error::new(Kind::Invalid, "backup.json cannot be read").because(error);
        let summary: Summary = serde_json::from_slice(&text).map_err(unreadable)?;
        let (format, schema) = (summary.format, summary.schema);
        if format != FORMAT || schema != Database::schema() {
            let message = format!(
                "the backup is of wharf {} (layout {format}, schema {schema}), this one reads layout {FORMAT}, schema {}",
                summary.wharf,
                Database::schema()
            );
            return Err(Error::new(Kind::Unsupported, message));
        }
        // A name from the file leads nowhere but into the directory.
        if summary.rows.name.contains('/') {
            return Err(Error::new(Kind::Invalid, "backup.json names a file elsewhere"));
        }
        Ok((Self(path.to_owned()), summary))
    }

    /// Where the rows of a backup lie.
    pub(super) fn rows(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Where the bytes of a blob lie.
    pub(super) fn blob(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let folder = hex.get(..2).unwrap_or_default().to_owned();
        self.0.join("blobs").join(digest.algorithm().name()).join(folder).join(hex)
    }

    /// Makes the folder of a blob, if it is not there.
    pub(super) fn make_folder_of(&self, blob: &Path) -> io::Result<()> {
        blob.parent().map_or(Ok(()), make)
    }

    /// Makes it a backup: whole and durable, or the one before stays. Then the rows of earlier ones go.
    pub(super) fn finish(&self, summary: &Summary) -> Result<()> {
        let text = serde_json::to_vec_pretty(summary).map_err(Error::internal)?;
        let (path, fresh) = (self.0.join(SUMMARY), self.0.join("backup.json.new"));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(&self.0)?.sync_all()?;
            self.remove_old_rows(&summary.rows.name)
        };
        write().map_err(unusable)
    }

    fn remove_old_rows(&self, current: &str) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let (entry, current) = (entry?, std::ffi::OsStr::new(current));
            let is_rows = entry.file_name().to_string_lossy().starts_with("rows-");
            if is_rows && entry.file_name() != current {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Summary {
    /// What this binary writes.
    pub(super) fn new(begun_at: i64, rows: RowsFile) -> Self {
        Self {
            format: FORMAT,
            schema: Database::schema(),
            wharf: env!("CARGO_PKG_VERSION").to_owned(),
            begun_at,
            rows,
            tables: BTreeMap::new(),
            blobs: 0,
            bytes: 0,
            damaged: Vec::new(),
        }
    }
}

/// Lines that name what is damaged, for the operator.
pub(super) fn named(damaged: &[Damaged]) -> String {
    let line = |blob: &Damaged| match blob.tags.as_slice() {
        [] => format!("\ndamaged: {}, which no tag needs", blob.digest),
        tags => format!("\ndamaged: {}, needed by {}", blob.digest, tags.join(", ")),
    };
    damaged.iter().map(line).collect()
}

/// Makes a folder that only its owner can enter, with all that lead to it, each entry durable before the next.
#[expect(clippy::disallowed_methods, reason = "a backup is files")]
fn make(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("/"));
    make(parent)?;
    DirBuilder::new().mode(0o700).create(path)?;
    File::open(parent)?.sync_all()
}
