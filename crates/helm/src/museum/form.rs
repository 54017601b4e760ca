//! What an upload holds: a packaged chart as the body, or a form with `chart` and `prov` (RFC 7578), in any order.

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
use wharf_http::{body_stream, collect};

use crate::{archive::LARGEST_PACKAGED, format::LARGEST};

/// The largest packaged chart, in bytes.
const LARGEST_CHART: usize = LARGEST_PACKAGED as usize;
/// The largest provenance file, in bytes.
const LARGEST_PROVENANCE: usize = LARGEST as usize;
/// What a form may have beside both, in bytes.
const BESIDE: usize = 64 * 1024;

/// What was sent.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// The packaged chart.
    pub(super) chart: Option<Bytes>,
    /// The provenance file.
    pub(super) provenance: Option<Bytes>,
}

/// What the body is where it is no form.
#[derive(Clone, Copy)]
pub(super) enum Bare {
    /// A packaged chart.
    Chart,
    /// A provenance file.
    Provenance,
}

impl Form {
    /// Reads an upload. Fields of other names are passed over.
    ///
    /// # Errors
    /// `TooLarge`; `Invalid` for what is no form, holds a part twice, or nothing.
    pub(super) async fn read(headers: &HeaderMap, body: Body, bare: Bare) -> Result<Self> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let form = match (multer::parse_boundary(kind), bare) {
            (Ok(boundary), _) => Self::read_parts(body, boundary).await?,
            (Err(_), Bare::Chart) => {
                Self { chart: Some(collect(headers, body, LARGEST_CHART).await?), provenance: None }
            }
            (Err(_), Bare::Provenance) => {
                Self { chart: None, provenance: Some(collect(headers, body, LARGEST_PROVENANCE).await?) }
            }
        };
        match &form {
            Self { chart: None, provenance: None } => {
                Err(Error::new(Kind::Invalid, "the form holds neither a chart nor a prov"))
            }
            _ => Ok(form),
        }
    }

    async fn read_parts(body: Body, boundary: String) -> Result<Self> {
        let exceeded = Arc::<AtomicBool>::default();
        let mut parts = Multipart::new(bounded(body, exceeded.clone()), boundary);
        let mut form = Self::default();
        let read = form.take_all(&mut parts).await;
        if exceeded.load(Ordering::Relaxed) {
            return Err(too_large());
        }
        read.map(|()| form)
    }

    async fn take_all(&mut self, parts: &mut Multipart<'_>) -> Result<()> {
        while let Some(field) = parts.next_field().await.map_err(broken)? {
            let (slot, most) = match field.name() {
                Some("chart") => (&mut self.chart, LARGEST_CHART),
                Some("prov") => (&mut self.provenance, LARGEST_PROVENANCE),
                _ => continue,
            };
            if slot.replace(whole(field, most).await?).is_some() {
                return Err(Error::new(Kind::Invalid, "the form holds a part twice"));
            }
        }
        Ok(())
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
    let mut left = LARGEST_CHART + LARGEST_PROVENANCE + BESIDE;
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
    Error::new(Kind::TooLarge, "a packaged chart has at most 32 MiB, and its provenance file 1 MiB")
}

fn broken(error: multer::Error) -> Error {
    Error::new(Kind::Invalid, "the form cannot be read").because(error)
}
