//! What upstreams say of themselves: pages, lists, metadata. Kept as their format reads them, asked for again when their
//! time is over, and served as they were while the upstream is away.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use tokio::{task::spawn_blocking, time::timeout};
use wharf_core::{Error, Kind, Result, Timestamp};

use super::{
    Proxy, Upstreams, next,
    rows::{DocumentKey, FindDocument, ReadDocument, RenewDocument, Renewal},
};
use crate::{
    port::{Fetched, FetchedState, UpstreamAnswer, UpstreamAsk, UpstreamBody},
    upload::on_its_own,
};

/// For how many seconds at most nobody asks again for what an upstream does not have.
const ABSENCE: i64 = 60;
/// How long an upstream may take for one, in all.
const PATIENCE: Duration = Duration::from_secs(120);
/// How hard zstd tries.
const ZSTD_LEVEL: i32 = 3;
/// The largest document, in bytes: the most that one unpacks to.
const LARGEST: usize = 256 << 20;
/// What is kept of what came.
pub type Read = Box<dyn FnOnce(&Arrived) -> Result<Bytes> + Send>;

/// For how long a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Until its time is over; then the upstream is asked again.
    Lifetime,
    /// For ever: what its name stands for never changes.
    Forever,
}

/// A document that is wanted.
pub struct DocumentWanted {
    /// What it goes by in its registry.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The media types that are taken.
    pub accept: &'static str,
    /// The most bytes that are taken.
    pub most: usize,
    /// For how long it stands.
    pub lasting: Lasting,
    /// What is kept of what came. It runs on a thread that may block.
    pub read: Read,
}

/// What came from an upstream.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Where it came from in the end.
    pub url: String,
    /// Its media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
}

/// A document that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Document {
    /// Moves when the document changed.
    pub version: i64,
    /// Whether its upstream is away and could not be asked whether it still stands.
    pub is_stale: bool,
}

