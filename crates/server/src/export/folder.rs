//! The directory of an export, and the files in it.
//!
//! A repository's slashes are `+` in the name of its folder, which no repository has in its own.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use tokio::{
    fs::{self, File},
    io::AsyncReadExt as _,
};
use wharf_core::{Digest, Error, Kind, Result};
use wharf_hash::Hasher;

use super::{documents::text, report::Report};
use crate::whole_file::{Earlier, WholeFile};

/// The layout this binary writes.
const FORMAT: u32 = 1;
/// The file that says what a directory holds.
const SUMMARY: &str = "export.json";
/// The file that whoever writes an export holds.
const LOCK: &str = "export.lock";

/// How much of a file is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// A folder of an export.
#[derive(Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// What the whole is, to be written once more at its end.
    summary: Arc<Value>,
    /// Held while anything is written.
    _lock: Arc<std::fs::File>,
}

impl Folder {
    /// The directory, made where it is not there, for this organisation of this server and no other.
    ///
    /// # Errors
    /// `Conflict` where it holds something else, or is being written to.
    pub(super) async fn open(path: &Path, server: &str, organisation: &Value) -> Result<Self> {
        make(path).await?;
        let name = text(organisation, "name").unwrap_or_default();
        let begun = json!({ "format": FORMAT, "server": server, "organisation": name, "complete": false });
        match read(&path.join(SUMMARY)).await? {
            Some(found) => {
                let found: Value = serde_json::from_slice(&found).unwrap_or_default();
                if ["format", "server", "organisation"]
                    .iter()
                    .any(|field| found.get(field) != begun.get(field))
                {
                    return Err(conflict(path, "holds the export of something else"));
                }
            }
            None if !is_empty(path).await? => {
                return Err(conflict(path, "holds something that is no export"));
            }
            None => {}
        }
        let folder = Self { path: path.to_owned(), summary: Arc::new(begun), _lock: Arc::new(lock(path)?) };
        folder.put(SUMMARY, &folder.summary).await?;
        folder.put("organisation.json", organisation).await?;
        Ok(folder)
    }

    /// Says what came of it.
    pub(super) async fn end(&self, report: &Report) -> Result<()> {
        let mut summary = self.summary.as_ref().clone();
        if let Some(fields) = summary.as_object_mut() {
            fields.insert("complete".to_owned(), json!(report.is_complete()));
        }
        self.put(SUMMARY, &summary).await
    }

    /// That of a registry.
    pub(super) fn registry(&self, name: &str) -> Result<Self> {
        self.below(&["registries", name])
    }

    /// That of a repository of this registry.
    pub(super) fn repository(&self, name: &str) -> Result<Self> {
        self.below(&["repositories", &name.replace('/', "+")])
    }

    /// What lies at a path in it.
    pub(super) fn at(&self, parts: &[&str]) -> PathBuf {
        self.path.join(parts.iter().collect::<PathBuf>())
    }

    /// Writes a file of JSON.
    pub(super) async fn put(&self, name: &str, value: &Value) -> Result<()> {
        let mut file = self.begin(&[name]).await?;
        file.write(format!("{value:#}\n").as_bytes()).await?;
        file.keep().await
    }

    /// Begins a file at a path in it, in a folder that is made where it is not there. It takes the place of an older one.
    pub(super) async fn begin(&self, parts: &[&str]) -> Result<WholeFile> {
        let path = self.at(parts);
        if let Some(folder) = path.parent() {
            make(folder).await?;
        }
        WholeFile::begin(path, Earlier::GivesWay).await
    }

    /// Names come from the server, and lead nowhere else.
    fn below(&self, parts: &[&str]) -> Result<Self> {
        let is_name = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(['/', '\0']);
        if !parts.iter().all(is_name) {
            return Err(Error::new(Kind::Invalid, "the server named something that cannot be a folder"));
        }
        Ok(Self { path: self.at(parts), ..self.clone() })
    }
}

/// A file's bytes; none where there is no such file.
#[expect(clippy::disallowed_methods, reason = "an export is files")]
pub(super) async fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path)(error)),
    }
}

/// A file's size; none where there is no such file.
#[expect(clippy::disallowed_methods, reason = "an export is files")]
pub(super) async fn size(path: &Path) -> Result<Option<u64>> {
    match fs::metadata(path).await {
        Ok(file) => Ok(file.is_file().then_some(file.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path)(error)),
    }
}

/// Whether a file's bytes have this digest.
#[expect(clippy::disallowed_methods, reason = "an export is files")]
pub(super) async fn has(path: &Path, digest: Digest) -> Result<bool> {
    let mut file = File::open(path).await.map_err(unusable(path))?;
    let (mut hasher, mut piece) = (Hasher::new(digest.algorithm()), vec![0; PIECE]);
    loop {
        let length = file.read(&mut piece).await.map_err(unusable(path))?;
        match piece.get(..length) {
            Some([]) | None => return Ok(hasher.finish() == digest),
            Some(read) => hasher.update(read),
        }
    }
}

/// Gives a file a second name, where the disk can do that.
#[expect(clippy::disallowed_methods, reason = "an export is files")]
pub(super) async fn link(from: &Path, to: &Path) -> Result<bool> {
    if let Some(folder) = to.parent() {
        make(folder).await?;
    }
    Ok(fs::hard_link(from, to).await.is_ok())
}

#[expect(clippy::disallowed_methods, reason = "an export is files")]
async fn make(path: &Path) -> Result<()> {
    fs::create_dir_all(path).await.map_err(unusable(path))
}

#[expect(clippy::disallowed_methods, reason = "an export is files")]
async fn is_empty(path: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(path).await.map_err(unusable(path))?;
    Ok(entries.next_entry().await.map_err(unusable(path))?.is_none())
}

#[expect(clippy::disallowed_methods, reason = "an export is files")]
fn lock(path: &Path) -> Result<std::fs::File> {
    let place = path.join(LOCK);
    let file = std::fs::File::create(&place).map_err(unusable(&place))?;
    file.try_lock().map_err(|_| conflict(path, "is being written to"))?;
    Ok(file)
}

fn conflict(path: &Path, words: &str) -> Error {
    Error::new(Kind::Conflict, format!("{} {words}", path.display()))
}

/// A file that cannot be used: nothing that is left would go better.
fn unusable(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let words = format!("{} cannot be used", path.display());
    move |error| {
        let kind = if error.kind() == ErrorKind::StorageFull { Kind::StorageFull } else { Kind::Internal };
        Error::new(kind, words).because(error)
    }
}
