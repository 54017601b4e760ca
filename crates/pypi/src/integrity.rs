//! What the publisher of a file attested of it (PEP 740, integrity API).

use std::collections::HashSet;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use wharf_core::{Error, Grant, Kind, Result, Subject, action::Pull};
use wharf_http::REVALIDATED;
use wharf_registry::format::Pair;

use crate::{
    Call,
    accept::accepts_json,
    attestation::kept::{ATTESTATIONS, ATTESTS, Attested, Bundle, provenance},
    format::{FILENAME, File, NAME},
};

const INTEGRITY: &str = "application/vnd.pypi.integrity.v1+json";

/// `GET /pypi/{organisation}/{registry}/integrity/{project}/{version}/{filename}/provenance`
pub(crate) async fn provenance_of(
    call: &Call<'_>,
    grant: &Grant<Pull>,
    (version, filename): (&str, &str),
) -> Result<Response> {
    if !accepts_json(call.headers, INTEGRITY) {
        let words = format!("this endpoint answers {INTEGRITY}\n");
        return Ok((StatusCode::NOT_ACCEPTABLE, words).into_response());
    }
    let none = || Error::new(Kind::NotFound(Subject::Name), "nothing was attested of such a file here");
    let pair = |name| Pair { format: NAME, name, value: filename };
    let file = call.registry.find_listed(grant, pair(FILENAME)).await?.ok_or_else(none)?;
    let file = File::of(&file)?;
    let is_version = |text: &str| text.parse::<pep440_rs::Version>().ok() == file.version.parse().ok();
    if !is_version(version) {
        return Err(none());
    }
    let (mut bundles, mut seen) = (Vec::new(), HashSet::new());
    for (attributes, document) in call.registry.documents_beside(grant, pair(ATTESTS), ATTESTATIONS).await? {
        let attested: Attested = serde_json::from_str(&attributes).map_err(Error::internal)?;
        let is_of_file = File::sha256(&file.digest) == Some(&attested.sha256);
        let Some(publisher) = attested.publisher.filter(|_| is_of_file) else { continue };
        // The same, pushed for another manifest that holds the file, is shown once.
        if seen.insert(document.bytes.clone()) {
            let attestations = serde_json::from_slice::<Value>(&document.bytes).map_err(Error::internal)?;
            bundles.push(Bundle { publisher, attestations });
        }
    }
    if bundles.is_empty() {
        return Err(none());
    }
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(INTEGRITY)),
        (header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED)),
        (header::VARY, HeaderValue::from_static("Accept")),
    ];
    Ok((headers, provenance(bundles).to_string()).into_response())
}
