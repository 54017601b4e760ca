//! Pages of what is listed: rendered once for each revision, whoever asks, and kept beside the rows.
//!
//! A transaction moves a page's revision and renders nothing. Who pushed has it rendered a moment later, without waiting;
//! a reader who comes first has it rendered at once, and no reader gets a page older than what was acknowledged before he
//! asked.
//! Reading writes nothing: what was rendered is put into the store by a job, and may be thrown away there.

use std::{io::Write as _, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::{task::spawn_blocking, time::sleep};
use wharf_core::{
    Algorithm, Error, Grant, Kind, RegistryGrant, Result, Subject, action::Pull, gate::RepositoryId,
};

use super::{
    Format, Listing, Page, RegistryPage, RepositoryListing,
    reading::{all_beside, all_listed, all_notices, all_subjects},
    shelf::{Found, Slot},
    shown::all_shown,
};
use crate::{
    Registry,
    port::{Extent, PageBody, PageOf, PageState, Transaction, Work},
    upload::on_its_own,
};

/// How hard zstd tries; a page is sent more often than it is made.
const ZSTD_LEVEL: i32 = 6;

/// So long a page rests after a push. Pushes come in rows, and a large page costs more than one of them.
const REST: Duration = Duration::from_millis(100);

/// How the bytes of a page are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// With gzip.
    Gzip,
    /// With Zstandard.
    Zstd,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];
    /// Those that make a page smaller, the one that makes it smallest first.
    pub const SMALLER: [Self; 2] = [Self::Zstd, Self::Gzip];

    /// The word in rows and in `Content-Encoding`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn encode(self, bytes: &Bytes) -> Result<Bytes> {
        let encoded = match self {
            Self::Identity => return Ok(bytes.clone()),
            Self::Gzip => {
                let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
                gzip.write_all(bytes).and_then(|()| gzip.finish())
            }
            Self::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL),
        };
        encoded.map(Bytes::from).map_err(Error::internal)
    }
}

/// The pages of one listing as of one revision.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The revision.
    pub revision: i64,
    /// The pages.
    pub pages: Vec<RenderedPage>,
}

/// One page in every encoding.
#[derive(Debug, PartialEq, Eq)]
pub struct RenderedPage {
    /// Its name among the pages of one listing.
    pub kind: String,
    /// Its media type.
    pub media_type: String,
    /// Its bodies.
    pub bodies: Vec<RenderedBody>,
}

/// One page in one encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedBody {
    /// The encoding.
    pub encoding: Encoding,
    /// The strong entity tag, without quotes.
    pub etag: String,
    /// The bytes.
    pub bytes: Bytes,
}

impl RenderedPage {
    /// The page in an encoding.
    ///
    /// # Errors
    /// `Internal` where it was not rendered so.
    pub fn body(&self, encoding: Encoding) -> Result<&RenderedBody> {
        let body = self.bodies.iter().find(|body| body.encoding == encoding);
        body.ok_or_else(|| Error::internal("a page was not encoded"))
    }
}

impl Rendered {
    /// A page by its name.
    pub fn page(&self, kind: &str) -> Option<&RenderedPage> {
        self.pages.iter().find(|page| page.kind == kind)
    }

    /// How many bytes all bodies have.
    pub fn weight(&self) -> usize {
        self.pages.iter().flat_map(|page| &page.bodies).map(|body| body.bytes.len()).sum()
    }

    /// Pages in every encoding. It is work for a thread that may block.
    ///
    /// # Errors
    /// `Internal`.
    pub fn of(revision: i64, pages: Vec<Page>) -> Result<Self> {
        let page = |page: Page| {
            let digest = wharf_hash::digest(Algorithm::Sha256, &page.bytes).to_string();
            let digest = digest.rsplit(':').next().unwrap_or_default();
            let body = |encoding: Encoding| {
                let etag = format!("{digest}-{}", encoding.word());
                Ok(RenderedBody { encoding, etag, bytes: encoding.encode(&page.bytes)? })
            };
            let bodies = Encoding::ALL.into_iter().map(body).collect::<Result<_>>()?;
            Ok(RenderedPage { kind: page.kind.to_owned(), media_type: page.media_type.to_owned(), bodies })
        };
        Ok(Self { revision, pages: pages.into_iter().map(page).collect::<Result<_>>()? })
    }

