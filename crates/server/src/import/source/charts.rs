//! Packaged charts as a source: what a folder or a chart repository has, as the artifacts that `helm push` makes of them.
//!
//! Each chart is a repository, each version a tag. Artifacts are made here, and always the same for the same files. Their
//! digest is known only when the chart was read, but what the server has is told by the digest of the packaged chart, so the
//! same command, run again, goes on.

mod folder;
mod recent;
mod repository;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{future::ready, stream};
use tokio::{sync::OnceCell, task::spawn_blocking};
use wharf_core::{Algorithm, ByteStream, Digest, Error, Kind, Reference, Result, Subject, Tag};
use wharf_hash::digest;
use wharf_helm::Artifact;
use wharf_outbound::{ChartRepository, Document, Download, Repository};

use self::{folder::Folder, recent::Recent, repository::Index};
use super::{ImportSource, LeftOut};

/// The largest packaged chart, in bytes: what a server takes.
const LARGEST: usize = 32 * 1024 * 1024;
/// The largest provenance file, in bytes.
const LARGEST_PROVENANCE: usize = 1024 * 1024;

/// Where the charts lie.
#[async_trait]
trait Store: Send + Sync {
    /// What it is called in a report.
    fn name(&self) -> String;

    /// What there is.
    async fn inventory(&self) -> Result<Inventory>;

    /// A packaged chart.
    async fn packaged(&self, place: &str) -> Result<Bytes>;

    /// The provenance file beside it, if there is one.
    async fn provenance(&self, place: &str) -> Result<Option<Bytes>>;
}

/// What a store has.
#[derive(Default)]
struct Inventory {
    charts: BTreeMap<Repository, BTreeMap<Tag, Listed>>,
    /// What no registry would take, of each repository, and of none.
    left_out: BTreeMap<Option<Repository>, Vec<LeftOut>>,
}

/// A version of a chart, as it is found before it is read.
#[derive(Clone, Debug)]
struct Listed {
    name: String,
    version: String,
    /// The digest of the packaged chart, if it is told.
    content: Option<Digest>,
    /// Where the packaged chart lies, for the store.
    place: String,
}

/// A version of a chart, by its names here.
type Name = (Repository, Tag);

/// The charts of a store.
pub(super) struct Charts {
    store: Box<dyn Store>,
    inventory: OnceCell<Inventory>,
    recent: Recent,
    /// Which chart has a manifest or a blob.
    homes: Mutex<HashMap<Digest, Name>>,
}

impl Charts {
    /// Those in a folder.
    ///
    /// # Errors
    /// `Invalid` where it cannot be read.
    pub(super) fn of_folder(path: &Path) -> Result<Self> {
        Ok(Self::of(Box::new(Folder::open(path)?)))
    }

    /// Those of a chart repository.
    pub(super) fn of_repository(repository: ChartRepository) -> Self {
        Self::of(Box::new(Index(repository)))
    }

    fn of(store: Box<dyn Store>) -> Self {
        Self { store, inventory: OnceCell::new(), recent: Recent::default(), homes: Mutex::default() }
    }

    async fn inventory(&self) -> Result<&Inventory> {
        self.inventory.get_or_try_init(|| self.store.inventory()).await
    }

    async fn listed(&self, (repository, tag): &Name) -> Result<Option<&Listed>> {
        let charts = &self.inventory().await?.charts;
        Ok(charts.get(repository).and_then(|versions| versions.get(tag)))
    }

    /// Reads a chart, unless that was done a moment ago.
    async fn artifact(&self, name: &Name) -> Result<Option<Arc<Artifact>>> {
        if let Some(artifact) = self.recent.get(name) {
            return Ok(Some(artifact));
        }
        let Some(listed) = self.listed(name).await? else { return Ok(None) };
        let packaged = self.store.packaged(&listed.place).await?;
        let provenance = self.store.provenance(&listed.place).await?;
        let expected = listed.clone();
        let read = move || expected.read(packaged, provenance);
        let artifact = Arc::new(spawn_blocking(read).await.map_err(Error::internal)??);
        let manifest = digest_of(&artifact.manifest());
        let mut homes = self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        homes.extend(
            artifact.parts().map(|(digest, _)| digest).chain([manifest]).map(|it| (it, name.clone())),
        );
        drop(homes);
        self.recent.keep(name.clone(), artifact.clone());
        Ok(Some(artifact))
    }

    /// The chart that has this manifest or blob.
    async fn home_of(&self, digest: Digest) -> Result<Option<Arc<Artifact>>> {
        let home = self.homes.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        match home {
            Some(name) => self.artifact(&name).await,
            None => Ok(None),
        }
    }

    async fn part(&self, digest: Digest) -> Result<Bytes> {
        let unknown = || Error::internal(format!("no chart of the source has the digest {digest}"));
        let home = self.home_of(digest).await?.ok_or_else(unknown)?;
        home.parts().find(|(known, _)| *known == digest).map(|(_, bytes)| bytes.clone()).ok_or_else(unknown)
    }
}

