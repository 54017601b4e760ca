//! A proxy that knows PostgreSQL's messages well enough to break a connection at a chosen one.
//!
//! A message is a byte for its kind, its length with itself but without that byte, and its content; only the first
//! one of a client has no kind. The statements that end a transaction travel as a simple query.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// The connection breaks before the next commit arrives; that once.
    BeforeCommit,
    /// Every commit is carried out, and the connection breaks before its answer.
    AfterCommit,
    /// As before, but once, and the server is gone after it.
    AfterCommitForGood,
    /// The connection breaks before the message that comes after so many others; that once.
    After(u32),
    /// Nothing gets through, and nothing is closed.
    Frozen,
    /// Nobody is there.
    Gone,
}

#[derive(Clone)]
pub(crate) struct Proxy {
    port: u16,
    fault: Arc<watch::Sender<Fault>>,
}

impl Proxy {
    /// A proxy before the server at `host:port`.
    pub(crate) async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Self { port, fault: Arc::new(watch::Sender::new(Fault::None)) };
        let (accepting, server) = (proxy.clone(), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().lead(client, server.clone()));
            }
        });
        proxy
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Lets something go wrong from now on.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// What goes wrong now; a fault that came once is none any more.
    pub(crate) fn fault(&self) -> Fault {
        *self.fault.borrow()
    }

    async fn lead(self, client: TcpStream, server: String) -> io::Result<()> {
        if self.fault() == Fault::Gone {
            return Ok(());
        }
        self.thaw().await;
        let server = TcpStream::connect(server).await?;
        // Each message is a packet: one that waited for an acknowledgement would wait 40 milliseconds.
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let asked = Asked::default();
        let mut gone = self.fault.subscribe();
        // Whichever ends first ends both directions.
        tokio::select! {
            ended = self.requests(from_client, to_server, &asked) => ended,
            ended = self.answers(from_server, to_client, &asked) => ended,
            _ = gone.wait_for(|fault| *fault == Fault::Gone) => Ok(()),
        }
    }

    async fn requests(
        &self,
        mut client: OwnedReadHalf,
        mut server: OwnedWriteHalf,
        asked: &Asked,
    ) -> io::Result<()> {
        let mut message = read_first(&mut client).await?;
        loop {
            self.thaw().await;
            server.write_all(&message).await?;
            message = read_message(&mut client).await?;
            asked.note(&message);
            match self.judge(&message) {
                Judgment::Pass => {}
                Judgment::Break => return Ok(()),
                Judgment::BreakAfter => asked.in_vain.store(true, Ordering::SeqCst),
            }
        }
    }

    async fn answers(
        &self,
        mut server: OwnedReadHalf,
        mut client: OwnedWriteHalf,
        asked: &Asked,
    ) -> io::Result<()> {
        loop {
            let message = read_message(&mut server).await?;
            self.thaw().await;
            let was_last = asked.is_last(&message);
            if !asked.in_vain.load(Ordering::SeqCst) {
                client.write_all(&message).await?;
            } else if was_last {
                // The commit was carried out, and whatever was sent before it.
                if self.fault() == Fault::AfterCommitForGood {
                    self.set(Fault::Gone);
                }
                return Ok(());
            }
        }
    }

    fn judge(&self, message: &[u8]) -> Judgment {
        let commits = message.first() == Some(&b'Q') && message.ends_with(b"; COMMIT\0");
        let mut judgment = Judgment::Pass;
        self.fault.send_if_modified(|fault| {
            match fault {
                Fault::BeforeCommit if commits => (*fault, judgment) = (Fault::None, Judgment::Break),
                Fault::After(0) => (*fault, judgment) = (Fault::None, Judgment::Break),
                Fault::After(others) => *others -= 1,
                Fault::AfterCommit | Fault::AfterCommitForGood if commits => judgment = Judgment::BreakAfter,
                _ => {}
            }
            true
        });
        judgment
    }

    async fn thaw(&self) {
        let _ = self.fault.subscribe().wait_for(|fault| *fault != Fault::Frozen).await;
    }
}

/// What a client asked and was not answered yet.
struct Asked {
    /// The start of the session is the first.
    questions: AtomicU32,
    /// No answer gets through any more.
    in_vain: AtomicBool,
}

impl Default for Asked {
    fn default() -> Self {
        Self { questions: AtomicU32::new(1), in_vain: AtomicBool::new(false) }
    }
}

impl Asked {
    /// A client may send one question after the other; a sync or a simple query ends each.
    fn note(&self, message: &[u8]) {
        if matches!(message.first(), Some(b'S' | b'Q')) {
            self.questions.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Whether this ends the answer to the last question: the server is ready for the next.
    fn is_last(&self, answer: &[u8]) -> bool {
        answer.first() == Some(&b'Z') && self.questions.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

/// What becomes of a message.
#[derive(Clone, Copy)]
enum Judgment {
    Pass,
    Break,
    BreakAfter,
}

async fn read_first(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    read_rest(stream, Vec::new()).await
}

async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let kind = stream.read_u8().await?;
    read_rest(stream, vec![kind]).await
}

async fn read_rest(stream: &mut (impl AsyncRead + Unpin), mut message: Vec<u8>) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    message.extend_from_slice(&length.to_be_bytes());
    let begun = message.len();
    message.resize(begun + length as usize - 4, 0);
    stream.read_exact(&mut message[begun..]).await?;
    Ok(message)
}
