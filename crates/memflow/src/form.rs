//! The form of an upload: `multipart/form-data` with the parts `file` and `signature`, in any order (RFC 7578).

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use wharf_core::{Error, Kind, Result};
use wharf_http::{Boundary, FormBounds, Multipart, body_stream};
use wharf_registry::{HashedBytes, Hashing};

use crate::plugins::LARGEST;

/// What the form may have beside the file. A part may come again, so there are a few more than two.
const BOUNDS: FormBounds = FormBounds { parts: 8, beside: 64 * 1024 };
/// The longest signature, in bytes.
const LONGEST_SIGNATURE: usize = 1024;

/// An upload.
pub(crate) struct Form {
    pub(crate) file: HashedBytes,
    pub(crate) signature: String,
}

impl Form {
    /// Reads a form. Of a part that comes twice the last counts, one without a name is passed over.
    ///
    /// # Errors
    /// `TooLarge`; `Invalid` for what is no form, for a part that is missing and for one that nobody knows.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self> {
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > LARGEST + BOUNDS.beside) {
            return Err(too_large());
        }
        let expected = announced.unwrap_or_default().min(LARGEST);
        let boundary = Boundary::of(headers)
            .ok_or_else(|| invalid("Invalid `boundary` for `multipart/form-data` request"))?;
        let mut parts = Multipart::new(boundary, body_stream(body), BOUNDS);
        let (mut file, mut signature) = (None, None);
        while let Some(head) = parts.next_part().await.map_err(refused)? {
            match head.name.as_str() {
                "file" => file = Some(gather(&mut parts, expected).await?),
                "signature" => {
                    signature = Some(parts.text(LONGEST_SIGNATURE).await.map_err(refused)?.trim().to_owned());
                }
                "" => parts.skip_part().await.map_err(refused)?,
                _ => return Err(invalid("unexpected field in multipart form")),
            }
        }
        let file = file.ok_or_else(|| invalid("file is required"))?;
        Ok(Self { file, signature: signature.ok_or_else(|| invalid("file signature is required"))? })
    }
}

/// The file, hashed while it comes, in room for so many bytes.
async fn gather(parts: &mut Multipart, expected: usize) -> Result<HashedBytes> {
    let (mut file, mut size) = (Hashing::new(expected), 0);
    while let Some(piece) = parts.chunk().await.map_err(refused)? {
        size += piece.len();
        if size > LARGEST {
            return Err(too_large());
        }
        file.take(&piece).await?;
    }
    file.finish().await
}

fn invalid(words: &'static str) -> Error {
    Error::new(Kind::Invalid, words)
}

fn too_large() -> Error {
    Error::new(Kind::TooLarge, format!("a plugin has at most {} MiB", LARGEST >> 20))
}

/// What is wrong with a form, in the words that the client knows.
fn refused(error: Error) -> Error {
    match error.kind() {
        Kind::TooLarge => too_large(),
        _ => invalid("Error parsing `multipart/form-data` request").because(error),
    }
}
