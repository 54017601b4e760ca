//! A registry of our own that does as it is told: it serves an image, and a script may answer otherwise. One connection
//! carries one request.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{Image, sha256};

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    /// The connection is cut after so many bytes of the body.
    pub(crate) cut: Option<usize>,
    /// Nothing is said before.
    pub(crate) delay: Duration,
}

impl Said {
    pub(crate) fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), cut: None, delay: Duration::ZERO }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Script = Box<dyn Fn(&Heard, usize) -> Option<Said> + Send + Sync>;

/// A running stage. It ends with its runtime.
pub(crate) struct Stage {
    pub(crate) host: String,
    book: Arc<Mutex<Vec<Heard>>>,
}

impl Stage {
    /// Serves the image under any tag of any repository, but for what the script says. The script is told how many
    /// requests for the same target came before.
    pub(crate) async fn start(
        image: &Image,
        script: impl Fn(&Heard, usize) -> Option<Said> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let book = Arc::<Mutex<Vec<Heard>>>::default();
        let (kept, image, script) = (book.clone(), image.clone(), Arc::new(Box::new(script) as Script));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (book, image, script) = (kept.clone(), image.clone(), script.clone());
                tokio::spawn(async move { drop(answer(client, &image, (&book, &script)).await) });
            }
        });
        Self { host, book }
    }

    /// What was asked so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.book.lock().unwrap().clone()
    }
}

async fn answer(
    mut client: TcpStream,
    image: &Image,
    (book, script): (&Mutex<Vec<Heard>>, &Script),
) -> io::Result<()> {
    let heard = read(&mut client).await?;
    let before = {
        let mut book = book.lock().unwrap();
        let same = |other: &&Heard| (&other.method, &other.target) == (&heard.method, &heard.target);
        let before = book.iter().filter(same).count();
        book.push(heard.clone());
        before
    };
    let said = script(&heard, before).unwrap_or_else(|| usual(image, &heard));
    tokio::time::sleep(said.delay).await;
    let mut head = format!("HTTP/1.1 {} Told\r\nconnection: close\r\n", said.status);
    for (name, value) in &said.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", said.body.len()));
    client.write_all(head.as_bytes()).await?;
    if heard.method != "HEAD" {
        client.write_all(&said.body[..said.cut.unwrap_or(said.body.len())]).await?;
    }
    client.shutdown().await
}

async fn read(client: &mut TcpStream) -> io::Result<Heard> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        if client.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let headers = lines.filter_map(|line| line.split_once(": "));
    Ok(Heard {
        method: first.next().unwrap_or_default(),
        target: first.next().unwrap_or_default(),
        headers: headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
    })
}

/// What an honest registry says.
fn usual(image: &Image, heard: &Heard) -> Said {
    let last = heard.target.rsplit('/').next().unwrap_or_default();
    if heard.target.ends_with("/v2/") {
        return Said::new(200, "{}");
    }
    if heard.target.contains("/tags/list") {
        return Said::new(200, json!({"tags": ["v1"]}).to_string());
    }
    if heard.target.contains("/manifests/") && (last == "v1" || last == image.digest()) {
        let said = Said::new(200, image.manifest.clone()).with("content-type", image.media_type);
        return said.with("docker-content-digest", image.digest());
    }
    match image.blobs.iter().find(|blob| sha256(blob) == last) {
        Some(blob) => ranged(blob, heard.header("range")),
        None => Said::new(404, "{}"),
    }
}

fn ranged(blob: &Bytes, range: Option<&str>) -> Said {
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from {
        None => Said::new(200, blob.clone()),
        Some(from) => Said::new(206, blob.slice(from..))
            .with("content-range", format!("bytes {from}-{}/{}", blob.len() - 1, blob.len())),
    }
}
