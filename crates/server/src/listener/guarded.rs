//! A connection that must say something soon, and take what it asked for.
//!
//! hyper times a request's head once it knows the protocol; before that nobody does, and nobody
//! times a peer that asks for a blob and then does not read it, or a byte at a time. Either would hold a place among
//! the connections for ever.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};
use wharf_core::Patience;

use super::counts::Ending;

/// So many bytes a peer must have sent before it is left to hyper's own clock: the preface of HTTP/2, up to whose
/// end hyper waits without one.
const PREFACE: usize = 24;

pub(super) struct Guarded<S> {
    stream: S,
    /// Runs until the first bytes have come.
    silent: Option<Pin<Box<Sleep>>>,
    received: usize,
    /// For a peer that takes what it asked for.
    patience: Patience,
    /// Since when the peer takes nothing, and until when it may.
    stalled: Option<(Instant, Pin<Box<Sleep>>)>,
    ending: Arc<Ending>,
}

impl<S> Guarded<S> {
    /// Guards a fresh connection, whose first bytes must come within `silence`, and which must take its answers
    /// within `patience`.
    pub(super) fn new(stream: S, silence: Duration, patience: Patience, ending: Arc<Ending>) -> Self {
        let silent = Some(Box::pin(sleep(silence)));
        Self { stream, silent, received: 0, patience, stalled: None, ending }
    }

    /// Passes on what came of a write, unless the peer has used up its patience.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if let Some((since, _)) = self.stalled.take() {
                self.patience.spend(since.elapsed());
            }
            return written;
        }
        let left = self.patience.left();
        let (_, until) = self.stalled.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(until.as_mut().poll(context));
        self.ending.count(|counts| &counts.slow_readers);
        Poll::Ready(Err(ErrorKind::TimedOut.into()))
    }

    /// The same for a write of bytes, which earn time.
    fn watch_bytes(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let watched = self.watch(context, written);
        if let Poll::Ready(Ok(bytes)) = &watched {
            self.patience.earn(*bytes);
        }
        watched
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
        self.ending.count(|counts| &counts.late_heads);
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
        self.watch_bytes(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch_bytes(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, ended)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use std::num::NonZeroU64;

    use super::{super::Counts, *};

    fn guard<S>(stream: S) -> Guarded<S> {
        counting(stream, &Arc::default())
    }

    fn counting<S>(stream: S, counts: &Arc<Counts>) -> Guarded<S> {
        let patience = Patience::new(Duration::from_secs(60), NonZeroU64::new(1024));
        Guarded::new(stream, Duration::from_secs(10), patience, Ending::of(counts))
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_let_go_and_one_that_spoke_may_pause() {
        let (mut peer, stream) = duplex(16);
        let mut guarded = guard(stream);
        assert_eq!(guarded.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        let (mut talker, stream) = duplex(16);
        let mut guarded = guard(stream);
        talker.write_all(b"GET / HT").await.unwrap();
        guarded.read_exact(&mut [0; 8]).await.unwrap();
        talker.write_all(b"TP/1.1 and more.").await.unwrap();
        guarded.read_exact(&mut [0; 16]).await.unwrap();
        let pause = tokio::time::timeout(Duration::from_secs(100), guarded.read_u8());
        assert!(pause.await.is_err(), "it is hyper that times what comes after");
        let (mut mumbler, stream) = duplex(16);
        let mut guarded = guard(stream);
        mumbler.write_all(b"PRI *").await.unwrap();
        guarded.read_exact(&mut [0; 5]).await.unwrap();
        assert_eq!(guarded.read_u8().await.unwrap_err().kind(), ErrorKind::TimedOut);
        peer.shutdown().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_let_go() {
        let (_peer, stream) = duplex(4);
        let counts: Arc<Counts> = Arc::default();
        let mut guarded = counting(stream, &counts);
        for _ in 0..2 {
            assert_eq!(guarded.write_all(b"more than fits").await.unwrap_err().kind(), ErrorKind::TimedOut);
        }
        assert_eq!(counts.slow_readers.value(), 1, "it is one peer");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_a_byte_at_a_time_is_let_go_and_a_slow_one_is_not() {
        for (taken, patient) in [(1, false), (2048, true)] {
            let (mut peer, stream) = duplex(2048);
            let mut guarded = guard(stream);
            let reader = tokio::spawn(async move {
                let mut piece = vec![0; taken];
                while peer.read_exact(&mut piece).await.is_ok() {
                    sleep(Duration::from_secs(1)).await;
                }
            });
            let written = guarded.write_all(&vec![0; 200 * 1024]).await;
            assert_eq!(written.is_ok(), patient, "{taken} bytes a second");
            reader.abort();
        }
    }
}
