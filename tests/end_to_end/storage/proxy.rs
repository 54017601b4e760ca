//! A proxy of our own in front of the S3 server, which lets calls go wrong and writes down all of them.
//!
//! One connection carries one call, so that a call is also what can be cut off. It speaks just enough HTTP for that:
//! what it passes on it does not change.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection is closed before anything is read.
    Refused,
    /// The call is not passed on, and not answered.
    Unheard,
    /// The call is carried out, and its answer lost.
    AnswerLost,
    /// The answer breaks off in the middle of its body, or of its head where it has none.
    AnswerCut,
    /// 500.
    InternalError,
    /// 503, as from a server with too much to do.
    SlowDown,
    /// 429, the same in the words of others.
    TooManyRequests,
    /// 409 where something is stored on a condition: somebody else does so at the same time. Every other call goes well.
    Conflict,
    /// A bit of what is stored is another one when it arrives.
    FlippedBit,
    /// A part is told under an ETag that is not its own. Every other call goes well.
    WrongTag,
    /// A list shows nothing, as one that is not up to date. Every other call goes well.
    StaleList,
    /// 403: nobody's patience helps.
    Denied,
    /// 404: the object is gone.
    Gone,
    /// 200 with an error as its body, which S3 does where it answers before it is done: where it joins parts. Every
    /// other call goes well.
    ErrorInside,
    /// An object comes back with another bit at its end than was stored. Every other call goes well.
    Flipped,
    /// Nothing comes, and the connection stays.
    Silence,
}

impl Fault {
    /// Whether it may befall this call; every other one goes well.
    fn concerns(self, call: &[u8]) -> bool {
        let what = described(call);
        match self {
            Self::ErrorInside => what.starts_with(JOIN),
            Self::Conflict => {
                let head = &call[..head_length(call).unwrap_or_default()];
                String::from_utf8_lossy(head).to_ascii_lowercase().contains("\r\nif-none-match:")
            }
            Self::FlippedBit => call.starts_with(b"PUT ") && head_length(call) != Some(call.len()),
            Self::WrongTag => what == PART,
            Self::StaleList => what.ends_with("list-type"),
            _ => true,
        }
    }
}

/// How the book describes a call that brings a part.
pub(super) const PART: &str = "PUT objects partNumber";
/// How the book describes a call that joins parts.
pub(super) const JOIN: &str = "POST objects uploadId";

/// Which calls go wrong, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) fault: Fault,
    /// The first call that does, counted from 0 …
    pub(super) from: usize,
    /// … and how many.
    pub(super) times: usize,
}

#[derive(Default)]
struct Book {
    plan: Option<Plan>,
    calls: Vec<String>,
}

/// A running proxy. It ends with its runtime.
pub(super) struct Proxy {
    pub(super) endpoint: String,
    book: Arc<Mutex<Book>>,
}

impl Proxy {
    /// Listens on loopback, in front of the server at `http://host:port`.
    pub(super) async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (book, server) = (Arc::<Mutex<Book>>::default(), server.trim_start_matches("http://").to_owned());
        let kept = book.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (book, server) = (kept.clone(), server.clone());
                // A connection that breaks is what the proxy is for.
                tokio::spawn(async move { drop(carry(client, &server, &book).await) });
            }
        });
        Self { endpoint, book }
    }

    /// From now on calls are counted from 0, and go wrong as planned.
    pub(super) fn plan(&self, plan: Option<Plan>) {
        *self.book.lock().unwrap() = Book { plan, calls: Vec::new() };
    }

    /// The calls since the last plan: their methods and what they are about.
    pub(super) fn calls(&self) -> Vec<String> {
        self.book.lock().unwrap().calls.clone()
    }
}

