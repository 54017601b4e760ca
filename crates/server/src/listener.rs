//! The accept loop: one for TCP and for local sockets, plain or with TLS.
//!
//! It is our own because what guards a server sits on the connection: the time a handshake and a head may take, the
//! size and number of headers, streams and resets of HTTP/2, the number of connections in all and of one client, and
//! the way out at shutdown. Here a request also learns where it came from, and files leave by `sendfile`.

mod addresses;
mod counts;
mod guarded;
mod room;
mod sending;
mod socket;
mod streams;
mod tls;

use std::{
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Request, Version},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt as _;
use wharf_core::Patience;
use wharf_http::{Peer, Proxies, Scheme, Seen};

use self::{
    addresses::{Addresses, Place},
    counts::{Ending, Open},
    guarded::Guarded,
    room::Reader,
    sending::{Outgoing, Parts, Sender},
    streams::Streams,
};
pub(crate) use self::{
    counts::Counts,
    room::Room,
    socket::Socket,
    tls::{Files, Tls},
};
use crate::{front::MOST_HEADERS, lingering::Lingering};

/// What is listened on, and how.
pub(crate) struct Listener {
    pub(crate) socket: Socket,
    /// Speaks TLS, if it is to be spoken.
    pub(crate) tls: Option<Tls>,
    /// Whose word counts on where a request came from.
    pub(crate) proxies: Proxies,
    pub(crate) limits: Limits,
    /// For what answers hold in memory.
    pub(crate) room: Arc<Room>,
    pub(crate) counts: Arc<Counts>,
}

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A TLS handshake must be complete after so long.
    pub(crate) handshake_timeout: Duration,
    /// A request's head must be complete after so long.
    pub(crate) header_timeout: Duration,
    /// How long a stopping server lets running requests finish.
    pub(crate) shutdown_grace: Duration,
    /// The most connections at once.
    pub(crate) connections: usize,
    /// The most connections of one client.
    pub(crate) connections_per_address: usize,
    /// Largest head of a request, in bytes.
    pub(crate) head_size: usize,
    /// For a peer that sends a body or takes an answer.
    pub(crate) patience: Patience,
}

/// How long a body may take to get going.
const START: Duration = Duration::from_secs(20);
/// What a connection of HTTP/1 may buffer of a request at least, in bytes.
const BUFFER: usize = 128 * 1024;
/// Streams a peer may have open at once on HTTP/2.
const STREAMS: u32 = 100;
/// Streams a peer may have reset before we looked at them, before it is sent away.
const PENDING_RESETS: usize = 20;
/// Streams we may have reset for a peer's mistakes before it is sent away.
const LOCAL_RESETS: usize = 1024;
/// Receive windows of HTTP/2: of a stream, of a connection.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);
/// How often a connection of HTTP/2 is asked whether it is still there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);
/// How long no connection is accepted after one could not be.
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is said that none can be.
const SAY_AGAIN: Duration = Duration::from_secs(5);

impl Listener {
    /// Serves connections until told to stop, then lets running requests finish.
    pub(crate) async fn serve(self, routes: Router, mut stop: watch::Receiver<bool>) {
        let Self { socket, tls, proxies, limits, room, counts } = self;
        let addresses = Addresses::new(limits.connections_per_address);
        let turns = Arc::new(Semaphore::new(limits.connections));
        let connections =
            Arc::new(Connections { routes, tls, proxies, limits, room, counts, builder: builder(limits) });
        loop {
            let accepted = tokio::select! {
                accepted = accept(&socket, &turns, &connections.counts) => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Some((stream, peer, turn)) = accepted else { continue };
            let Ok(place) = connections.place(&addresses, peer) else { continue };
            let (connections, mut stop) = (connections.clone(), stop.clone());
            tokio::spawn(async move {
                let _held = (turn, place, Open::begin(&connections.counts));
                // Who still shakes hands has asked for nothing, and holds no stop up.
                let secured = tokio::select! {
                    secured = connections.secure(stream, peer) => secured,
                    _ = stop.wait_for(|stop| *stop) => None,
                };
                if let Some(secured) = secured {
                    connections.serve(secured, peer, stop).await;
                }
            });
        }
        drop(socket);
        // Each connection gives its turn back at its end.
        let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
        if timeout(limits.shutdown_grace, turns.acquire_many(all)).await.is_err() {
            tracing::warn!("requests were still running at the end of the grace and are cut off");
        }
    }
}

/// What all connections of a listener share.
struct Connections {
    routes: Router,
    tls: Option<Tls>,
    proxies: Proxies,
    limits: Limits,
    room: Arc<Room>,
    counts: Arc<Counts>,
    builder: auto::Builder<TokioExecutor>,
}

/// A connection on which requests may come, and by which scheme.
type Secured = (Box<dyn Stream>, Scheme);

/// A client that holds as many connections as it may.
struct Full;

impl Connections {
    /// A place among those of the peer's. A trusted proxy brings many clients, and nobody knows whom a local socket
    /// brings: they need none.
    fn place(&self, addresses: &Arc<Addresses>, peer: Peer) -> Result<Option<Place>, Full> {
        let Some(address) = peer.0.filter(|_| !self.proxies.trust(peer)) else { return Ok(None) };
        let place = addresses.place(address);
        if place.is_none() {
            self.counts.refused_connections.increment();
            tracing::debug!(%address, "too many connections of one client");
        }
        place.map(Some).ok_or(Full)
    }

