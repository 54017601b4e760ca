//! Registries that have their content from elsewhere: what a proxy fetches, and what a virtual registry shows.
//!
//! A face asks [`Upstreams`] with the grant of its caller, and gets a [`Proxy`] or a [`View`], without which nothing is
//! fetched. What is fetched is asked for once, however many wait for it and on however many nodes (`flight`); it is
//! held against its digest and stored by a job's push, while the reader who came first reads along (`fill`). What an
//! upstream says of itself is kept as a document, asked for again when its time is over, and served as it was while the
//! upstream is away (`document`).

mod along;
mod document;
mod fill;
mod flight;
mod memory;
mod rows;
mod view;

use std::sync::Arc;

use wharf_core::{
    Actor, Error, Grant, Guard, Kind, OrganisationName, Place, Protocol, RegistryGrant, RegistryKind, Result,
    Subject, Upstream,
    action::{Pull, Push},
    gate::RegistryId,
    meter::Counter,
};

pub use self::{
    document::{Arrived, Document, DocumentWanted, Lasting, Read},
    fill::{Coming, Fetching, FileWanted, Keep, Stored},
    flight::Flight,
    view::{Local, ShownRegistry, View},
};
use self::{flight::Flights, memory::Memory, rows::FindSource};
use crate::{
    Registry, Turn, Turns,
    port::{UpstreamAnswer, UpstreamAsk, UpstreamDoor},
};

/// How many files are fetched at once, and how many of them for one organisation.
const FILES: (usize, usize) = (128, 16);
/// The same of what upstreams say of themselves, which is small, so that nobody waits with it for files.
const DOCUMENTS: (usize, usize) = (32, 8);
/// How many documents that came are read at once, which takes several times their size.
const READINGS: (usize, usize) = (4, 2);
/// The most connections to upstreams that something is fetched over at once. Each file is being written meanwhile.
pub const MOST_CONNECTIONS: usize = FILES.0 + DOCUMENTS.0;

/// For how many seconds an upstream that did not answer is not asked for documents.
const SILENCE: i64 = 15;

/// What an operator may set about upstreams.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamSettings {
    /// For how many seconds nobody asks again what an upstream said of itself.
    pub lifetime: i64,
    /// The most bytes that are kept of what the upstream of one registry said of itself, as they are kept: packed.
    pub kept: u64,
}

/// What is counted of the work.
#[derive(Debug, Default)]
pub struct UpstreamMeters {
    /// Documents that came from upstreams.
    pub documents_fetched: Counter,
    /// Documents that upstreams said still stand.
    pub documents_unchanged: Counter,
    /// Times a document was served as it was, for its upstream was away.
    pub documents_stale: Counter,
    /// Files that were fetched and stored.
    pub files_fetched: Counter,
    /// Files that were not what they were promised to be, or did not come to their end.
    pub files_failed: Counter,
}

/// Registries that have their content from elsewhere. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Upstreams(Arc<Inner>);

struct Inner {
    registry: Registry,
    door: Arc<dyn UpstreamDoor>,
    settings: UpstreamSettings,
    flights: Flights,
    files: Turns,
    documents: Turns,
    readings: Turns,
    memory: Memory,
    meters: UpstreamMeters,
}

/// A proxy that somebody may read from.
#[derive(Clone, Debug)]
pub struct Proxy {
    registry: RegistryId,
    /// Whose it is, who has a share of what is read of all upstreams at once.
    organisation: OrganisationName,
    upstream: Upstream,
    guard: Guard,
}

impl Proxy {
    /// Whose it is.
    pub const fn organisation(&self) -> &OrganisationName {
        &self.organisation
    }

    /// The registry.
    pub const fn registry(&self) -> RegistryId {
        self.registry
    }

    /// What it fetches from.
    pub const fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What it does not let through.
    pub const fn guard(&self) -> &Guard {
        &self.guard
    }
}

impl Upstreams {
    /// Fetches through a door, for the registries of an engine.
    pub fn new(registry: Registry, door: Arc<dyn UpstreamDoor>, settings: UpstreamSettings) -> Self {
        let (flights, memory, meters) = Default::default();
        let (files, documents) = (Turns::new(FILES.0, FILES.1), Turns::new(DOCUMENTS.0, DOCUMENTS.1));
        let readings = Turns::new(READINGS.0, READINGS.1);
        Self(Arc::new(Inner {
            registry,
            door,
            settings,
            flights,
            files,
            documents,
            readings,
            memory,
            meters,
        }))
    }

