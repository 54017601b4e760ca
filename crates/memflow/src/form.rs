//! The form of an upload: `multipart/form-data` with the parts `file` and `signature`, in any order (RFC 7578).

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use multer::{Field, Multipart};
use wharf_core::{Error, Kind, Result};
use wharf_http::body_stream;

use crate::plugins::LARGEST;

/// What the form may have beside the file, in bytes.
const BESIDE: usize = 64 * 1024;
/// The longest signature, in bytes.
const LONGEST_SIGNATURE: usize = 1024;

/// An upload.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) file: Bytes,
    pub(crate) signature: String,
}

impl Form {
    /// Reads a form. Of a part that comes twice the last counts, one without a name is passed over.
    ///
    /// # Errors
    /// `TooLarge`; `Invalid` for what is no form, for a part that is missing and for one that nobody knows.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(kind)
            .map_err(|_| Error::new(Kind::Invalid, "Invalid `boundary` for `multipart/form-data` request"))?;
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > LARGEST + BESIDE) {
            return Err(too_large());
        }
        let exceeded = Arc::<AtomicBool>::default();
        let mut form = Multipart::new(bounded(body, exceeded.clone()), boundary);
        let read = Parts::read(&mut form).await;
        if exceeded.load(Ordering::Relaxed) {
            return Err(too_large());
        }
        let Parts { file, signature } = read?;
        let missing = |words: &'static str| move || Error::new(Kind::Invalid, words);
        let file = file.ok_or_else(missing("file is required"))?;
        Ok(Self { file, signature: signature.ok_or_else(missing("file signature is required"))? })
    }
}

#[derive(Default)]
struct Parts {
    file: Option<Bytes>,
    signature: Option<String>,
}

impl Parts {
    async fn read(form: &mut Multipart<'_>) -> Result<Self> {
        let mut parts = Self::default();
        while let Some(field) = form.next_field().await.map_err(broken)? {
            match field.name().map(str::to_owned).as_deref() {
                Some("file") => parts.file = Some(whole(field, LARGEST).await?),
                Some("signature") => {
                    let bytes = whole(field, LONGEST_SIGNATURE).await?;
                    let text = String::from_utf8(bytes.into());
                    let text = text.map_err(|_| Error::new(Kind::Invalid, "the signature is no text"))?;
                    parts.signature = Some(text.trim().to_owned());
                }
                Some(_) => return Err(Error::new(Kind::Invalid, "unexpected field in multipart form")),
                None => {}
            }
        }
        Ok(parts)
    }
}

/// A part up to a size.
async fn whole(mut field: Field<'_>, most: usize) -> Result<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = field.chunk().await.map_err(broken)? {
        if bytes.len() + piece.len() > most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

/// The body, broken off where it has more bytes than any form.
fn bounded(body: Body, exceeded: Arc<AtomicBool>) -> impl Stream<Item = io::Result<Bytes>> {
    let mut left = LARGEST + BESIDE;
    body_stream(body).map(move |piece| {
        let piece = piece?;
        left = left.checked_sub(piece.len()).ok_or_else(|| {
            exceeded.store(true, Ordering::Relaxed);
            io::Error::other("the form is too large")
        })?;
        Ok(piece)
    })
}

fn too_large() -> Error {
    Error::new(Kind::TooLarge, format!("a plugin has at most {} MiB", LARGEST >> 20))
}

fn broken(error: multer::Error) -> Error {
    Error::new(Kind::Invalid, "Error parsing `multipart/form-data` request").because(error)
}