    /// What was kept in the store, unless a part of it is not there.
    fn kept(revision: i64, kept: Vec<PageBody>) -> Option<Self> {
        let mut pages: Vec<RenderedPage> = Vec::new();
        for PageBody { kind, encoding, media_type, etag, bytes } in kept {
            let encoding = Encoding::ALL.into_iter().find(|known| known.word() == encoding)?;
            let body = RenderedBody { encoding, etag, bytes };
            match pages.last_mut().filter(|page| page.kind == kind) {
                Some(page) => page.bodies.push(body),
                None => pages.push(RenderedPage { kind, media_type, bodies: vec![body] }),
            }
        }
        let is_whole = |page: &RenderedPage| page.bodies.len() == Encoding::ALL.len();
        (!pages.is_empty() && pages.iter().all(is_whole)).then_some(Self { revision, pages })
    }

    fn rows(&self) -> Vec<PageBody> {
        let rows = |page: &RenderedPage| {
            let (kind, media_type) = (page.kind.clone(), page.media_type.clone());
            let row = move |body: RenderedBody| PageBody {
                kind: kind.clone(),
                encoding: body.encoding.word().to_owned(),
                media_type: media_type.clone(),
                etag: body.etag,
                bytes: body.bytes,
            };
            page.bodies.clone().into_iter().map(row).collect::<Vec<_>>()
        };
        self.pages.iter().flat_map(rows).collect()
    }
}

