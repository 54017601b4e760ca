//! The index, and the list of ChartMuseum's API, which is a part of it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wharf_core::{Error, ReachGrant, RegistryPlace, Result, hex};
use wharf_http::knows_tag;
use wharf_registry::format::{Encoding, Listing};

use crate::{
    Call,
    endpoint::Window,
    format::NAME,
    index::{self, INDEX, YAML},
};

/// What was pushed a moment ago must be found, and no cache that others share may keep what one reader may see.
pub(crate) const REVALIDATED: &str = "private, max-age=0, must-revalidate";

/// A page in one encoding.
struct Shown {
    bytes: Bytes,
    etag: String,
    encoding: Encoding,
}

/// `GET /helm/{organisation}/{registry}/index.yaml`
pub(crate) async fn index(call: &Call<'_>, registry: &RegistryPlace) -> Result<Response> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let shown = shown(call, &grant, encoding(call.headers)).await?;
    say(call.headers, shown, YAML)
}

/// `GET /helm/{organisation}/{registry}/api/charts`
pub(crate) async fn charts(call: &Call<'_>, registry: &RegistryPlace, window: Window) -> Result<Response> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let Shown { bytes, etag, encoding } = shown(call, &grant, Encoding::Identity).await?;
    let range = index::charts(&bytes).ok_or_else(|| Error::internal("an index has no entries"))?;
    let all = bytes.slice(range);
    let (bytes, etag) = if window == Window::default() {
        (all, format!("{etag}-charts"))
    } else {
        let Window { offset, limit } = window;
        (some(&all, window)?, format!("{etag}-charts-{offset}-{}", limit.unwrap_or_default()))
    };
    say(call.headers, Shown { bytes, etag, encoding }, "application/json")
}

/// The page that all share, or one that is made for a caller who reaches only a part.
async fn shown(call: &Call<'_>, grant: &ReachGrant, encoding: Encoding) -> Result<Shown> {
    let Some(whole) = grant.whole() else { return made_for(call, grant).await };
    let rendered = call.registry.registry_pages(&whole, NAME).await?;
    let page = rendered.page(INDEX).ok_or_else(|| Error::internal("the index was not rendered"))?;
    let body = page.bodies.iter().find(|body| body.encoding == encoding);
    let body = body.ok_or_else(|| Error::internal("the index was not encoded"))?;
    Ok(Shown { bytes: body.bytes.clone(), etag: body.etag.clone(), encoding })
}

async fn made_for(call: &Call<'_>, grant: &ReachGrant) -> Result<Shown> {
    let Listing::Shown(registry, rows) = call.registry.shown(grant, NAME).await? else {
        return Err(Error::internal("a registry of charts shows something else"));
    };
    let make = move || index::index(&registry, &rows);
    let index = tokio::task::spawn_blocking(make).await.map_err(Error::internal)??;
    let etag = hex::encode(&Sha256::digest(&index));
    Ok(Shown { bytes: index.into(), etag, encoding: Encoding::Identity })
}

/// Some of the charts, in the order of their names.
fn some(all: &[u8], Window { offset, limit }: Window) -> Result<Bytes> {
    let all: Map<String, Value> = serde_json::from_slice(all).map_err(Error::internal)?;
    let some: Map<_, _> = all.into_iter().skip(offset).take(limit.unwrap_or(usize::MAX)).collect();
    serde_json::to_vec(&some).map(Bytes::from).map_err(Error::internal)
}

/// Helm's clients take gzip and nothing else.
fn encoding(headers: &HeaderMap) -> Encoding {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut elements = accepted.flat_map(|value| value.split(',')).map(|element| element.replace(' ', ""));
    let takes_gzip = elements.any(|element| {
        let (name, weight) = element.split_once(';').unwrap_or((&element, "q=1"));
        let weight = weight.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        name.eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    });
    if takes_gzip { Encoding::Gzip } else { Encoding::Identity }
}

/// A page, or that the reader has it already.
fn say(request: &HeaderMap, shown: Shown, media_type: &'static str) -> Result<Response> {
    let Shown { bytes, etag, encoding } = shown;
    let mut headers = HeaderMap::new();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATED));
    headers.insert(header::ETAG, HeaderValue::try_from(format!("\"{etag}\"")).map_err(Error::internal)?);
    if knows_tag(request, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    if encoding != Encoding::Identity {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.word()));
    }
    Ok((StatusCode::OK, headers, Body::from(bytes)).into_response())
}
