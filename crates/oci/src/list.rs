//! Listing tags and repositories, in pages.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use wharf_core::{Page, Place, Result, action::Pull};

use crate::{Call, challenge_nobody, endpoint::PageQuery, header_value};

/// `GET /v2/{name}/tags/list`
pub(crate) async fn tags(call: &Call<'_>, place: &Place, query: &PageQuery) -> Result<Response> {
    let grant = call.registry.grant::<Pull>(call.actor, place).await?;
    let page = call.registry.tags(&grant, query.last.clone(), query.limit).await?;
    let link = next(&page, query, &format!("/v2/{place}/tags/list"))?;
    let body = Json(json!({ "name": place.to_string(), "tags": page.entries }));
    Ok(with_link(body.into_response(), link))
}

/// `GET /v2/_catalog`: only what the caller may read. Many clients send a login only when they are asked for it, and
/// would take the list for nobody as the whole.
pub(crate) async fn catalog(call: &Call<'_>, query: &PageQuery) -> Result<Response> {
    challenge_nobody(call.actor)?;
    let grant = call.registry.grant_catalog(call.actor)?;
    let page = call.registry.catalog(&grant, query.last.clone(), query.limit).await?;
    let link = next(&page, query, "/v2/_catalog")?;
    Ok(with_link(Json(json!({ "repositories": page.entries })).into_response(), link))
}

/// The `Link` to the page after this one (RFC 8288); names and tags need no escaping in a query.
fn next(page: &Page<String>, query: &PageQuery, path: &str) -> Result<Option<HeaderValue>> {
    match page.entries.last().filter(|_| page.more) {
        None => Ok(None),
        Some(last) => {
            let limit = query.limit.get();
            header_value(format!("<{path}?n={limit}&last={last}>; rel=\"next\"")).map(Some)
        }
    }
}

fn with_link(mut response: Response, link: Option<HeaderValue>) -> Response {
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}