    /// A fresh connection after its handshake, if TLS is spoken and that went well.
    async fn secure(&self, stream: Box<dyn Stream>, peer: Peer) -> Option<Secured> {
        let Some(tls) = &self.tls else { return Some((stream, Scheme::Http)) };
        match tls.accept(stream, self.limits.handshake_timeout).await {
            Ok(stream) => Some((stream, Scheme::Https)),
            Err(error) => {
                self.counts.failed_handshakes.increment();
                tracing::debug!(%error, address = ?peer.0, "handshake failed");
                None
            }
        }
    }

    /// Serves one connection to its end, or until it is cut off.
    async fn serve(&self, secured: Secured, peer: Peer, stop: watch::Receiver<bool>) {
        let reader = self.room.reader();
        tokio::select! {
            () = self.serve_to_its_end(secured, peer, &reader, stop) => {}
            () = reader.is_cut() => tracing::debug!(address = ?peer.0, "cut off: it takes no answers"),
        }
    }

    /// It is asked to come to one when the server stops, and when it idles: after
    /// that it takes no new request, and who uses HTTP/2 is told so (GOAWAY) and loses none.
    async fn serve_to_its_end(
        &self,
        (stream, scheme): Secured,
        peer: Peer,
        reader: &Arc<Reader>,
        mut stop: watch::Receiver<bool>,
    ) {
        let Limits { header_timeout, patience, .. } = self.limits;
        let parts = stream.parts().cloned();
        let ending = Ending::of(&self.counts);
        let stream = TokioIo::new(Guarded::new(stream, header_timeout, patience, ending.clone()));
        let streams = Streams::new();
        let service = service_fn(|request: Request<Incoming>| {
            let is_one = request.version() < Version::HTTP_2;
            let parts = parts.clone().filter(|_| is_one);
            let running = if is_one { streams.leave() } else { streams.begin() };
            let reader = reader.clone();
            let answer = self.routes.clone().oneshot(self.receive(request, peer, scheme));
            async move {
                let answer = answer.await.map(|answer| answer.map(|body| reader.count(running, body)));
                answer.map(|answer| Outgoing::of(answer, parts.as_ref()))
            }
        });
        let mut connection = pin!(self.builder.serve_connection(stream, service));
        let told = async {
            tokio::select! {
                () = streams.idle(header_timeout) => ending.count(|counts| &counts.late_heads),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        };
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = told => None,
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            // The one clock of hyper's whose end is an error.
            if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_timeout) {
                ending.count(|counts| &counts.late_heads);
            }
            tracing::debug!(error = %error, "connection ended");
        }
    }

    /// A request as the routes get it: with a body under guard, and with what is known of its way here.
    fn receive(&self, request: Request<Incoming>, peer: Peer, scheme: Scheme) -> Request<Body> {
        let Seen { peer, reached } = self.proxies.read(peer, scheme, request.headers());
        let patience = self.limits.patience.starting_with(START);
        let mut request = request.map(|body| Lingering::around(body, patience, &self.counts));
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(reached);
        request
    }
}

/// More is let through than a head may have, for what hyper refuses has no body that says why.
fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(2 * MOST_HEADERS)
        .max_buf_size(BUFFER.max(4 * limits.head_size))
        .half_close(false)
        // A marker that stands for a file must reach the connection as it is.
        .writev(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(limits.head_size).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}

/// A connection's two ends of bytes, whatever carries them.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The list of files on their way over it, where it can send files.
    fn parts(&self) -> Option<&Parts> {
        None
    }
}

impl Stream for Sender {
    fn parts(&self) -> Option<&Parts> {
        Some(Self::parts(self))
    }
}

impl Stream for UnixStream {}

impl Stream for TlsStream<Box<dyn Stream>> {}

type Accepted = (Box<dyn Stream>, Peer, OwnedSemaphorePermit);

/// The next connection, once there is room for one. An error, such as no descriptor left, costs a pause and no
/// more: what is not accepted waits in the kernel.
async fn accept(socket: &Socket, turns: &Arc<Semaphore>, counts: &Counts) -> Option<Accepted> {
    let turn = turns.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, peer, turn)),
        Err(error) => {
            if !is_of_one_connection(&error) {
                counts.failed_accepts.increment();
                log_refusal(&error);
                sleep(PAUSE).await;
            }
            None
        }
    }
}

/// Says that nothing can be accepted, but not at every try.
fn log_refusal(error: &io::Error) {
    static SAID: Mutex<Option<Instant>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
        *said = Some(Instant::now());
        tracing::warn!(%error, "no connection can be accepted");
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