#[async_trait]
impl ImportSource for Charts {
    fn name(&self) -> String {
        self.store.name()
    }

    async fn repositories(&self) -> Result<Vec<Repository>> {
        let Inventory { charts, left_out } = self.inventory().await?;
        Ok(charts.keys().chain(left_out.keys().flatten()).cloned().collect())
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        let Inventory { charts, left_out } = self.inventory().await?;
        match charts.get(repository) {
            Some(versions) => Ok(versions.keys().cloned().collect()),
            None if left_out.contains_key(&Some(repository.clone())) => Ok(Vec::new()),
            None => Err(Error::new(Kind::NotFound(Subject::Name), "there is no such chart")),
        }
    }

    async fn resolve(&self, repository: &Repository, reference: &Reference) -> Result<Option<Digest>> {
        match reference {
            Reference::Tag(tag) => {
                let artifact = self.artifact(&(repository.clone(), tag.clone())).await?;
                Ok(artifact.map(|artifact| digest_of(&artifact.manifest())))
            }
            Reference::Digest(digest) => Ok(self.home_of(*digest).await?.map(|_| *digest)),
        }
    }

    async fn contents(&self, repository: &Repository, reference: &Reference) -> Result<Option<Vec<Digest>>> {
        let Reference::Tag(tag) = reference else { return Ok(None) };
        let listed = self.listed(&(repository.clone(), tag.clone())).await?;
        let Some((content, place)) = listed.and_then(|listed| Some((listed.content?, &listed.place))) else {
            return Ok(None);
        };
        let provenance = self.store.provenance(place).await?;
        Ok(Some([content].into_iter().chain(provenance.as_deref().map(digest_of)).collect()))
    }

    async fn manifest(&self, repository: &Repository, reference: &Reference) -> Result<Option<Document>> {
        let Some(digest) = self.resolve(repository, reference).await? else { return Ok(None) };
        let artifact = self.home_of(digest).await?;
        let document =
            |artifact: Arc<Artifact>| Document { digest, media_type: None, bytes: artifact.manifest() };
        Ok(artifact.map(document))
    }

    async fn referrers(&self, _: &Repository, _: Digest) -> Result<Option<Vec<Digest>>> {
        Ok(Some(Vec::new()))
    }

    async fn left_out(&self, repository: Option<&Repository>) -> Result<Vec<LeftOut>> {
        Ok(self.inventory().await?.left_out.get(&repository.cloned()).cloned().unwrap_or_default())
    }

    fn blob<'a>(&'a self, _: &Repository, digest: Digest, size: u64) -> Download<'a> {
        let open = move |offset: u64| {
            Box::pin(async move {
                let bytes = self.part(digest).await?;
                let rest = bytes.slice(usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len())..);
                let stream: ByteStream = Box::pin(stream::once(ready(Ok(rest))));
                Ok(stream)
            }) as _
        };
        Download::new(digest, size, Box::new(open))
    }
}

impl Inventory {
    /// Takes in a version of a chart, or names it among what is left out.
    fn add(&mut self, below: &str, listed: Listed) {
        let what = listed.place.clone();
        let repository =
            if listed.name.contains('/') { None } else { format!("{below}{}", listed.name).parse().ok() };
        let Some(repository): Option<Repository> = repository else {
            let why = format!("a repository cannot be called {below}{}", listed.name);
            return self.leave_out(None, LeftOut { what, why });
        };
        let Some(tag) = wharf_helm::tag_of(&listed.version) else {
            let why = format!("a tag cannot be called {:?}, as its version is", listed.version);
            return self.leave_out(Some(repository), LeftOut { what, why });
        };
        let versions = self.charts.entry(repository.clone()).or_default();
        match versions.get(&tag) {
            None => drop(versions.insert(tag, listed)),
            // The same twice is no harm.
            Some(other) if other.content.is_some() && other.content == listed.content => {}
            Some(other) => {
                let why = format!("{} is of the same version", other.place);
                self.leave_out(Some(repository), LeftOut { what, why });
            }
        }
    }

    fn leave_out(&mut self, repository: Option<Repository>, left_out: LeftOut) {
        self.left_out.entry(repository).or_default().push(left_out);
    }
}

impl Listed {
    /// Reads the packaged chart, which must be what was found.
    fn read(&self, packaged: Bytes, provenance: Option<Bytes>) -> Result<Artifact> {
        if self.content.is_some_and(|promised| promised != digest_of(&packaged)) {
            return Err(Error::new(Kind::Invalid, "its bytes have another digest than the index tells"));
        }
        let artifact = Artifact::read(packaged, provenance)?;
        if (artifact.name(), artifact.version()) == (&self.name, &self.version) {
            return Ok(artifact);
        }
        let words = format!("it is {} {} by its Chart.yaml", artifact.name(), artifact.version());
        Err(Error::new(Kind::Invalid, words))
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    digest(Algorithm::Sha256, bytes)
}
