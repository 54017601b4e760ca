//! The files of a registry as a source: the layout of distribution's own (`registry/storage/paths.go`), read only.
//!
//! A repository has what it has a link to. Links, names and sizes are distrusted, and every byte is held against its
//! digest.

use std::{
    io::{Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use tokio::{fs::File, io::AsyncReadExt as _, task::spawn_blocking};
use wharf_core::{
    ByteStream, Detail, Digest, Error, Kind, Reference, Result, Subject, Tag, manifest::LARGEST,
};
use wharf_hash::digest;
use wharf_outbound::{Document, Download, Repository};

use super::{ImportSource, tree::Tree};

/// Where the layout begins, below the root directory of the registry's configuration.
const LAYOUT: &str = "docker/registry/v2";
/// The most directories that are looked into for repositories.
const MOST: usize = 1_000_000;
/// The largest link, in bytes: a digest.
const LARGEST_LINK: usize = 256;
/// How much of a blob is read at once, in bytes.
const PIECE: usize = 256 * 1024;

pub(super) struct Directory {
    path: PathBuf,
    tree: Arc<Tree>,
}

impl Directory {
    /// # Errors
    /// `Invalid` where the layout is not to be found.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let missing = |error: std::io::Error| {
            let words =
                format!("there is no {LAYOUT} in {}: name the registry's rootdirectory", root.display());
            Error::new(Kind::Invalid, words).because(error)
        };
        let tree = Tree::open(&root.join(LAYOUT)).map_err(missing)?;
        Ok(Self { path: root.to_owned(), tree: Arc::new(tree) })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tree) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let tree = self.tree.clone();
        spawn_blocking(move || work(&tree)).await.map_err(Error::internal)?
    }
}

#[async_trait]
impl ImportSource for Directory {
    fn name(&self) -> String {
        format!("{}:", self.path.display())
    }

    async fn repositories(&self) -> Result<Vec<Repository>> {
        self.read(repositories).await
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        let path = below(repository, &["_manifests", "tags"]);
        let names = self.read(move |tree| tree.directories(&borrowed(&path))).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>> {
        let (repository, reference) = (repository.clone(), reference.clone());
        self.read(move |tree| resolve(tree, &repository, &reference)).await
    }

    async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>> {
        let (repository, reference) = (repository.clone(), reference.clone());
        self.read(move |tree| {
            let Some(promised) = resolve(tree, &repository, &reference)? else { return Ok(None) };
            let Some(bytes) = tree.read(&borrowed(&data(promised)), LARGEST)? else { return Ok(None) };
            if digest(promised.algorithm(), &bytes) != promised {
                let words = format!("{promised} has bytes of another digest");
                return Err(Error::new(Kind::Invalid, words).with(Detail::Digest));
            }
            Ok(Some(Document { digest: promised, media_type: None, bytes: Bytes::from(bytes) }))
        })
        .await
    }

    /// The layout knows none; clients keep them under a tag.
    async fn referrers(&self, _: &Repository, _: Digest) -> Result<Option<Vec<Digest>>> {
        Ok(None)
    }

    fn blob<'a>(&'a self, repository: &Repository, digest: Digest, size: u64) -> Download<'a> {
        let link = below(repository, &["_layers", digest.algorithm().name(), &digest.hex(), "link"]);
        let open = move |offset| {
            let link = link.clone();
            Box::pin(async move {
                let found =
                    self.read(move |tree| open_blob(tree, &link, Wanted { digest, size, offset })).await?;
                Ok(stream_of(File::from_std(found)))
            }) as _
        };
        Download::new(digest, size, Box::new(open))
    }
}

/// Every directory with manifests, by the path that leads to it.
fn repositories(tree: &Tree) -> Result<Vec<Repository>> {
    let (mut found, mut seen, mut left) = (Vec::new(), 0, vec![String::new()]);
    while let Some(name) = left.pop() {
        seen += 1;
        if seen > MOST {
            return Err(Error::new(Kind::TooLarge, "there are too many directories of repositories"));
        }
        let path: Vec<&str> =
            ["repositories"].into_iter().chain(name.split('/').filter(|part| !part.is_empty())).collect();
        let inside = tree.directories(&path)?;
        if inside.iter().any(|name| name == "_manifests")
            && let Ok(repository) = name.parse()
        {
            found.push(repository);
        }
        let child = |part: &String| if name.is_empty() { part.clone() } else { format!("{name}/{part}") };
        // A name outside the grammar is nobody's repository, nor is anything below it.
        left.extend(inside.iter().map(child).filter(|child| child.parse::<Repository>().is_ok()));
    }
    Ok(found)
}

fn resolve(tree: &Tree, repository: &Repository, reference: &Reference) -> Result<Option<Digest>> {
    let digest = match reference {
        Reference::Digest(digest) => *digest,
        Reference::Tag(tag) => {
            let path = below(repository, &["_manifests", "tags", tag.as_str(), "current", "link"]);
            match link(tree, &path)? {
                Some(digest) => digest,
                None => return Ok(None),
            }
        }
    };
    let revision = ["_manifests", "revisions", digest.algorithm().name(), &digest.hex(), "link"];
    Ok(link(tree, &below(repository, &revision))?.filter(|found| *found == digest))
}

/// The digest in a link.
fn link(tree: &Tree, path: &[String]) -> Result<Option<Digest>> {
    let Some(bytes) = tree.read(&borrowed(path), LARGEST_LINK)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let odd = |error: Error| {
        Error::new(Kind::Invalid, format!("{} holds no digest", path.join("/"))).because(error)
    };
    text.trim().parse().map(Some).map_err(odd)
}

/// A content, from an offset on.
struct Wanted {
    digest: Digest,
    size: u64,
    offset: u64,
}

fn open_blob(tree: &Tree, path: &[String], wanted: Wanted) -> Result<std::fs::File> {
    let Wanted { digest, size, offset } = wanted;
    let missing = || Error::new(Kind::NotFound(Subject::Blob), format!("{digest} is not there"));
    if link(tree, path)? != Some(digest) {
        return Err(missing());
    }
    let (mut file, found) = tree.file(&borrowed(&data(digest)))?.ok_or_else(missing)?;
    if found != size {
        let words = format!("{digest} has {found} bytes, and should have {size}");
        return Err(Error::new(Kind::Invalid, words).with(Detail::Digest));
    }
    file.seek(SeekFrom::Start(offset)).map_err(Error::unavailable)?;
    Ok(file)
}

fn stream_of(file: File) -> ByteStream {
    Box::pin(stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let count = file.read_buf(&mut piece).await?;
        Ok((count > 0).then(|| (piece.freeze(), file)))
    }))
}

fn data(digest: Digest) -> Vec<String> {
    let hex = digest.hex();
    let first: String = hex.chars().take(2).collect();
    vec!["blobs".to_owned(), digest.algorithm().name().to_owned(), first, hex, "data".to_owned()]
}

fn below(repository: &Repository, rest: &[&str]) -> Vec<String> {
    let parts = ["repositories"].into_iter().chain(repository.as_str().split('/'));
    parts.chain(rest.iter().copied()).map(str::to_owned).collect()
}

fn borrowed(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}
