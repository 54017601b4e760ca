//! Fetching a file: once for all who want it, straight into the store, with whoever came first reading along. What is not
//! what its digest promises is stored nowhere, and whoever read along sees his body cut.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use tokio::sync::{Mutex, oneshot};
use tracing::Instrument as _;
use wharf_core::{
    ByteStream, Detail, Digest, Error, Grant, Kind, Place, Result, Subject,
    action::{Pull, Push},
};
use wharf_hash::Extra;

use super::{
    Proxy, Upstreams,
    along::{Along, along},
    flight::Flight,
};
use crate::{
    Finished, Taps,
    port::{UpstreamAnswer, UpstreamAsk, UpstreamBody},
};

/// A file that is wanted.
#[derive(Clone, Debug)]
pub struct FileWanted {
    /// Where the upstream has it.
    pub url: String,
    /// What it must be.
    pub digest: Digest,
    /// The repository it is to lie in, of the proxy's registry.
    pub place: Place,
    /// The most bytes that it may have.
    pub most: u64,
}

/// A file whose bytes are stored, and that nothing names yet.
pub struct Stored {
    /// The right to name it.
    pub grant: Grant<Push>,
    /// What was stored, with its MD5 and its BLAKE2b-256.
    pub file: Finished,
}

/// Names a file that was stored, so that it stays.
pub type Keep = Box<dyn FnOnce(Stored) -> BoxFuture<'static, Result<()>> + Send>;

/// What became of a wish for a file.
pub enum Fetching {
    /// It is in its repository.
    Here,
    /// It is on its way.
    Coming(Coming),
}

/// A file on its way.
pub struct Coming {
    /// How many bytes it has, if the upstream says so.
    pub length: Option<u64>,
    /// The bytes as they come. They break off if they turn out not to be the file, or cannot be stored.
    pub body: ByteStream,
}

impl Fetching {
    /// Waits until the file is in its repository.
    ///
    /// # Errors
    /// `Unavailable` where it does not get there.
    pub async fn arrived(self) -> Result<()> {
        let Self::Coming(Coming { mut body, .. }) = self else { return Ok(()) };
        while let Some(piece) = body.next().await {
            let cut = |error| {
                Error::new(Kind::Unavailable, "the upstream did not send what it promised").because(error)
            };
            piece.map_err(cut)?;
        }
        Ok(())
    }
}

impl Upstreams {
    /// Fetches a file into a repository of a proxy, unless it is there. The fetch goes on when its reader goes away.
    ///
    /// # Errors
    /// `NotFound` where the upstream has none; those of the way there, and of the store.
    pub async fn fetch(&self, proxy: &Proxy, wanted: FileWanted, keep: Keep) -> Result<Fetching> {
        let (head, told) = oneshot::channel();
        let (upstreams, proxy) = (self.clone(), proxy.clone());
        let fill = async move { upstreams.fill(&proxy, wanted, (keep, head)).await };
        tokio::spawn(fill.in_current_span());
        told.await.unwrap_or_else(|error| Err(Error::internal(error)))
    }

    async fn fill(
        &self,
        proxy: &Proxy,
        wanted: FileWanted,
        (keep, head): (Keep, oneshot::Sender<Result<Fetching>>),
    ) {
        // Whoever asked may have gone; what he asked for comes all the same.
        let (flight, grant, found) = match self.begin(proxy, &wanted).await {
            Ok(Some(begun)) => begun,
            Ok(None) => return drop(head.send(Ok(Fetching::Here))),
            Err(error) => return drop(head.send(Err(error))),
        };
        let (along, body) = along();
        let coming = Coming { length: found.length, body };
        drop(head.send(Ok(Fetching::Coming(coming))));
        let along = Arc::new(Mutex::new(along));
        match self.store(grant, (wanted.digest, tee(found.body, along.clone())), keep).await {
            Ok(()) => self.0.meters.files_fetched.increment(),
            Err(error) => {
                self.0.meters.files_failed.increment();
                let upstream = &proxy.upstream.url;
                return tracing::warn!(%upstream, digest = %wanted.digest, ?error, "a file of an upstream was not kept");
            }
        }
        // It is here: nobody need wait for a slow reader.
        drop(flight);
        if let Ok(along) = Arc::try_unwrap(along) {
            along.into_inner().end().await;
        }
    }

