//! The simple index: the list of projects, and the page of one.

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use wharf_core::{Error, Grant, Kind, RegistryGrant, Result, Subject, action::Pull};
use wharf_http::SentPage;
use wharf_registry::format::Rendered;

use crate::{
    Call,
    accept::{Form, encoding, form},
    format::NAME,
};

/// What chooses among the forms of a page.
const VARY: &str = "Accept, Accept-Encoding";

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

/// A page, or that the reader has it already.
pub(crate) fn say(request: &HeaderMap, rendered: &Rendered, form: Option<Form>) -> Result<Response> {
    let Some(Form { kind, media_type }) = form else { return Ok(not_acceptable()) };
    let page = rendered.page(kind).ok_or_else(|| Error::internal("a page was not rendered"))?;
    let body = page.body(encoding(request))?;
    let (bytes, etag, coding) = (body.bytes.clone(), body.etag.clone(), body.encoding.word());
    SentPage { bytes, etag, coding, media_type, vary: VARY }.answer(request)
}

fn not_acceptable() -> Response {
    let words = "this index answers application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html and text/html";
    (StatusCode::NOT_ACCEPTABLE, [(header::VARY, VARY)], words).into_response()
}