impl Upstreams {
    /// A document of a proxy's upstream: as it is known while its time lasts, else asked for again, by one for all who
    /// wait. None where the upstream has none.
    ///
    /// # Errors
    /// Those of the way there, where nothing is known of it; those of `read`.
    pub async fn document(&self, proxy: &Proxy, wanted: DocumentWanted) -> Result<Option<Document>> {
        let key = DocumentKey { registry: proxy.registry, name: wanted.name.clone() };
        let known = self.0.registry.store().view(FindDocument(key.clone())).await?;
        let now = self.0.registry.now();
        match &known {
            Some(state) if self.is_fresh(state, wanted.lasting, now) => return Ok(Some(fresh(state))),
            None if self.0.memory.is_absent(proxy.registry, &wanted.name, now) => return Ok(None),
            _ => {}
        }
        match (self.renew(proxy, key, wanted).await, known) {
            (Ok(state), _) => Ok(state.as_ref().map(fresh)),
            (Err(error), Some(known)) if error.is_passing() => {
                self.0.meters.documents_stale.increment();
                Ok(Some(Document { version: known.version, is_stale: true }))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// What is kept of a document.
    ///
    /// # Errors
    /// `NotFound` where it is gone; `Unavailable`.
    pub async fn payload(&self, proxy: &Proxy, name: &str) -> Result<Bytes> {
        let key = DocumentKey { registry: proxy.registry, name: name.to_owned() };
        let packed = self.0.registry.store().view(ReadDocument(key)).await?;
        let packed = packed.ok_or_else(|| Error::not_found(wharf_core::Subject::Name))?;
        let unpack = move || zstd::bulk::decompress(&packed, LARGEST).map_err(Error::internal);
        Ok(spawn_blocking(unpack).await.map_err(Error::internal)??.into())
    }

    fn is_fresh(&self, state: &FetchedState, lasting: Lasting, now: Timestamp) -> bool {
        // A clock that was set back must not make it stand for ever.
        let is_young =
            state.checked_at <= now && now < state.checked_at.plus_seconds(self.0.settings.lifetime);
        lasting == Lasting::Forever || is_young
    }

    /// Asks the upstream, unless somebody else just did. Whoever goes away while he waits for his turn has asked for nothing;
    /// what was asked for comes, and is kept.
    async fn renew(
        &self,
        proxy: &Proxy,
        key: DocumentKey,
        wanted: DocumentWanted,
    ) -> Result<Option<FetchedState>> {
        let asked = self.0.registry.now();
        let flight = self.flight(format!("document {} {}", key.registry.0, key.name)).await?;
        let known = self.0.registry.store().view(FindDocument(key.clone())).await?;
        let now = self.0.registry.now();
        match &known {
            Some(state) if self.is_fresh(state, wanted.lasting, now) || state.checked_at > asked => {
                return Ok(known);
            }
            None if self.0.memory.is_absent(proxy.registry, &wanted.name, now) => return Ok(None),
            _ if self.0.memory.is_silent(proxy.registry, now) => {
                return Err(Error::new(Kind::Unavailable, "the upstream did not answer a moment ago"));
            }
            _ => {}
        }
        let turn = next(&self.0.documents, proxy).await?;
        let (upstreams, proxy) = (self.clone(), proxy.clone());
        let known = known.and_then(|state| state.etag);
        on_its_own(async move {
            let renewed = upstreams.renew_now(&proxy, (key, known), wanted).await;
            drop((flight, turn));
            renewed
        })
        .await
    }

    async fn renew_now(
        &self,
        proxy: &Proxy,
        (key, known): (DocumentKey, Option<String>),
        wanted: DocumentWanted,
    ) -> Result<Option<FetchedState>> {
        let renewal = self.bring(proxy, wanted, known).await.inspect_err(|error| {
            tracing::warn!(upstream = %proxy.upstream.url, ?error, "an upstream could not be asked");
        })?;
        if matches!(renewal, Renewal::Gone) {
            let until = self.0.registry.now().plus_seconds(self.0.settings.lifetime.min(ABSENCE));
            self.0.memory.note_absence(proxy.registry, &key.name, until);
        }
        let most = self.0.settings.kept;
        let renew = RenewDocument { key, renewal, most, now: self.0.registry.now() };
        self.0.registry.store().commit(renew).await
    }

    async fn bring(&self, proxy: &Proxy, wanted: DocumentWanted, known: Option<String>) -> Result<Renewal> {
        let DocumentWanted { url, accept, most, read, .. } = wanted;
        let ask = UpstreamAsk { url, accept, known, most: most as u64 };
        let late = |error| {
            self.note_silence(proxy);
            Error::new(Kind::Unavailable, "the upstream takes too long").because(error)
        };
        let (arrived, etag) = match timeout(PATIENCE, self.arrive(proxy, ask)).await.map_err(late)?? {
            Arrival::Missing => return Ok(Renewal::Gone),
            Arrival::Unchanged => {
                self.0.meters.documents_unchanged.increment();
                return Ok(Renewal::Stands);
            }
            Arrival::Whole(arrived, etag) => (arrived, etag),
        };
        let reading = self.0.readings.next(&proxy.organisation).await?;
        let keep = move || {
            // Who waits for it may go away; the work goes on, and its turn with it.
            let _reading = reading;
            let kept = read(&arrived)?;
            zstd::bulk::compress(&kept, ZSTD_LEVEL).map(Bytes::from).map_err(Error::internal)
        };
        let payload = spawn_blocking(keep).await.map_err(Error::internal)??;
        self.0.meters.documents_fetched.increment();
        Ok(Renewal::Came(Fetched { etag, payload }))
    }

    /// What an upstream says, to its end.
    async fn arrive(&self, proxy: &Proxy, ask: UpstreamAsk) -> Result<Arrival> {
        let found = match self.ask(proxy, ask).await? {
            UpstreamAnswer::Missing => return Ok(Arrival::Missing),
            UpstreamAnswer::Unchanged => return Ok(Arrival::Unchanged),
            UpstreamAnswer::Found(found) => found,
        };
        let UpstreamBody { url, media_type, etag, body, .. } = found;
        let broken = |error| Error::new(Kind::Unavailable, "the upstream broke off").because(error);
        let bytes: BytesMut = body.try_collect().await.map_err(broken)?;
        Ok(Arrival::Whole(Arrived { url, media_type, bytes: bytes.freeze() }, etag))
    }
}

/// What an upstream said, whole.
enum Arrival {
    Missing,
    Unchanged,
    /// With its entity tag.
    Whole(Arrived, Option<String>),
}

const fn fresh(state: &FetchedState) -> Document {
    Document { version: state.version, is_stale: false }
}
