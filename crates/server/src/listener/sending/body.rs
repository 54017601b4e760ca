//! The body of an answer as hyper gets it: bytes, or a part of a file.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use hyper::body::{Buf, Frame, SizeHint};
use wharf_http::FilePart;

use super::{MARKER, Part, Parts, STRETCH};
use crate::metrics::Answered;

/// The body of an answer.
pub(in crate::listener) enum Outgoing {
    /// As the routes made it.
    Bytes(Body),
    /// A part of a file, in one piece, until that is taken.
    File(Option<FilePiece>),
}

impl Outgoing {
    /// An answer for a connection that can send files, or for one that cannot.
    pub(in crate::listener) fn of(mut answer: Response, parts: Option<&Parts>) -> Response<Self> {
        let file = answer.extensions_mut().remove::<FilePart>();
        let Some((file, parts)) = file.zip(parts) else { return answer.map(Self::Bytes) };
        let answered = answer.extensions_mut().remove::<Arc<Answered>>();
        answer.map(|body| {
            let part = parts.push(file, answered);
            Self::File(Some(FilePiece { part, parts: parts.clone(), taken: 0, _answer: body }))
        })
    }
}

impl HttpBody for Outgoing {
    type Data = Piece;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        match self.get_mut() {
            Self::Bytes(body) => {
                Pin::new(body).poll_frame(context).map_ok(|frame| frame.map_data(Piece::Bytes))
            }
            Self::File(piece) => Poll::Ready(piece.take().map(|piece| Ok(Frame::data(Piece::File(piece))))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(body) => body.is_end_stream(),
            Self::File(piece) => piece.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(body) => body.size_hint(),
            Self::File(piece) => {
                SizeHint::with_exact(piece.as_ref().map_or(0, |piece| piece.remaining() as u64))
            }
        }
    }
}

/// What hyper queues and writes.
pub(in crate::listener) enum Piece {
    Bytes(Bytes),
    File(FilePiece),
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.remaining(),
            Self::File(piece) => piece.remaining(),
        }
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.chunk(),
            Self::File(piece) => piece.chunk(),
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Bytes(bytes) => bytes.advance(count),
            Self::File(piece) => piece.advance(count),
        }
    }
}

/// A part of a file, as bytes that are not there. The request it answers runs until it is dropped.
pub(in crate::listener) struct FilePiece {
    part: Arc<Part>,
    parts: Parts,
    /// How much of it hyper calls written.
    taken: u64,
    _answer: Body,
}

impl Buf for FilePiece {
    fn remaining(&self) -> usize {
        usize::try_from(self.part.length - self.taken).unwrap_or(usize::MAX)
    }

    fn chunk(&self) -> &[u8] {
        MARKER.get(..self.remaining().min(STRETCH)).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        self.taken = self.taken.saturating_add(count as u64).min(self.part.length);
        if self.taken != self.part.sent.load(Ordering::Acquire) {
            self.parts.break_off();
        }
    }
}

impl Drop for FilePiece {
    fn drop(&mut self) {
        self.parts.remove(&self.part);
    }
}
