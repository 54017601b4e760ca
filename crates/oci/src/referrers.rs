//! Listing referrers, as an image index (distribution-spec, listing referrers). Never 404: a place that is not
//! there, or that the caller may not know of, has none.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::value::RawValue;
use wharf_core::{Kind, MediaType, Page, Place, Result, action::Pull};
use wharf_http::with_next;
use wharf_registry::Referrer;

use crate::{Call, endpoint::ReferrersQuery};

/// `GET /v2/{name}/referrers/{digest}`
pub(crate) async fn list(call: &Call<'_>, place: &Place, query: &ReferrersQuery) -> Result<Response> {
    let page = match call.registry.grant::<Pull>(call.actor, place).await {
        Ok(grant) => {
            let ReferrersQuery { subject, artifact_type, last } = query.clone();
            call.registry.referrers(&grant, subject, artifact_type, last).await?
        }
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Page { entries: Vec::new(), more: false },
        Err(error) => return Err(error),
    };
    let manifests = page.entries.iter().map(Descriptor::of).collect();
    let index = Index { schema_version: 2, media_type: MediaType::OCI_INDEX, manifests };
    let mut response = Json(index).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MediaType::OCI_INDEX));
    if query.artifact_type.is_some() {
        headers.insert("oci-filters-applied", HeaderValue::from_static("artifactType"));
    }
    with_next(response, next(&page, place, query).as_deref())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u32,
    media_type: &'a str,
    manifests: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    /// As they were stored: a page may hold many.
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

impl<'a> Descriptor<'a> {
    fn of(referrer: &'a Referrer) -> Self {
        Self {
            media_type: referrer.media_type.as_str(),
            digest: referrer.digest.to_string(),
            size: referrer.size,
            artifact_type: referrer.artifact_type.as_deref(),
            annotations: referrer.annotations.as_deref(),
        }
    }
}

/// The path and query of the page after this one.
fn next(page: &Page<Referrer>, place: &Place, query: &ReferrersQuery) -> Option<String> {
    let last = page.entries.last().filter(|_| page.more)?;
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    parameters.append_pair("last", &last.digest.to_string());
    if let Some(kind) = &query.artifact_type {
        parameters.append_pair("artifactType", kind);
    }
    Some(format!("/v2/{place}/referrers/{}?{}", query.subject, parameters.finish()))
}
