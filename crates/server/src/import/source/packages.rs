//! Python packages as a source: what an index or a folder has, as the artifacts that a registry keeps of them.
//!
//! Each project is a repository, each version a tag. Manifests are made here, and always the same for the same files; so
//! what was brought before is found by its digest, and the same command, run again, goes on.

mod folder;
mod index;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{future::ready, stream};
use wharf_core::{Algorithm, ByteStream, Digest, Error, Reference, Result, Tag};
use wharf_hash::digest;
use wharf_outbound::{Document, Download, Opener, Repository, SimpleIndex};
use wharf_pypi::carried::{Carried, EMPTY_CONFIG, normal_name, release_index};

use self::{folder::Folder, index::Index};
use super::{ImportSource, LeftOut};

/// Where the files lie.
#[async_trait]
trait Store: Send + Sync {
    /// What it is called in a report.
    fn name(&self) -> String;

    /// The projects there are, however they are written.
    async fn projects(&self) -> Result<Vec<String>>;

    /// The files of a project, and those that are left out with the reason.
    async fn files(&self, project: &str) -> Result<(Vec<Carried>, Vec<LeftOut>)>;

    /// Opens a file of a project by its digest.
    fn opener<'a>(&'a self, project: &str, digest: Digest, size: u64) -> Opener<'a>;
}

/// The packages of a store.
pub(super) struct Packages {
    store: Box<dyn Store>,
    projects: Mutex<HashMap<Repository, Arc<Project>>>,
}

/// A project as it was found.
struct Project {
    tags: BTreeMap<Tag, Digest>,
    manifests: HashMap<Digest, Bytes>,
    left_out: Vec<LeftOut>,
}

impl Packages {
    /// Those of an index.
    pub(super) fn of_index(index: SimpleIndex) -> Self {
        Self { store: Box::new(Index::new(index)), projects: Mutex::default() }
    }

    /// Those in a folder.
    ///
    /// # Errors
    /// `Invalid` where it cannot be read.
    pub(super) fn of_folder(path: &Path) -> Result<Self> {
        Ok(Self { store: Box::new(Folder::open(path)?), projects: Mutex::default() })
    }

    async fn project(&self, repository: &Repository) -> Result<Arc<Project>> {
        let known = |projects: &Mutex<HashMap<_, Arc<Project>>>| {
            projects.lock().unwrap_or_else(PoisonError::into_inner).get(repository).cloned()
        };
        if let Some(project) = known(&self.projects) {
            return Ok(project);
        }
        let (files, left_out) = self.store.files(repository.as_str()).await?;
        let project = Arc::new(Project::of(files, left_out));
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(projects.entry(repository.clone()).or_insert(project).clone())
    }
}

impl Project {
    fn of(files: Vec<Carried>, mut left_out: Vec<LeftOut>) -> Self {
        let (mut releases, mut manifests) = (BTreeMap::<Tag, Vec<Carried>>::new(), HashMap::new());
        for file in files {
            match file.release() {
                Ok(tag) => releases.entry(tag).or_default().push(file),
                Err(refusal) => {
                    left_out.push(LeftOut { what: file.filename().to_owned(), why: refusal.to_string() })
                }
            }
        }
        let mut keep = |bytes: Bytes| {
            let digest = digest(Algorithm::Sha256, &bytes);
            manifests.insert(digest, bytes);
            digest
        };
        let mut tags = BTreeMap::new();
        for (tag, mut files) in releases {
            files.sort_by(|one, other| one.filename().cmp(other.filename()));
            for file in &files {
                keep(file.manifest());
            }
            tags.extend(release_index(&files).map(|index| (tag, keep(index))));
        }
        Self { tags, manifests, left_out }
    }
}

#[async_trait]
impl ImportSource for Packages {
    fn name(&self) -> String {
        self.store.name()
    }

    async fn repositories(&self) -> Result<Vec<Repository>> {
        let names = self.store.projects().await?;
        let mut names: Vec<String> = names.iter().filter_map(|name| normal_name(name)).collect();
        names.sort();
        names.dedup();
        names.iter().map(|name| name.parse()).collect()
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        Ok(self.project(repository).await?.tags.keys().cloned().collect())
    }

    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>> {
        let project = self.project(repository).await?;
        Ok(match reference {
            Reference::Tag(tag) => project.tags.get(tag).copied(),
            Reference::Digest(digest) => project.manifests.contains_key(digest).then_some(*digest),
        })
    }

    async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>> {
        let Some(digest) = self.resolve(repository, reference).await? else { return Ok(None) };
        let project = self.project(repository).await?;
        let document = |bytes: &Bytes| Document { digest, media_type: None, bytes: bytes.clone() };
        Ok(project.manifests.get(&digest).map(document))
    }

    async fn referrers(&self, _: &Repository, _: Digest) -> Result<Option<Vec<Digest>>> {
        Ok(Some(Vec::new()))
    }

    async fn left_out(&self, repository: Option<&Repository>) -> Result<Vec<LeftOut>> {
        let Some(repository) = repository else { return Ok(Vec::new()) };
        Ok(self.project(repository).await?.left_out.clone())
    }

    fn blob<'a>(&'a self, repository: &Repository, digest: Digest, size: u64) -> Download<'a> {
        if digest == wharf_hash::digest(Algorithm::Sha256, EMPTY_CONFIG) {
            return Download::new(digest, size, empty_config());
        }
        Download::new(digest, size, self.store.opener(repository.as_str(), digest, size))
    }
}

/// Opens the config that all manifests share, which is nobody's file.
fn empty_config<'a>() -> Opener<'a> {
    Box::new(|_| {
        let whole: ByteStream = Box::pin(stream::iter([Ok(Bytes::from_static(EMPTY_CONFIG))]));
        Box::pin(ready(Ok(whole)))
    })
}

/// The refusal of a digest that no file of the project has.
fn unknown(digest: Digest) -> Error {
    Error::internal(format!("no file of the source has the digest {digest}"))
}
