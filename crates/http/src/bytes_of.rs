//! The body of a request: streamed, or collected up to a limit.

use std::io;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use wharf_core::{ByteStream, Error, Kind, Result};

/// The body as it comes.
pub fn body_stream(body: Body) -> ByteStream {
    Box::pin(TryStreamExt::map_err(body.into_data_stream(), io::Error::other))
}

/// The whole body, if it has at most `most` bytes. One that says it has more is refused before it is read.
///
/// # Errors
/// `TooLarge`; `Invalid` when it breaks off.
pub async fn collect(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes> {
    let too_large = || Error::new(Kind::TooLarge, format!("the body has more than {most} bytes"));
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    match Limited::new(body, most).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Error::new(Kind::Invalid, "the body broke off").because(error)),
    }
}