    /// What is counted of the work.
    pub fn meters(&self) -> &UpstreamMeters {
        &self.0.meters
    }

    /// The registry whose content it is that is fetched.
    pub fn engine(&self) -> &Registry {
        &self.0.registry
    }

    /// The time, for what is hidden for a while.
    pub fn now(&self) -> wharf_core::Timestamp {
        self.0.registry.now()
    }

    /// The proxy in which a repository lies; none where its registry is of another kind.
    ///
    /// # Errors
    /// `NotFound` where the upstream speaks something else; `Unavailable`.
    pub async fn proxy(&self, grant: &Grant<Pull>, protocol: Protocol) -> Result<Option<Proxy>> {
        match grant.registry() {
            Some(registry) if registry.kind == RegistryKind::Proxy => {
                self.proxy_of(registry.id, &grant.place().organisation, protocol).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The registry of a grant as a proxy; none where it is of another kind.
    ///
    /// # Errors
    /// As [`Upstreams::proxy`].
    pub async fn proxy_registry(&self, grant: &RegistryGrant, protocol: Protocol) -> Result<Option<Proxy>> {
        match grant.kind() {
            RegistryKind::Proxy => {
                self.proxy_of(grant.registry(), grant.organisation(), protocol).await.map(Some)
            }
            RegistryKind::Hosted | RegistryKind::Virtual => Ok(None),
        }
    }

    /// The right to store what was fetched, in a repository of the proxy: a job's.
    ///
    /// # Errors
    /// `Internal` for a repository of another registry; `Unavailable`.
    pub async fn grant_keeping(&self, proxy: &Proxy, place: &Place) -> Result<Grant<Push>> {
        let grant = self.0.registry.grant::<Push>(&job(), place).await?;
        match grant.registry() {
            Some(registry) if registry.id == proxy.registry => Ok(grant),
            _ => Err(Error::internal("what is fetched is to be stored in another registry")),
        }
    }

    /// Asks the upstream of a proxy. What is wrong with it is for the log: a reader has done nothing wrong, and what lies
    /// where is none of his business.
    async fn ask(&self, proxy: &Proxy, ask: UpstreamAsk) -> Result<UpstreamAnswer> {
        let asked = self.0.door.ask(&proxy.upstream, ask).await;
        match asked.as_ref().map_err(Error::kind) {
            Err(Kind::Unavailable | Kind::Timeout) => {
                self.note_silence(proxy);
            }
            _ => self.0.memory.note_answer(proxy.registry),
        }
        let away = |error| Error::new(Kind::Unavailable, "the upstream cannot be asked now").because(error);
        asked.map_err(away)
    }

    /// Remembers for a while that an upstream does not answer.
    fn note_silence(&self, proxy: &Proxy) {
        self.0.memory.note_silence(proxy.registry, self.now().plus_seconds(SILENCE));
    }

    async fn proxy_of(
        &self,
        registry: RegistryId,
        organisation: &OrganisationName,
        protocol: Protocol,
    ) -> Result<Proxy> {
        let source = self.0.registry.store().view(FindSource { registry }).await?;
        let upstream = source.upstream.ok_or_else(|| Error::not_found(Subject::Name))?;
        if upstream.protocol != protocol {
            let words = format!("the upstream of this registry speaks {}", upstream.protocol.word());
            return Err(Error::new(Kind::NotFound(Subject::Name), words));
        }
        Ok(Proxy { registry, organisation: organisation.clone(), upstream, guard: source.guard })
    }
}

/// Waits for the turn to fetch. Whoever has none opens no connection.
async fn next(turns: &Turns, proxy: &Proxy) -> Result<Turn> {
    let busy =
        |error| Error::new(Kind::RateLimited, "too much is being fetched at once, try again").because(error);
    turns.next(&proxy.organisation).await.map_err(busy)
}

/// Who fetches, and looks whose a name is: nobody who asked, for what is stored is not his.
#[expect(clippy::disallowed_methods, reason = "what a proxy fetches is stored by a job")]
fn job() -> Actor {
    Actor::job("fetch")
}
