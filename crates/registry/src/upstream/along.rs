//! A reader who reads along while something is fetched and stored. The last piece is his only when all of it was found good
//! and is stored; a body that ends before was cut, and shows it.

use std::{io, num::NonZeroU64, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::mpsc, time::Instant};
use wharf_core::{ByteStream, Patience};

/// How many pieces may wait for the reader.
const PIECES: usize = 64;
/// How long the fetch waits for a slow reader before it goes on without him.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many bytes a second he must take in the long run: as many as the upstream must send.
const SLOWEST: Option<NonZeroU64> = NonZeroU64::new(16 * 1024);

enum Flow {
    Piece(Bytes),
    End,
}

/// The end at which pieces are passed on.
pub(super) struct Along {
    sender: Option<mpsc::Sender<Flow>>,
    held: Option<Bytes>,
    patience: Patience,
}

/// Whoever reads along.
pub(super) struct Reader(mpsc::WeakSender<Flow>);

impl Reader {
    /// Whether he is there, and has not been left behind.
    pub(super) fn is_there(&self) -> bool {
        self.0.upgrade().is_some_and(|sender| !sender.is_closed())
    }
}

/// Both ends.
pub(super) fn along() -> (Along, ByteStream) {
    let (sender, receiver) = mpsc::channel(PIECES);
    let body = stream::unfold(Some(receiver), |receiver: Option<mpsc::Receiver<Flow>>| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Flow::Piece(piece)) => Some((Ok(piece), Some(receiver))),
            Some(Flow::End) => None,
            None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
        }
    });
    let patience = Patience::new(PATIENCE, SLOWEST);
    (Along { sender: Some(sender), held: None, patience }, Box::pin(body))
}

impl Along {
    /// Passes on the piece before this one.
    pub(super) async fn pass(&mut self, piece: Bytes) {
        if let Some(before) = self.held.replace(piece) {
            self.send(Flow::Piece(before)).await;
        }
    }

    /// Passes on the last piece: all of it was good.
    pub(super) async fn end(mut self) {
        if let Some(last) = self.held.take() {
            self.send(Flow::Piece(last)).await;
        }
        self.send(Flow::End).await;
    }

    /// Whoever reads along now.
    pub(super) fn reader(&self) -> Option<Reader> {
        self.sender.as_ref().map(|sender| Reader(sender.downgrade()))
    }

    /// A reader who has gone, or takes nothing or little for long, is left behind: his body breaks off.
    async fn send(&mut self, flow: Flow) {
        let Some(sender) = &self.sender else { return };
        let size = match &flow {
            Flow::Piece(piece) => piece.len(),
            Flow::End => 0,
        };
        let since = Instant::now();
        if sender.send_timeout(flow, self.patience.left()).await.is_err() {
            self.sender = None;
        }
        self.patience.spend(since.elapsed());
        self.patience.earn(size);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn the_last_piece_comes_only_when_all_of_it_was_good() {
        let (mut along, body) = along();
        along.pass(Bytes::from_static(b"one")).await;
        along.pass(Bytes::from_static(b"two")).await;
        drop(along);
        let read: Vec<_> = body.collect().await;
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].as_ref().unwrap(), "one");
        assert!(read[1].is_err(), "a body that was cut ended cleanly");

        let (mut along, body) = super::along();
        along.pass(Bytes::from_static(b"one")).await;
        along.end().await;
        let read: Vec<_> = body.map(|piece| piece.unwrap()).collect().await;
        assert_eq!(read, ["one"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_nothing_is_left_behind() {
        let (mut along, body) = along();
        for _ in 0..=2 * PIECES {
            along.pass(Bytes::from_static(b"piece")).await;
        }
        along.end().await;
        let read: Vec<_> = body.collect().await;
        assert_eq!(read.len(), PIECES + 1);
        assert!(read.last().unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_takes_little_is_left_behind_and_a_steady_one_is_not() {
        for (size, is_left) in [(1024, true), (64 * 1024, false)] {
            let (mut along, mut body) = along();
            let reading = tokio::spawn(async move {
                while let Some(Ok(_)) = body.next().await {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            });
            for _ in 0..4 * PIECES {
                along.pass(Bytes::from(vec![0; size])).await;
            }
            let is_there = along.reader().is_some_and(|reader| reader.is_there());
            assert_eq!(is_there, !is_left, "pieces of {size} bytes");
            reading.abort();
        }
    }
}
