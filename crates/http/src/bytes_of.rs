//! The body of a request: streamed, or collected up to a limit.

use std::io;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use wharf_core::{ByteStream, Error, Kind, Result, causes, cut_short};

/// The body as it comes. One whose client was waited for too long ends with `TimedOut`, however deep that lies.
pub fn body_stream(body: Body) -> ByteStream {
    Box::pin(body.into_data_stream().map_err(|error| io::Error::new(kind_of(&error), error)))
}

fn kind_of(error: &axum::Error) -> io::ErrorKind {
    let found = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    found.map_or(io::ErrorKind::Other, io::Error::kind)
}

/// The whole body, if it has at most `most` bytes. One that says it has more is refused before it is read.
///
/// # Errors
/// `TooLarge`; `Timeout` when it comes too slowly, and `Invalid` when it breaks off.
pub async fn collect(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes> {
    let too_large = || Error::new(Kind::TooLarge, format!("the body has more than {most} bytes"));
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let mut collected = BytesMut::new();
    let mut body = body_stream(body);
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(cut_short)?;
        if collected.len() + piece.len() > most {
            return Err(too_large());
        }
        // Copied together: frames of one byte each would cost a hundred times themselves.
        collected.extend_from_slice(&piece);
    }
    Ok(collected.freeze())
}
