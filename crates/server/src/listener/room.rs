//! What answers hold in memory until their readers have taken them, and the bound on it.
//!
//! A reader of HTTP/2 decides by its windows when it takes anything, and hyper keeps the answer meanwhile: a manifest for
//! each stream, a hundred streams for each connection. Behind the body its bytes lie where nothing can be taken back, so they
//! are counted until the last of them is dropped, wherever that is; and where there are too many, whoever has kept an
//! answer longest loses the connection. Who reads is never among those: what it holds is always young.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;

use super::{counts::Counts, streams::Stream};
use crate::watched::Polled;

/// What all listeners may hold together.
pub(crate) struct Room {
    /// In bytes. For a moment it may be more: a connection that is cut off needs one to go.
    most: usize,
    held: AtomicUsize,
    next: AtomicU64,
    /// Whose the bytes are, oldest first.
    kept: Mutex<BTreeMap<u64, Arc<Reader>>>,
    counts: Arc<Counts>,
}

/// A connection: who reads answers, and can be cut off.
pub(super) struct Reader {
    room: Arc<Room>,
    cut: Notify,
    is_cut: AtomicBool,
}

/// Bytes in memory for a reader.
struct Held {
    reader: Arc<Reader>,
    number: u64,
    length: usize,
}

impl Room {
    pub(crate) fn new(most: usize, counts: Arc<Counts>) -> Arc<Self> {
        let (held, next, kept) = (AtomicUsize::new(0), AtomicU64::new(0), Mutex::default());
        Arc::new(Self { most, held, next, kept, counts })
    }

    /// How many bytes wait for their readers.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// A new connection.
    pub(super) fn reader(self: &Arc<Self>) -> Arc<Reader> {
        Arc::new(Reader { room: self.clone(), cut: Notify::new(), is_cut: AtomicBool::new(false) })
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
        Body::new(CountedBody { body, whole, reader: self, _running: running })
    }

    fn hold(self: &Arc<Self>, length: usize) -> Held {
        let room = &self.room;
        let number = room.next.fetch_add(1, Ordering::Relaxed);
        let mut kept = room.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(number, self.clone());
        if room.held.fetch_add(length, Ordering::Relaxed) + length > room.most
            && let Some((_, oldest)) = kept.first_key_value()
            && !oldest.is_cut.swap(true, Ordering::Relaxed)
        {
            // Until it is gone it stays the oldest, and no other is cut off in its place.
            oldest.cut.notify_one();
            room.counts.cut_connections.increment();
        }
        Held { reader: self.clone(), number, length }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let room = &self.reader.room;
        room.held.fetch_sub(self.length, Ordering::Relaxed);
        room.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// A body whose bytes are counted.
struct CountedBody {
    body: Body,
    /// What a body that is in memory as a whole is counted by, until its bytes are handed on.
    whole: Option<Held>,
    reader: Arc<Reader>,
    _running: Option<Stream>,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let Poll::Ready(Some(Ok(frame))) = polled else { return polled };
        let counted = frame.into_data().map(|bytes| {
            let held = self.whole.take().unwrap_or_else(|| self.reader.hold(bytes.len()));
            Frame::data(Bytes::from_owner(CountedBytes { bytes, _held: held }))
        });
        Poll::Ready(Some(Ok(counted.unwrap_or_else(|frame| frame))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
    use http_body_util::BodyExt as _;

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
        assert!(room.kept.lock().unwrap().is_empty());
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

    #[tokio::test]
    async fn whoever_has_kept_an_answer_longest_goes_first() {
        let room = room(10);
        let readers = [room.reader(), room.reader(), room.reader()];
        let keep = |reader: usize| readers[reader].clone().count(None, Body::from("1234"));
        let (first, second) = (keep(0), keep(1));
        assert!(!is_cut(&readers[0]));
        let third = keep(2);
        assert!(is_cut(&readers[0]) && !is_cut(&readers[1]) && !is_cut(&readers[2]));
        drop(first);
        assert_eq!(room.held(), 8);
        let fourth = keep(2);
        assert!(is_cut(&readers[1]) && !is_cut(&readers[2]));
        drop((second, third, fourth));
        assert_eq!(room.held(), 0);
    }

    #[test]
    fn what_has_no_bytes_takes_no_room() {
        let reader = room(0).reader();
        drop(reader.clone().count(None, Body::empty()));
        assert!(!is_cut(&reader));
    }
}
