//! The simple index: the list of projects, and the page of one.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Error, Grant, Kind, RegistryGrant, Result, Subject, action::Pull};
use wharf_http::knows_tag;
use wharf_registry::format::{Encoding, Rendered};

use crate::{
    Call,
    accept::{Form, encoding, form},
    format::NAME,
};

/// `GET /pypi/{organisation}/{registry}/simple/`
pub(crate) async fn root(call: &Call<'_>, grant: &RegistryGrant, wanted: Option<&str>) -> Result<Response> {
    let form = form(call.headers, wanted);
    let rendered = call.registry.registry_pages(grant, NAME).await?;
    say(call.headers, &rendered, form)
}

/// `GET /pypi/{organisation}/{registry}/simple/{project}/`
pub(crate) async fn project(call: &Call<'_>, grant: &Grant<Pull>, wanted: Option<&str>) -> Result<Response> {
    let rendered = call.registry.repository_pages(grant, NAME).await?;
    let missing = || Error::new(Kind::NotFound(Subject::Name), "there is no such project here");
    say(call.headers, rendered.ok_or_else(missing)?.as_ref(), form(call.headers, wanted))
}

/// What was published a moment ago must be found, and no cache that others share may keep what one reader may see.
const REVALIDATED: &str = "private, max-age=0, must-revalidate";

/// A page, or that the reader has it already.
pub(crate) fn say(request: &HeaderMap, rendered: &Rendered, form: Option<Form>) -> Result<Response> {
    let Some(Form { kind, media_type }) = form else { return Ok(not_acceptable()) };
    let encoding = encoding(request);
    let page = rendered.page(kind).ok_or_else(|| Error::internal("a page was not rendered"))?;
    let body = page.bodies.iter().find(|body| body.encoding == encoding);
    let body = body.ok_or_else(|| Error::internal("a page was not encoded"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED));
    let etag = format!("\"{}\"", body.etag);
    headers.insert(header::ETAG, HeaderValue::try_from(etag).map_err(Error::internal)?);
    if knows_tag(request, &body.etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.bytes.len()));
    if encoding != Encoding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.word()));
    }
    Ok((StatusCode::OK, headers, Body::from(body.bytes.clone())).into_response())
}

fn not_acceptable() -> Response {
    let words = "this index answers application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html and text/html";
    (StatusCode::NOT_ACCEPTABLE, [(header::VARY, "Accept, Accept-Encoding")], words).into_response()
}
