//! What an upload holds: a packaged chart as the body, or a form with `chart` and `prov` (RFC 7578), in any order.

use axum::{body::Body, http::HeaderMap};
use bytes::Bytes;
use wharf_core::{Error, Kind, Result};
use wharf_http::{Boundary, FormBounds, Multipart, body_stream, collect};

use crate::{archive::LARGEST_PACKAGED, format::LARGEST};

/// The largest packaged chart, in bytes.
const LARGEST_CHART: usize = LARGEST_PACKAGED as usize;
/// The largest provenance file, in bytes.
const LARGEST_PROVENANCE: usize = LARGEST as usize;
/// What a form may have beside both.
const BOUNDS: FormBounds = FormBounds { parts: 64, beside: 64 * 1024 };

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
        let Some(boundary) = Boundary::of(headers) else { return Self::bare(headers, body, bare).await };
        let form = Self::parts(Multipart::new(boundary, body_stream(body), BOUNDS)).await.map_err(worded)?;
        match &form {
            Self { chart: None, provenance: None } => {
                Err(Error::new(Kind::Invalid, "the form holds neither a chart nor a prov"))
            }
            _ => Ok(form),
        }
    }

    async fn bare(headers: &HeaderMap, body: Body, bare: Bare) -> Result<Self> {
        Ok(match bare {
            Bare::Chart => {
                Self { chart: Some(collect(headers, body, LARGEST_CHART).await?), ..Self::default() }
            }
            Bare::Provenance => Self {
                provenance: Some(collect(headers, body, LARGEST_PROVENANCE).await?),
                ..Self::default()
            },
        })
    }

    async fn parts(mut parts: Multipart) -> Result<Self> {
        let mut form = Self::default();
        while let Some(head) = parts.next_part().await? {
            let (slot, most) = match head.name.as_str() {
                "chart" => (&mut form.chart, LARGEST_CHART),
                "prov" => (&mut form.provenance, LARGEST_PROVENANCE),
                _ => continue,
            };
            if slot.replace(parts.file(most).await?).is_some() {
                return Err(Error::new(Kind::Invalid, "the form holds a part twice"));
            }
        }
        Ok(form)
    }
}

/// Says how large the parts may be where one is too large.
fn worded(error: Error) -> Error {
    match error.kind() {
        Kind::TooLarge => {
            let words = "a packaged chart has at most 32 MiB, and its provenance file 1 MiB";
            Error::new(Kind::TooLarge, words).because(error)
        }
        _ => error,
    }
}
