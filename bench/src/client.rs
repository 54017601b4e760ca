//! One HTTP/1.1 connection, as cheap as a client can be: it shares the cores with what it measures.
//!
//! It keeps the connection as long as the server does. An answer that is not a success is an error, so that it can never
//! be counted; that what one has is still the same is a success.

mod chunked;

use std::io;

use rustix::net::RecvFlags;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::TcpStream,
};

use self::chunked::Chunks;
use crate::{Result, form::Form, payload::Payload};

/// How much is read at a time; an answer's head must fit in.
const BUFFER: usize = 256 << 10;

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// Path and query.
    pub(crate) target: &'a str,
    /// Whole header lines, each with its line end.
    pub(crate) headers: &'a str,
    pub(crate) body: Body<'a>,
}

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    Nothing,
    Bytes(&'a [u8]),
    Blob(&'a Payload),
    Form(&'a Form),
}

impl<'a> Body<'a> {
    fn size(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Blob(payload) => payload.size,
            Self::Form(form) => form.size(),
        }
    }

    fn pieces(self) -> Box<dyn Iterator<Item = &'a [u8]> + Send + 'a> {
        match self {
            Self::Nothing => Box::new(std::iter::empty()),
            Self::Bytes(bytes) => Box::new(std::iter::once(bytes)),
            Self::Blob(payload) => Box::new(payload.pieces()),
            Self::Form(form) => Box::new(form.pieces()),
        }
    }
}

/// What takes an answer's body.
pub(crate) enum Sink<'a> {
    /// Nothing: only its length is checked, and the kernel throws it away without a copy.
    Nobody,
    /// This, piece by piece.
    Reader(&'a mut (dyn FnMut(&[u8]) + Send)),
}

impl Sink<'_> {
    fn take(&mut self, piece: &[u8]) {
        match self {
            Self::Nobody => {}
            Self::Reader(reader) => reader(piece),
        }
    }
}

/// The head of a success.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    fn length(&self) -> Result<Length> {
        match (self.header("content-length"), self.header("transfer-encoding")) {
            // It says how long the body would be that it does not send.
            _ if self.status() == 304 => Ok(Length::Known(0)),
            (Some(length), _) => Ok(Length::Known(length.parse()?)),
            (None, None) => Ok(Length::Known(0)),
            (None, Some("chunked")) => Ok(Length::Chunked),
            (None, Some(encoding)) => Err(format!("an answer without a length ({encoding})").into()),
        }
    }

    fn is_last(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// How long a body is, in bytes.
#[derive(Clone, Copy, Debug)]
enum Length {
    Known(u64),
    Chunked,
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    authority: String,
    buffer: Vec<u8>,
    /// The server said that it ends it.
    is_over: bool,
}

impl Connection {
    pub(crate) async fn open(authority: &str) -> Result<Self> {
        let stream = connect(authority).await?;
        Ok(Self { stream, authority: authority.to_owned(), buffer: vec![0; BUFFER], is_over: false })
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// A connection that breaks, and any answer but a success.
    pub(crate) async fn call(&mut self, request: Request<'_>, sink: Sink<'_>) -> Result<Answer> {
        if self.is_over {
            self.stream = connect(&self.authority).await?;
        }
        self.send(request).await?;
        let (answer, early) = self.receive_head().await?;
        match answer.length()? {
            _ if request.method == "HEAD" => {}
            Length::Known(length) => self.receive_body(length, early, sink).await?,
            Length::Chunked => self.receive_chunks(early, sink).await?,
        }
        self.is_over = answer.is_last();
        match answer.status() {
            200..=299 | 304 => Ok(answer),
            status => Err(format!("{} {} was answered {status}", request.method, request.target).into()),
        }
    }

    async fn send(&mut self, request: Request<'_>) -> Result<()> {
        let Request { method, target, headers, body } = request;
        let (host, size) = (&self.authority, body.size());
        let head =
            format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {size}\r\n\r\n");
        let mut pieces = body.pieces();
        // The head and the first piece in one packet where they fit into one.
        let first = [head.as_bytes(), pieces.next().unwrap_or_default()].concat();
        self.stream.write_all(&first).await?;
        for piece in pieces {
            self.stream.write_all(piece).await?;
        }
        Ok(())
    }

    /// The head, and where in the buffer what came along with it lies.
    async fn receive_head(&mut self) -> Result<(Answer, std::ops::Range<usize>)> {
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err("the server closed the connection before an answer".into());
            }
            filled += read;
            let seen = self.buffer.get(..filled).unwrap_or_default();
            if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(seen.get(..end).unwrap_or_default()).into_owned();
                return Ok((Answer(head), end + 4..filled));
            }
        }
    }

    async fn receive_body(
        &mut self,
        length: u64,
        early: std::ops::Range<usize>,
        mut sink: Sink<'_>,
    ) -> Result<()> {
        let early = self.buffer.get(early).unwrap_or_default();
        let mut left = length.checked_sub(early.len() as u64).ok_or("more bytes than were announced")?;
        sink.take(early);
        while left > 0 {
            let most = usize::try_from(left)?.min(self.buffer.len());
            let room = self.buffer.get_mut(..most).unwrap_or_default();
            let read = match &sink {
                Sink::Nobody => discard(&self.stream, room).await?,
                Sink::Reader(_) => self.stream.read(room).await?,
            };
            if read == 0 {
                return Err(format!("the body ended {left} bytes too early").into());
            }
            sink.take(room.get(..read).unwrap_or_default());
            left -= read as u64;
        }
        Ok(())
    }

    async fn receive_chunks(&mut self, early: std::ops::Range<usize>, mut sink: Sink<'_>) -> Result<()> {
        let mut chunks = Chunks::default();
        let mut ended = chunks.take(self.buffer.get(early).unwrap_or_default(), &mut sink)?;
        while !ended {
            let read = self.stream.read(&mut self.buffer).await?;
            if read == 0 {
                return Err("the body ended before its last chunk".into());
            }
            ended = chunks.take(self.buffer.get(..read).unwrap_or_default(), &mut sink)?;
        }
        Ok(())
    }
}

/// Throws away what came, at most as much as the room takes, and says how much it was. On Linux nothing is copied
/// (tcp(7), `MSG_TRUNC`), so that a client takes no more of the cores than it must.
async fn discard(stream: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        let receive = || Ok(rustix::net::recv(stream, &mut *room, RecvFlags::TRUNC)?.1);
        match stream.try_io(Interest::READABLE, receive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            received => return received,
        }
    }
}

async fn connect(authority: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
