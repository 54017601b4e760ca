//! The accept loop: one for TCP and for local sockets, and later for TLS.
//!
//! It is our own because what guards a server sits on the connection: the time a head may take, the size and
//! number of headers, streams and resets of HTTP/2, the number of connections, and the way out at shutdown. The
//! transport is generic, so that TLS and sendfile can enter here.

mod guarded;
mod socket;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};
use tower::ServiceExt as _;
use wharf_http::Peer;

use crate::layers::MOST_HEADERS;

use self::guarded::Guarded;
pub(crate) use self::socket::Socket;

/// What a connection may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// A request's head must be complete after so long.
    pub(crate) header_timeout: Duration,
    /// How long a stopping server lets running requests finish.
    pub(crate) shutdown_grace: Duration,
    /// The most connections at once.
    pub(crate) connections: usize,
}

/// What a connection of HTTP/1 may buffer of a request, in bytes; a head must fit in it.
const BUFFER: usize = 128 * 1024;
/// Largest header list of HTTP/2, in bytes.
const HEADER_LIST: u32 = 16 * 1024;
/// Streams a peer may have open at once on HTTP/2.
const STREAMS: u32 = 100;
/// Streams a peer may have reset before we looked at them, before it is sent away.
const PENDING_RESETS: usize = 20;
/// Receive windows of HTTP/2: of a stream, of a connection.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);
/// How long no connection is accepted after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves connections until told to stop, then lets running requests finish.
pub(crate) async fn serve(socket: Socket, routes: Router, limits: Limits, mut stop: watch::Receiver<bool>) {
    let builder = Arc::new(builder(limits));
    let graceful = GracefulShutdown::new();
    let turns = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&socket, &turns) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Some((stream, peer, turn)) = accepted else { continue };
        let routes = routes.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            routes.clone().oneshot(request)
        });
        let builder = builder.clone();
        let connection = builder
            .serve_connection(TokioIo::new(Guarded::new(stream, limits.header_timeout)), service)
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _turn = turn;
            if let Err(error) = connection.await {
                tracing::debug!(error = %error, "connection ended");
            }
        });
    }
    drop(socket);
    if timeout(limits.shutdown_grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running at the end of the grace and are cut off");
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(MOST_HEADERS)
        .max_buf_size(BUFFER)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEADER_LIST)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// A connection's two ends of bytes, whatever carries them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Accepted = (Box<dyn Stream>, Peer, OwnedSemaphorePermit);

/// The next connection, once there is room for one. An error, such as no descriptor left, costs a pause and no
/// more: what is not accepted waits in the kernel.
async fn accept(socket: &Socket, turns: &Arc<Semaphore>) -> Option<Accepted> {
    let turn = turns.clone().acquire_owned().await.ok()?;
    match socket.accept().await {
        Ok((stream, peer)) => Some((stream, peer, turn)),
        Err(error) => {
            if !is_of_one_connection(&error) {
                log_refusal(&error);
                sleep(PAUSE).await;
            }
            None
        }
    }
}

/// Says that nothing can be accepted, at most every five seconds.
fn log_refusal(error: &io::Error) {
    static SAID: Mutex<Option<Instant>> = Mutex::new(None);
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.is_none_or(|said| said.elapsed() >= Duration::from_secs(5)) {
        *said = Some(Instant::now());
        tracing::warn!(%error, "no connection can be accepted");
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
