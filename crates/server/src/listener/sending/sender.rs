//! A TCP connection that sends files where the marker stands.

use std::{
    io::{self, ErrorKind, IoSlice},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

use super::{Part, Parts, is_marker, warmth::Warmth};

pub(in crate::listener) struct Sender {
    stream: TcpStream,
    parts: Parts,
    warmth: Warmth,
}

impl Sender {
    pub(in crate::listener) fn new(stream: TcpStream) -> Self {
        Self { stream, parts: Parts::default(), warmth: Warmth::default() }
    }

    /// The list of files on their way over this connection.
    pub(in crate::listener) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Sends up to so many bytes of the part whose turn it is.
    fn poll_send(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        // A marker without a part: hyper writes again what was sent already.
        let Some(part) = self.parts.next() else { return Poll::Ready(Err(ErrorKind::InvalidData.into())) };
        let most = usize::try_from(part.left()).unwrap_or(usize::MAX).min(most);
        ready!(self.warmth.poll(context, &part))?;
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_io(Interest::WRITABLE, || send(&self.stream, &part, most)) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                // The file ends before it should. The connection does too: bytes are never made up.
                Ok(0) => return Poll::Ready(Err(ErrorKind::UnexpectedEof.into())),
                sent => return Poll::Ready(sent.inspect(|sent| part.advance(*sent as u64))),
            }
        }
    }
}

fn send(stream: &TcpStream, part: &Arc<Part>, most: usize) -> io::Result<usize> {
    let mut offset = part.offset + part.sent.load(Ordering::Acquire);
    Ok(rustix::fs::sendfile(stream, &part.file, Some(&mut offset), most)?)
}

impl AsyncRead for Sender {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Sender {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.parts.is_broken() {
            return Poll::Ready(Err(ErrorKind::InvalidData.into()));
        }
        let empty = slices.iter().take_while(|slice| slice.is_empty()).count();
        let slices = slices.get(empty..).unwrap_or_default();
        if let Some(marker) = slices.first().filter(|slice| is_marker(slice)) {
            return self.poll_send(context, marker.len());
        }
        let bytes = slices.iter().take_while(|slice| !is_marker(slice)).count();
        Pin::new(&mut self.stream).poll_write_vectored(context, slices.get(..bytes).unwrap_or_default())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