async fn carry(mut client: TcpStream, server: &str, book: &Mutex<Book>) -> io::Result<()> {
    let mut first = [0];
    // A connection that is kept for later is no call yet.
    client.peek(&mut first).await?;
    let fault = {
        let mut book = book.lock().unwrap();
        let number = book.calls.len();
        book.calls.push(String::new());
        let planned = |plan: &Plan| (plan.from..plan.from.saturating_add(plan.times)).contains(&number);
        (book.plan.filter(planned).map(|plan| plan.fault), number)
    };
    let (fault, number) = fault;
    if fault == Some(Fault::Refused) {
        return Ok(());
    }
    let call = read_call(&mut client).await?;
    if let Some(noted) = book.lock().unwrap().calls.get_mut(number) {
        *noted = described(&call);
    }
    match fault.filter(|fault| fault.concerns(&call)) {
        None => client.write_all(&ask(server, &call).await?).await,
        Some(Fault::Refused | Fault::Unheard) => Ok(()),
        Some(Fault::AnswerLost) => ask(server, &call).await.map(drop),
        Some(Fault::AnswerCut) => {
            let answer = ask(server, &call).await?;
            let head = head_length(&answer).unwrap_or_default();
            let cut = if answer.len() > head { head + (answer.len() - head) / 2 } else { head / 2 };
            client.write_all(&answer[..cut]).await
        }
        Some(Fault::InternalError) => {
            answer((&mut client, &call), "500 Internal Server Error", "InternalError").await
        }
        Some(Fault::SlowDown) => answer((&mut client, &call), "503 Slow Down", "SlowDown").await,
        Some(Fault::TooManyRequests) => {
            answer((&mut client, &call), "429 Too Many Requests", "TooManyRequests").await
        }
        Some(Fault::Conflict) => {
            answer((&mut client, &call), "409 Conflict", "ConditionalRequestConflict").await
        }
        Some(Fault::FlippedBit) => {
            let mut flipped = call.clone();
            *flipped.last_mut().unwrap() ^= 1;
            client.write_all(&ask(server, &flipped).await?).await
        }
        Some(Fault::WrongTag) => {
            let answer = ask(server, &call).await?;
            client.write_all(&with_another_tag(&answer)).await
        }
        Some(Fault::StaleList) => {
            let nothing = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
            say(&mut client, "200 OK", nothing).await
        }
        Some(Fault::Denied) => answer((&mut client, &call), "403 Forbidden", "AccessDenied").await,
        Some(Fault::Gone) => answer((&mut client, &call), "404 Not Found", "NoSuchKey").await,
        Some(Fault::ErrorInside) => answer((&mut client, &call), "200 OK", "InternalError").await,
        Some(Fault::Flipped) => {
            let mut answer = ask(server, &call).await?;
            let head = head_length(&answer).unwrap_or(answer.len());
            if described(&call) == "GET objects" {
                answer[head..].last_mut().into_iter().for_each(|last| *last ^= 1);
            }
            client.write_all(&answer).await
        }
        Some(Fault::Silence) => {
            tokio::time::sleep(Duration::from_secs(120)).await;
            Ok(())
        }
    }
}

async fn read_call(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut call = Vec::new();
    let head = loop {
        if let Some(head) = head_length(&call) {
            break head;
        }
        if client.read_buf(&mut call).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&call[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
    while call.len() < head + length {
        if client.read_buf(&mut call).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(call)
}

/// Passes a call on, with the word that the connection ends after it, and reads the answer to its end.
async fn ask(server: &str, call: &[u8]) -> io::Result<Vec<u8>> {
    let (mut from, mut to) = TcpStream::connect(server).await?.into_split();
    let line = call.windows(2).position(|two| two == b"\r\n").unwrap() + 2;
    let call = [&call[..line], b"connection: close\r\n", &call[line..]].concat();
    let mut answer = Vec::new();
    // A server may have its answer ready before it has heard all, and hang up.
    let (_, read) = tokio::join!(to.write_all(&call), from.read_to_end(&mut answer));
    if answer.is_empty() { read.map(|_| answer) } else { Ok(answer) }
}

async fn answer((client, call): (&mut TcpStream, &[u8]), status: &str, code: &str) -> io::Result<()> {
    let body = match call.starts_with(b"HEAD ") {
        true => String::new(),
        false => {
            format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>planned</Message></Error>")
        }
    };
    say(client, status, &body).await
}

async fn say(client: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/xml");
    client.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await
}

/// An answer whose `ETag` is that of something else.
fn with_another_tag(answer: &[u8]) -> Vec<u8> {
    let head = head_length(answer).unwrap_or_default();
    let text = String::from_utf8_lossy(&answer[..head]).into_owned();
    let other = |line: &str| match line.to_ascii_lowercase().starts_with("etag:") {
        true => "ETag: \"0123456789abcdef0123456789abcdef\"".to_owned(),
        false => line.to_owned(),
    };
    let lines: Vec<String> = text.trim_end().lines().map(other).collect();
    [format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes(), &answer[head..]].concat()
}

fn head_length(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|four| four == b"\r\n\r\n").map(|end| end + 4)
}

/// The method, what kind of thing it is about, and the parameter that makes the call what it is.
fn described(call: &[u8]) -> String {
    let line =
        String::from_utf8_lossy(&call[..call.len().min(2_000)]).lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let kind =
        ["objects", "tails", "probes"].into_iter().find(|kind| path.contains(kind)).unwrap_or("bucket");
    let what =
        ["partNumber", "uploadId", "uploads", "list-type"].into_iter().find(|name| query.contains(name));
    format!("{method} {kind} {}", what.unwrap_or_default()).trim_end().to_owned()
}