impl Registry {
    /// The pages of what a format lists in a repository; none where it lists nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn repository_pages(
        &self,
        grant: &Grant<Pull>,
        format: &'static str,
    ) -> Result<Option<Arc<Rendered>>> {
        let (Some(registry), Some(repository)) = (grant.registry(), grant.repository()) else {
            return Ok(None);
        };
        let of = PageOf { registry: registry.id, repository: Some(repository), format };
        match self.store().view(FindPage { of }).await? {
            Some(state) if state.listed => self.rendered(of, state.revision).await.map(Some),
            _ => Ok(None),
        }
    }

    /// What the pages of a repository show, for what is made for each reader; nothing where a format lists nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn listing(
        &self,
        grant: &Grant<Pull>,
        format: &'static str,
    ) -> Result<Option<RepositoryListing>> {
        let Some(repository) = grant.repository() else { return Ok(None) };
        let shown = self.store().view(ReadListing { repository, format }).await?;
        Ok(Some(shown).filter(|shown| !shown.rows.is_empty()))
    }

    /// The pages of the subjects of which a format lists anything in a registry.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn registry_pages(&self, grant: &RegistryGrant, format: &'static str) -> Result<Arc<Rendered>> {
        let of = PageOf { registry: grant.registry(), repository: None, format };
        let state = self.store().view(FindPage { of }).await?;
        self.rendered(of, state.map_or(0, |state| state.revision)).await
    }

    /// Puts what was rendered since the last call into the store, so that the next process finds it there; says how many
    /// pages' bodies.
    ///
    /// # Errors
    /// `Unavailable`; what was put there by then stays, and the rest is the next call's.
    pub async fn keep_pages(&self) -> Result<u64> {
        let mut kept = 0;
        for (of, slot, rendered) in self.0.shelf.fresh() {
            let bodies = rendered.rows();
            let count = bodies.len() as u64;
            let keep = KeepBodies { of, revision: rendered.revision, bodies };
            kept += if self.store().commit(keep).await? { count } else { 0 };
            slot.was_kept(&rendered);
        }
        Ok(kept)
    }

    /// Has a page rendered that was moved on, and waits for nothing. Of many pushes in a row one renders and one rests, who
    /// will find what all others pushed.
    pub(crate) fn refresh(&self, of: PageOf) {
        let slot = self.0.shelf.slot(of);
        if !slot.await_turn() {
            return;
        }
        let registry = self.clone();
        tokio::spawn(async move {
            sleep(REST).await;
            let _turn = slot.take_turn().await;
            if let Err(error) = registry.render_anew(of, &slot).await {
                tracing::warn!(?error, format = of.format, "page could not be rendered, its reader will try");
            }
        });
    }

    async fn render_anew(&self, of: PageOf, slot: &Slot) -> Result<()> {
        match self.store().view(FindPage { of }).await? {
            Some(state) if (state.listed || of.repository.is_none()) && slot.at(state.revision).is_none() => {
                self.render(of, slot).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// The pages as of a revision or a later one: from memory, from the store, or rendered, by one for all who wait.
    async fn rendered(&self, of: PageOf, revision: i64) -> Result<Arc<Rendered>> {
        let slot = self.0.shelf.slot(of);
        if let Some(rendered) = slot.at(revision) {
            return Ok(rendered);
        }
        let registry = self.clone();
        on_its_own(async move {
            let _turn = slot.turn().await;
            match slot.at(revision) {
                Some(rendered) => Ok(rendered),
                None => registry.render(of, &slot).await,
            }
        })
        .await
    }

    async fn render(&self, of: PageOf, slot: &Slot) -> Result<Arc<Rendered>> {
        let format = self.formats().iter().find(|format| format.name() == of.format).cloned();
        let format: Arc<dyn Format> =
            format.ok_or_else(|| Error::new(Kind::Unsupported, "this format is not served here"))?;
        let read = ReadPage { of, of_registry: format.registry_page() };
        let (rendered, found) = match self.store().view(read).await? {
            Read::Kept(kept) => (kept, Found::InStore),
            Read::Listing(revision, listing) => {
                let rendering = spawn_blocking(move || Rendered::of(revision, format.pages(&listing)?));
                (rendering.await.map_err(Error::internal)??, Found::Nowhere)
            }
        };
        let rendered = Arc::new(rendered);
        slot.put(rendered.clone(), found);
        self.0.shelf.trim();
        Ok(rendered)
    }
}

pub(crate) struct FindPage {
    pub(crate) of: PageOf,
}

#[async_trait]
impl Transaction for FindPage {
    type Output = Option<PageState>;

    async fn run(&self, work: &mut dyn Work) -> Result<Option<PageState>> {
        work.page(self.of).await
    }
}

/// What a page is made of, as of one moment.
struct ReadPage {
    of: PageOf,
    of_registry: RegistryPage,
}

enum Read {
    Kept(Rendered),
    Listing(i64, Listing),
}

#[async_trait]
impl Transaction for ReadPage {
    type Output = Read;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<Read> {
        let of = self.of;
        let revision = work.page(of).await?.map_or(0, |state| state.revision);
        if let Some(kept) = Rendered::kept(revision, work.page_bodies(of, revision).await?) {
            return Ok(Read::Kept(kept));
        }
        let listing = match (of.repository, self.of_registry) {
            (Some(repository), _) => Listing::Repository(shown(work, repository, of.format).await?),
            (None, RegistryPage::Subjects) => {
                Listing::Registry(all_subjects(work, (of.registry, of.format)).await?)
            }
            (None, RegistryPage::Facts) => all_shown(work, (of.registry, of.format)).await?,
        };
        Ok(Read::Listing(revision, listing))
    }
}

struct ReadListing {
    repository: RepositoryId,
    format: &'static str,
}

#[async_trait]
impl Transaction for ReadListing {
    type Output = RepositoryListing;

    fn extent(&self) -> Extent {
        Extent::List
    }

    async fn run(&self, work: &mut dyn Work) -> Result<RepositoryListing> {
        shown(work, self.repository, self.format).await
    }
}

async fn shown(work: &mut dyn Work, repository: RepositoryId, format: &str) -> Result<RepositoryListing> {
    let found = work.repository(repository).await?.ok_or_else(|| Error::not_found(Subject::Name))?;
    Ok(RepositoryListing {
        place: found.place,
        rows: all_listed(work, (repository, format), None).await?,
        notices: all_notices(work, (repository, format)).await?,
        beside: all_beside(work, (repository, format)).await?,
    })
}

struct KeepBodies {
    of: PageOf,
    revision: i64,
    bodies: Vec<PageBody>,
}

#[async_trait]
impl Transaction for KeepBodies {
    type Output = bool;

    async fn run(&self, work: &mut dyn Work) -> Result<bool> {
        work.keep_bodies(self.of, self.revision, &self.bodies).await
    }
}
