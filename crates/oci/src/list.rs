//! Listing tags and repositories, in pages.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::{Page, Place, Result, action::Pull};
use wharf_http::with_next;

use crate::{Call, challenge_nobody, endpoint::PageQuery};

/// `GET /v2/{name}/tags/list`
pub(crate) async fn tags(call: &Call<'_>, place: &Place, query: &PageQuery) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let page = call.registry.tags(&grant, query.last.clone(), query.limit).await?;
    let next = next(&page, query, &format!("/v2/{place}/tags/list"));
    let body = Json(json!({ "name": place.to_string(), "tags": page.entries }));
    with_next(body.into_response(), next.as_deref())
}

/// `GET /v2/_catalog`: only what the caller may read. Many clients send a login only when they are asked for it, and
/// would take the list for nobody as the whole.
pub(crate) async fn catalog(call: &Call<'_>, query: &PageQuery) -> Result<Response> {
    challenge_nobody(call.actor)?;
    let grant = call.registry.grant_catalog(call.actor)?;
    let page = call.registry.catalog(&grant, query.last.clone(), query.limit).await?;
    let next = next(&page, query, "/v2/_catalog");
    with_next(Json(json!({ "repositories": page.entries })).into_response(), next.as_deref())
}

/// The path and query of the page after this one; names and tags need no escaping in a query.
fn next(page: &Page<String>, query: &PageQuery, path: &str) -> Option<String> {
    let last = page.entries.last().filter(|_| page.more)?;
    Some(format!("{path}?n={}&last={last}", query.limit.get()))
}