    /// Takes the turn, looks whether the file has come meanwhile, and asks for it if not.
    async fn begin(
        &self,
        proxy: &Proxy,
        wanted: &FileWanted,
    ) -> Result<Option<(Flight, Grant<Push>, UpstreamBody)>> {
        let registry = &self.0.registry;
        let flight = self.flight(format!("file {} {}", proxy.registry.0, wanted.digest)).await?;
        let grant = self.grant_keeping(proxy, &wanted.place).await?;
        let read = registry.grant::<Pull>(grant.actor(), &wanted.place).await?;
        if registry.stat_blob(&read, &wanted.digest).await.is_ok() {
            return Ok(None);
        }
        let (url, most) = (wanted.url.clone(), wanted.most);
        let ask = UpstreamAsk { url, accept: "*/*", known: None, most };
        match self.ask(proxy, ask).await? {
            UpstreamAnswer::Found(found) if found.length.is_some_and(|length| length > most) => {
                Err(Error::new(Kind::TooLarge, format!("the file has more than {most} bytes")))
            }
            UpstreamAnswer::Found(found) => Ok(Some((flight, grant, found))),
            UpstreamAnswer::Missing | UpstreamAnswer::Unchanged => {
                Err(Error::new(Kind::NotFound(Subject::Blob), "the upstream has no such file"))
            }
        }
    }

    async fn store(
        &self,
        grant: Grant<Push>,
        (digest, body): (Digest, ByteStream),
        keep: Keep,
    ) -> Result<()> {
        let registry = &self.0.registry;
        let taps = Taps::none().digest(Extra::Md5).digest(Extra::Blake2b256);
        let stored = registry.push_blob(&grant, digest, body, taps).await;
        let file = stored.map_err(|error| match error.detail() {
            Some(Detail::Digest) => {
                Error::new(Kind::Invalid, "what the upstream sent is not what it promised").because(error)
            }
            _ => error,
        })?;
        // The repository may have come to be with these bytes.
        let grant = registry.regrant(&grant).await?;
        keep(Stored { grant, file }).await
    }
}

impl Upstreams {
    /// The turn to fetch something by oneself, which goes by this name in its registry.
    ///
    /// # Errors
    /// `Unavailable` where somebody else takes too long.
    pub async fn turn(&self, proxy: &Proxy, name: &str) -> Result<Flight> {
        self.flight(format!("file {} {name}", proxy.registry.0)).await
    }

    /// Something small below the upstream's address, whole; none where there is none. Nobody vouches for it.
    ///
    /// # Errors
    /// Those of the way there; `Unavailable` where it breaks off or has more than `most` bytes.
    pub async fn whole(&self, proxy: &Proxy, path: &str, most: usize) -> Result<Option<Bytes>> {
        let url = proxy.upstream.url.below(path)?;
        let ask = UpstreamAsk { url, accept: "*/*", known: None, most: most as u64 };
        let UpstreamAnswer::Found(found) = self.ask(proxy, ask).await? else { return Ok(None) };
        let broken = |error| Error::new(Kind::Unavailable, "the upstream broke off").because(error);
        let whole: BytesMut = found.body.try_collect().await.map_err(broken)?;
        let is_cut = found.length.is_some_and(|length| length != whole.len() as u64);
        if is_cut {
            Err(Error::new(Kind::Unavailable, "the upstream broke off"))
        } else {
            Ok(Some(whole.freeze()))
        }
    }
}

/// A body that somebody reads along.
fn tee(body: ByteStream, along: Arc<Mutex<Along>>) -> ByteStream {
    let next = |(mut body, along): (ByteStream, Arc<Mutex<Along>>)| async move {
        let piece = body.next().await?;
        if let Ok(piece) = &piece {
            along.lock().await.pass(piece.clone()).await;
        }
        Some((piece, (body, along)))
    };
    Box::pin(stream::unfold((body, along), next))
}
