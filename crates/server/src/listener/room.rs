//! What answers hold in memory until their readers have taken them, and the bound on it.
//!
//! A reader of HTTP/2 decides by its windows when it takes anything, and hyper keeps the answer meanwhile: a manifest for
//! each stream, a hundred streams for each connection. Behind the body its bytes lie where nothing can be taken back, so they
//! are counted until the last of them is dropped, wherever that is; and where there are too many, the connection is cut off
//! that holds most for longest: bytes by the time since it last took any. Who reads has taken some a moment ago, for bodies
//! are handed on in pieces.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::{sync::Notify, time::Instant};

use super::{counts::Counts, streams::Stream};
use crate::watched::Polled;

/// A body that is in memory as a whole is handed on in pieces of so many bytes.
const PIECE: usize = 64 << 10;

/// What all listeners may hold together.
pub(crate) struct Room {
    /// In bytes. For a moment it may be more: a connection that is cut off needs one to go.
    most: usize,
    next: AtomicU64,
    kept: Mutex<Kept>,
    counts: Arc<Counts>,
}

/// What is held, and by whom.
#[derive(Default)]
struct Kept {
    /// In bytes.
    held: usize,
    /// By the numbers of the readers; those that hold nothing are not there.
    shares: HashMap<u64, Share>,
    /// Who was cut off and is not gone yet: until then no other is.
    cut: Option<u64>,
}

/// What a connection holds.
struct Share {
    reader: Arc<Reader>,
    /// In bytes.
    held: usize,
    /// When it last took some, or began to hold any.
    since: Instant,
}

/// A connection: who reads answers, and can be cut off.
pub(super) struct Reader {
    room: Arc<Room>,
    number: u64,
    cut: Notify,
}

/// Bytes in memory for a reader.
struct Held {
    reader: Arc<Reader>,
    length: usize,
}

impl Room {
    pub(crate) fn new(most: usize, counts: Arc<Counts>) -> Arc<Self> {
        Arc::new(Self { most, next: AtomicU64::new(0), kept: Mutex::default(), counts })
    }

    /// How many bytes wait for their readers.
    pub(crate) fn held(&self) -> usize {
        self.kept().held
    }

    /// A new connection.
    pub(super) fn reader(self: &Arc<Self>) -> Arc<Reader> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Arc::new(Reader { room: self.clone(), number, cut: Notify::new() })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Who holds most for longest.
    fn heaviest(&self) -> Option<&Share> {
        let weight = |share: &Share| share.since.elapsed().as_nanos().saturating_mul(share.held as u128);
        self.shares.values().max_by_key(|share| weight(share))
    }
}

impl Reader {
    /// Returns once it is to be cut off.
    pub(super) async fn is_cut(&self) {
        self.cut.notified().await;
    }

    /// The body of an answer, counted; at its end the request has ended.
    pub(super) fn count(self: Arc<Self>, running: Option<Stream>, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        let length = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
        let whole = length.map(|length| self.hold(length));
        Body::new(CountedBody { body, whole, rest: None, reader: self, _running: running })
    }

    fn hold(self: &Arc<Self>, length: usize) -> Held {
        let mut kept = self.room.kept();
        kept.held += length;
        let new = || Share { reader: self.clone(), held: 0, since: Instant::now() };
        kept.shares.entry(self.number).or_insert_with(new).held += length;
        if kept.held > self.room.most && kept.cut.is_none() {
            kept.cut = kept.heaviest().map(|share| {
                share.reader.cut.notify_one();
                self.room.counts.cut_connections.increment();
                share.reader.number
            });
        }
        Held { reader: self.clone(), length }
    }
}

impl Held {
    /// Counts so many of the bytes by themselves.
    fn split(&mut self, length: usize) -> Self {
        let length = length.min(self.length);
        self.length -= length;
        Self { reader: self.reader.clone(), length }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (number, mut kept) = (self.reader.number, self.reader.room.kept());
        kept.held -= self.length;
        let Some(share) = kept.shares.get_mut(&number) else { return };
        share.held -= self.length;
        share.since = Instant::now();
        if share.held == 0 {
            kept.shares.remove(&number);
            kept.cut.take_if(|cut| *cut == number);
        }
    }
}

/// A body whose bytes are counted.
struct CountedBody {
    body: Body,
    /// What a body that is in memory as a whole is counted by, until its bytes are handed on.
    whole: Option<Held>,
    /// What of it is not handed on yet.
    rest: Option<(Bytes, Held)>,
    reader: Arc<Reader>,
    _running: Option<Stream>,
}

impl CountedBody {
    /// Hands on the next piece of what is in memory as a whole.
    fn hand_on(&mut self, mut bytes: Bytes, mut held: Held) -> Frame<Bytes> {
        if bytes.len() <= PIECE {
            return counted(bytes, held);
        }
        let piece = counted(bytes.split_to(PIECE), held.split(PIECE));
        self.rest = Some((bytes, held));
        piece
    }
}

