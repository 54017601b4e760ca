//! A connection that must say something soon, and take what it asked for.
//!
//! hyper times a request's head once it knows the protocol; before that nobody does, and nobody
//! times a peer that asks for a blob and then does not read it. Either would hold a place among the connections
//! for ever.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// So many bytes a peer must have sent before it is left to hyper's own clock: the preface of HTTP/2, up to whose
/// end hyper waits without one.
const PREFACE: usize = 24;

/// How long a peer may take nothing of an answer.
const STALLED: Duration = Duration::from_secs(60);

pub(super) struct Guarded<S> {
    stream: S,
    /// Runs until the first bytes have come.
    silent: Option<Pin<Box<Sleep>>>,
    received: usize,
    /// Runs while the peer takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Guards a fresh connection, whose first bytes must come within `patience`.
    pub(super) fn new(stream: S, patience: Duration) -> Self {
        Self { stream, silent: Some(Box::pin(sleep(patience))), received: 0, stalled: None }
    }

    /// Passes on what came of a write, unless the peer has taken nothing for too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALLED)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.received = self.received.saturating_add(buffer.filled().len() - before);
        if self.received >= PREFACE {
            self.silent = None;
        }
        let Some(silent) = self.silent.as_mut() else { return read };
        if read.is_ready() {
            return read;
        }
        ready!(silent.as_mut().poll(context));
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_let_go_and_one_that_spoke_may_pause() {
        let (mut peer, stream) = duplex(16);
        let mut guarded = Guarded::new(stream, Duration::from_secs(10));
        assert_eq!(guarded.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        let (mut talker, stream) = duplex(16);
        let mut guarded = Guarded::new(stream, Duration::from_secs(10));
        talker.write_all(b"GET / HT").await.unwrap();
        guarded.read_exact(&mut [0; 8]).await.unwrap();
        talker.write_all(b"TP/1.1 and more.").await.unwrap();
        guarded.read_exact(&mut [0; 16]).await.unwrap();
        let pause = tokio::time::timeout(Duration::from_secs(100), guarded.read_u8());
        assert!(pause.await.is_err(), "it is hyper that times what comes after");
        let (mut mumbler, stream) = duplex(16);
        let mut guarded = Guarded::new(stream, Duration::from_secs(10));
        mumbler.write_all(b"PRI *").await.unwrap();
        guarded.read_exact(&mut [0; 5]).await.unwrap();
        assert_eq!(guarded.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        peer.shutdown().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_let_go() {
        let (_peer, stream) = duplex(4);
        let mut guarded = Guarded::new(stream, Duration::from_secs(10));
        assert_eq!(guarded.write_all(b"more than fits").await.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
