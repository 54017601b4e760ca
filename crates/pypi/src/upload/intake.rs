//! The file of a form: named, authorised, and streamed into the engine while it comes. A small one is held until all was
//! looked at, and then stored together with what belongs to it: one after the other would be twice as many flushes to wait
//! for.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{future::join, stream};
use tokio::sync::mpsc;
use wharf_core::{ByteStream, Digest, Error, Grant, Kind, RegistryPlace, Result, action::Push, hex};
use wharf_hash::{Extra, ExtraHasher};
use wharf_http::Multipart;
use wharf_registry::{Finished, HashedBytes, Taps, format::Pair};

use super::{form::Form, invalid};
use crate::{
    Call,
    filename::FileName,
    format::{FILENAME, File, NAME},
    shape::Part,
};

/// What is hashed beside SHA-256.
const EXTRA: [Extra; 2] = [Extra::Md5, Extra::Blake2b256];
/// The largest file, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;
/// The largest file that is held, in bytes: little beside what the texts of its form may have.
const HELD: usize = 256 * 1024;

/// A file whose bytes have come, and that is listed nowhere yet.
pub(crate) struct Received {
    /// The right to publish it.
    pub(crate) grant: Grant<Push>,
    /// Its name.
    pub(crate) file: FileName,
    /// Its bytes.
    pub(crate) content: Part,
    /// Their MD5, in hexadecimal digits.
    pub(crate) md5: String,
    /// Their BLAKE2b-256.
    pub(crate) blake2: String,
    /// The bytes themselves, where they are not stored yet.
    pub(crate) held: Option<HashedBytes>,
}

/// Takes the file in. What the form said before is held against it already: who sends the wrong thing is told before
/// he has sent all of it.
pub(super) async fn receive(
    call: &Call<'_>,
    registry: &RegistryPlace,
    (form, filename): (&Form, &str),
    parts: &mut Multipart,
) -> Result<Received> {
    let refused = |refusal: wharf_registry::format::Refusal| invalid(refusal.to_string());
    let file = FileName::parse(filename).map_err(refused)?;
    let place = file.project.place(registry)?;
    let grant = call.registry.grant::<Push>(call.actor, &place).await?;
    call.registry.expect_open(&grant, NAME).await?;
    file.expect_normal().map_err(refused)?;
    let expected = form.get("sha256_digest").map(|digest| format!("sha256:{}", digest.to_ascii_lowercase()));
    let expected: Option<Digest> = expected.and_then(|digest| digest.parse().ok());
    if let Some(expected) = &expected {
        expect_free(call, &grant, (&file, expected)).await?;
    }
    let beginning = Beginning::gather(parts).await?;
    if beginning.is_all {
        let hash = move || Ok(hash(beginning.bytes));
        let (held, stored) = call.registry.in_turn(&grant, hash).await?;
        return Ok(Received { held: Some(held), ..Received::of(grant, file, &stored) });
    }
    let (sender, body) = pipe();
    let taps = EXTRA.into_iter().fold(Taps::none(), Taps::digest);
    let storing = call.registry.push_blob(&grant, expected, body, taps);
    let (sent, stored) = join(send(beginning, parts, sender), storing).await;
    // Why the form ended tells more than that its file could not be stored.
    sent?;
    let stored = stored?;
    // The repository may have come into being with these bytes, and the right to it may have gone meanwhile.
    let grant = call.registry.regrant(&grant).await?;
    Ok(Received::of(grant, file, &stored))
}

impl Received {
    /// A file as the engine stored it.
    pub(crate) fn of(grant: Grant<Push>, file: FileName, stored: &Finished) -> Self {
        let extra = |wanted: Extra| {
            let found = stored.extra.iter().find(|(extra, _)| *extra == wanted);
            found.map(|(_, digest)| hex::encode(digest)).unwrap_or_default()
        };
        let (md5, blake2) = (extra(Extra::Md5), extra(Extra::Blake2b256));
        let content = Part { digest: stored.digest, size: stored.size };
        Self { grant, file, content, md5, blake2, held: None }
    }
}

/// How a file begins.
struct Beginning {
    /// Copied together: pieces of one byte each would cost a hundred times themselves.
    bytes: Bytes,
    /// Whether it ends there too.
    is_all: bool,
}

impl Beginning {
    async fn gather(parts: &mut Multipart) -> Result<Self> {
        let mut bytes = BytesMut::new();
        while bytes.len() <= HELD {
            let Some(piece) = parts.chunk().await? else {
                return Ok(Self { bytes: bytes.freeze(), is_all: true });
            };
            bytes.extend_from_slice(&piece);
        }
        Ok(Self { bytes: bytes.freeze(), is_all: false })
    }
}

/// Everything that is known of bytes, as the engine would tell it once it has stored them.
fn hash(bytes: Bytes) -> (HashedBytes, Finished) {
    let content = HashedBytes::new(bytes);
    let extra = EXTRA.map(|extra| {
        let mut hasher = ExtraHasher::new(extra);
        hasher.update(content.bytes());
        (extra, hasher.finish())
    });
    let (digest, size) = (*content.digest(), content.bytes().len() as u64);
    (content, Finished { digest, size, extra: extra.into() })
}

/// Refuses other bytes than those a name stands for, before they are sent.
async fn expect_free(
    call: &Call<'_>,
    grant: &Grant<Push>,
    (file, digest): (&FileName, &Digest),
) -> Result<()> {
    let pair = Pair { format: NAME, name: FILENAME, value: &file.text };
    match call.registry.find_listed(grant, pair).await? {
        Some(row) if File::of(&row)?.digest != digest.to_string() => {
            Err(Error::new(Kind::Exists, format!("{:?}", file.text)))
        }
        _ => Ok(()),
    }
}

/// What goes through the pipe.
enum Flow {
    Piece(Bytes),
    End,
}

/// A body that somebody feeds. If he goes away before its end, the body breaks off.
fn pipe() -> (mpsc::Sender<Flow>, ByteStream) {
    let (sender, receiver) = mpsc::channel(2);
    let body = stream::unfold(Some(receiver), |receiver: Option<mpsc::Receiver<Flow>>| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Flow::Piece(piece)) => Some((Ok(piece), Some(receiver))),
            Some(Flow::End) => None,
            None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
        }
    });
    (sender, Box::pin(body))
}

/// Sends the part through the pipe. If nobody takes it any more, whoever stored it knows why.
async fn send(beginning: Beginning, parts: &mut Multipart, sender: mpsc::Sender<Flow>) -> Result<()> {
    let (mut size, mut first) = (0_u64, Some(beginning.bytes));
    loop {
        let piece = match first.take() {
            Some(piece) => piece,
            None => match parts.chunk().await? {
                Some(piece) => piece,
                None => break,
            },
        };
        size += piece.len() as u64;
        if size > LARGEST {
            return Err(Error::new(Kind::TooLarge, "File too large. Limit is 4 GiB."));
        }
        if sender.send(Flow::Piece(piece)).await.is_err() {
            return Ok(());
        }
    }
    // As above.
    let _ = sender.send(Flow::End).await;
    Ok(())
}