fn counted(bytes: Bytes, held: Held) -> Frame<Bytes> {
    Frame::data(Bytes::from_owner(CountedBytes { bytes, _held: held }))
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        if let Some((bytes, held)) = self.rest.take() {
            return Poll::Ready(Some(Ok(self.hand_on(bytes, held))));
        }
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled };
        let frame = match (frame.into_data(), self.whole.take()) {
            (Ok(bytes), Some(held)) => self.hand_on(bytes, held),
            (Ok(bytes), None) => {
                let held = self.reader.hold(bytes.len());
                counted(bytes, held)
            }
            (Err(frame), whole) => {
                self.whole = whole;
                frame
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) =
            (self.rest.as_ref().map_or(0, |(rest, _)| rest.len()) as u64, self.body.size_hint());
        match hint.exact() {
            Some(exact) => SizeHint::with_exact(exact + rest),
            None => {
                hint.set_lower(hint.lower() + rest);
                hint
            }
        }
    }
}

/// Bytes that are counted as long as anybody holds a part of them.
struct CountedBytes {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use std::time::Duration;

    use http_body_util::BodyExt as _;
    use tokio::time::advance;

    use super::*;

    fn room(most: usize) -> Arc<Room> {
        Room::new(most, Arc::default())
    }

    fn is_cut(reader: &Reader) -> bool {
        reader.is_cut().now_or_never().is_some()
    }

    #[tokio::test]
    async fn bytes_are_counted_until_the_last_of_them_is_dropped() {
        let room = room(100);
        let mut body = room.reader().count(None, Body::from("some bytes"));
        assert_eq!((room.held(), body.size_hint().exact()), (10, Some(10)), "before anybody asks for them");
        let mut frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        drop(body);
        let end = frame.split_off(4);
        drop(frame);
        assert_eq!((room.held(), &end[..]), (10, &b" bytes"[..]));
        drop(end);
        assert_eq!(room.held(), 0);
        assert!(room.kept().shares.is_empty());
    }

    #[tokio::test]
    async fn a_body_that_comes_in_pieces_is_counted_piece_by_piece() {
        let room = room(100);
        let pieces =
            ["one", "three"].map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece.as_bytes())));
        let mut body = room.reader().count(None, Body::from_stream(futures_util::stream::iter(pieces)));
        assert_eq!(room.held(), 0);
        let first = body.frame().await.unwrap().unwrap();
        let second = body.frame().await.unwrap().unwrap();
        assert_eq!(room.held(), 8);
        drop(first);
        assert_eq!(room.held(), 5);
        drop(second);
        assert!(body.frame().await.is_none());
    }

    fn kept(reader: &Arc<Reader>, length: usize) -> Body {
        reader.clone().count(None, Body::from(vec![0; length]))
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_kept_an_answer_longest_goes_first() {
        let room = room(10);
        let readers = [room.reader(), room.reader(), room.reader()];
        let first = kept(&readers[0], 4);
        advance(Duration::from_secs(8)).await;
        let second = kept(&readers[1], 4);
        advance(Duration::from_secs(4)).await;
        assert!(!is_cut(&readers[0]));
        let third = kept(&readers[2], 4);
        assert!(is_cut(&readers[0]) && !is_cut(&readers[1]) && !is_cut(&readers[2]));
        drop(kept(&readers[2], 1));
        assert!(!is_cut(&readers[1]), "none other is cut off until the first is gone");
        drop(first);
        assert_eq!(room.held(), 8);
        let fourth = kept(&readers[2], 4);
        assert!(is_cut(&readers[1]) && !is_cut(&readers[2]));
        drop((second, third, fourth));
        assert_eq!(room.held(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_a_large_answer_stays_and_who_takes_nothing_goes() {
        let room = room(10 * PIECE);
        let (reading, waiting) = (room.reader(), room.reader());
        let mut body = kept(&reading, 6 * PIECE);
        for left in (0..6).rev() {
            advance(Duration::from_millis(500)).await;
            let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!((piece.len(), body.size_hint().exact()), (PIECE, Some((left * PIECE) as u64)));
            drop(piece);
            if left == 3 {
                break;
            }
        }
        advance(Duration::from_millis(100)).await;
        let large = kept(&waiting, 6 * PIECE);
        advance(Duration::from_millis(50)).await;
        let more = kept(&waiting, 6 * PIECE);
        assert!(is_cut(&waiting) && !is_cut(&reading));
        drop((large, more, body));
        assert_eq!(room.held(), 0);
    }

    #[test]
    fn what_has_no_bytes_takes_no_room() {
        let reader = room(0).reader();
        drop(reader.clone().count(None, Body::empty()));
        assert!(!is_cut(&reader));
    }
}
