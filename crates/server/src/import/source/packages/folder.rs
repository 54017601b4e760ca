//! A folder of packages, as build tools and simple servers leave them, with folders in it or without. Symbolic links are
//! not followed, and nothing is written.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::stream;
use tokio::{io::AsyncReadExt as _, task::spawn_blocking};
use wharf_core::{Algorithm, ByteStream, Digest, Error, Kind, Result};
use wharf_hash::Hasher;
use wharf_outbound::Opener;
use wharf_pypi::carried::{Carried, project_of};

use super::{LeftOut, Store, unknown};

/// The most entries that are looked at.
const MOST: usize = 1_000_000;
/// How much is read at once, in bytes.
const PIECE: usize = 256 * 1024;

pub(super) struct Folder {
    path: PathBuf,
    /// The files of each project.
    files: BTreeMap<String, Vec<PathBuf>>,
    places: Mutex<HashMap<Digest, PathBuf>>,
}

impl Folder {
    /// Looks for everything that is called like a distribution.
    ///
    /// # Errors
    /// `Invalid` where the folder cannot be read; `TooLarge`.
    #[expect(clippy::disallowed_methods, reason = "the command reads what it is given")]
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (mut files, mut seen, mut left) =
            (BTreeMap::<String, Vec<PathBuf>>::new(), 0, vec![path.to_owned()]);
        while let Some(folder) = left.pop() {
            let unreadable = |error| {
                Error::new(Kind::Invalid, format!("{} cannot be read", folder.display())).because(error)
            };
            for entry in fs::read_dir(&folder).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                seen += 1;
                if seen > MOST {
                    return Err(Error::new(Kind::TooLarge, format!("there are more than {MOST} files")));
                }
                let kind = entry.file_type().map_err(unreadable)?;
                if kind.is_dir() {
                    left.push(entry.path());
                } else if kind.is_file()
                    && let Some(project) = entry.file_name().to_str().and_then(project_of)
                {
                    files.entry(project).or_default().push(entry.path());
                }
            }
        }
        Ok(Self { path: path.to_owned(), files, places: Mutex::default() })
    }
}

#[async_trait]
impl Store for Folder {
    fn name(&self) -> String {
        format!("{}:", self.path.display())
    }

    async fn projects(&self) -> Result<Vec<String>> {
        Ok(self.files.keys().cloned().collect())
    }

    async fn files(&self, project: &str) -> Result<(Vec<Carried>, Vec<LeftOut>)> {
        let (mut carried, mut left_out) = (Vec::new(), Vec::new());
        for path in self.files.get(project).into_iter().flatten() {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let why = |why: String| LeftOut { what: name.clone(), why };
            let read = path.clone();
            let known = spawn_blocking(move || hash(&read)).await.map_err(Error::internal)?;
            let file = known.map_err(|error| why(error.to_string())).and_then(|(digest, size)| {
                Carried::new(&name, digest, size).map_err(|refusal| why(refusal.to_string()))
            });
            match file {
                Ok(file) => {
                    let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
                    places.insert(file.digest(), path.clone());
                    carried.push(file);
                }
                Err(other) => left_out.push(other),
            }
        }
        Ok((carried, left_out))
    }

    fn opener<'a>(&'a self, _: &str, digest: Digest, _: u64) -> Opener<'a> {
        Box::new(move |offset| {
            let place = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
            Box::pin(async move {
                let path = place.ok_or_else(|| unknown(digest))?;
                let opened = spawn_blocking(move || open(&path, offset)).await.map_err(Error::internal)?;
                let file = opened
                    .map_err(|error| Error::new(Kind::Invalid, "a file cannot be read").because(error))?;
                Ok(stream_of(tokio::fs::File::from_std(file)))
            })
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the command reads what it is given")]
fn open(path: &Path, offset: u64) -> std::io::Result<fs::File> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

/// The digest of a file and its size.
fn hash(path: &Path) -> std::io::Result<(Digest, u64)> {
    let (mut file, mut hasher, mut piece) = (open(path, 0)?, Hasher::new(Algorithm::Sha256), vec![0; PIECE]);
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            let size = hasher.count();
            return Ok((hasher.finish(), size));
        }
        hasher.update(piece.get(..length).unwrap_or_default());
    }
}

fn stream_of(file: tokio::fs::File) -> ByteStream {
    Box::pin(stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let length = file.read_buf(&mut piece).await?;
        Ok((length > 0).then(|| (piece.freeze(), file)))
    }))
}
