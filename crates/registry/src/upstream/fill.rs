//! Fetching a file: once for all who want it, straight into the store, with whoever came first reading along. What is not
//! what its digest promises is stored nowhere, and whoever read along sees his body cut. Whoever fetches has a turn before he
//! opens a connection, and never one of those that clients push in.

use std::{io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use tracing::Instrument as _;
use wharf_core::{
    ByteStream, Detail, Digest, Error, Grant, Kind, Place, Result, Subject,
    action::{Pull, Push},
};
use wharf_hash::Extra;

use super::{
    Proxy, Upstreams,
    along::{Along, Reader, along},
    flight::{Flight, Waiters},
    next,
};
use crate::{
    Finished, Taps, Turn,
    port::{UpstreamAnswer, UpstreamAsk, UpstreamBody},
};

/// How long a fetch goes on that nobody waits for any more: whoever was cut off comes again.
const LINGER: Duration = Duration::from_secs(30);
/// How often it looks whether anybody does.
const LOOK: Duration = Duration::from_secs(1);

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

/// A fetch whose upstream has answered.
struct Begun {
    flight: Flight,
    turn: Turn,
    grant: Grant<Push>,
    found: UpstreamBody,
}

/// Everybody who waits for a file.
struct Audience {
    reader: Option<Reader>,
    waiters: Waiters,
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
    /// Fetches a file into a repository of a proxy, unless it is there. Whoever waits for his turn, or for the upstream to
    /// answer, and goes away, has asked for nothing; once bytes come the fetch goes on for a while when its reader goes away,
    /// and to its end if somebody else waits for it.
    ///
    /// # Errors
    /// `NotFound` where the upstream has none; `RateLimited` where too much is fetched at once; those of the way there, and
    /// of the store.
    pub async fn fetch(&self, proxy: &Proxy, wanted: FileWanted, keep: Keep) -> Result<Fetching> {
        let Some(begun) = self.begin(proxy, &wanted).await? else { return Ok(Fetching::Here) };
        let (along, body) = along();
        let coming = Coming { length: begun.found.length, body };
        let (upstreams, proxy) = (self.clone(), proxy.clone());
        let fill = async move { upstreams.fill((&proxy, wanted.digest), begun, (along, keep)).await };
        tokio::spawn(fill.in_current_span());
        Ok(Fetching::Coming(coming))
    }

    async fn fill(&self, (proxy, digest): (&Proxy, Digest), begun: Begun, (along, keep): (Along, Keep)) {
        let Begun { flight, turn, grant, found } = begun;
        let audience = Audience { reader: along.reader(), waiters: flight.waiters() };
        let along = Arc::new(Mutex::new(along));
        let body = tee(found.body, along.clone(), audience);
        match self.store(grant, (digest, body), keep).await {
            Ok(()) => self.0.meters.files_fetched.increment(),
            Err(error) => {
                self.0.meters.files_failed.increment();
                let upstream = &proxy.upstream.url;
                return tracing::warn!(%upstream, %digest, ?error, "a file of an upstream was not kept");
            }
        }
        // It is here: nobody need wait for a slow reader.
        drop((flight, turn));
        if let Ok(along) = Arc::try_unwrap(along) {
            along.into_inner().end().await;
        }
    }

    /// Takes the turns, looks whether the file has come meanwhile, and asks for it if not.
    async fn begin(&self, proxy: &Proxy, wanted: &FileWanted) -> Result<Option<Begun>> {
        let registry = &self.0.registry;
        let flight = self.flight(format!("file {} {}", proxy.registry.0, wanted.digest)).await?;
        let grant = self.grant_keeping(proxy, &wanted.place).await?;
        let read = registry.grant::<Pull>(grant.actor(), &wanted.place).await?;
        if registry.stat_blob(&read, &wanted.digest).await.is_ok() {
            return Ok(None);
        }
        let turn = next(&self.0.files, proxy).await?;
        let (url, most) = (wanted.url.clone(), wanted.most);
        let ask = UpstreamAsk { url, accept: "*/*", known: None, most };
        match self.ask(proxy, ask).await? {
            UpstreamAnswer::Found(found) if found.length.is_some_and(|length| length > most) => {
                Err(Error::new(Kind::TooLarge, format!("the file has more than {most} bytes")))
            }
            UpstreamAnswer::Found(found) => Ok(Some(Begun { flight, turn, grant, found })),
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
        let stored = registry.push_fetched(&grant, digest, body, taps).await;
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
    /// `RateLimited` where too much is fetched at once; those of the way there; `Unavailable` where it breaks off or has
    /// more than `most` bytes.
    pub async fn whole(&self, proxy: &Proxy, path: &str, most: usize) -> Result<Option<Bytes>> {
        let _turn = next(&self.0.files, proxy).await?;
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

impl Audience {
    fn is_there(&self) -> bool {
        self.reader.as_ref().is_some_and(Reader::is_there) || self.waiters.are_there()
    }

    /// Comes back when nobody has been there for so long.
    async fn gone(self) {
        let mut last = Instant::now();
        while last.elapsed() < LINGER {
            sleep(LOOK).await;
            if self.is_there() {
                last = Instant::now();
            }
        }
    }
}

/// A body that somebody reads along, and that breaks off when its audience is gone.
fn tee(body: ByteStream, along: Arc<Mutex<Along>>, audience: Audience) -> ByteStream {
    let gone = audience.gone().boxed().fuse();
    let next = |(mut body, along, mut gone): (ByteStream, Arc<Mutex<Along>>, _)| async move {
        let piece = tokio::select! {
            piece = body.next() => piece?,
            () = &mut gone => Err(io::Error::new(io::ErrorKind::TimedOut, "nobody waits for it any more")),
        };
        if let Ok(piece) = &piece {
            along.lock().await.pass(piece.clone()).await;
        }
        Some((piece, (body, along, gone)))
    };
    Box::pin(stream::unfold((body, along, gone), next))
}

#[cfg(test)]
mod tests {
    use super::{super::flight::Flights, *};

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_nobody_waits_for_is_given_up_and_one_that_somebody_does_is_not() {
        let flights = Flights::default();
        let flight = flights.alone("file").await;
        let (along, reader) = along();
        let audience = Audience { reader: along.reader(), waiters: flight.waiters() };
        let mut body = tee(stream::pending().boxed(), Arc::new(Mutex::new(along)), audience);
        let mut waits = async |patience| tokio::time::timeout(patience, body.next()).await.is_err();
        assert!(waits(LINGER * 10).await, "given up while somebody reads");
        drop(reader);
        let another = Box::pin(flights.alone("file"));
        let another = futures_util::future::select(another, Box::pin(std::future::ready(()))).await;
        assert!(waits(LINGER * 10).await, "given up while somebody waits");
        drop(another);
        assert!(waits(LINGER / 2).await, "given up at once");
        assert!(body.next().await.unwrap().is_err());
    }
}
