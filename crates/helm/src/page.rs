//! The index, and the list of ChartMuseum's API, which is a part of it.

use axum::{http::HeaderMap, response::Response};
use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use wharf_core::{Error, ReachGrant, RegistryPlace, Result, hex};
use wharf_http::{SentPage, taken_coding};
use wharf_registry::format::{Encoding, Listing};

use crate::{
    Call,
    endpoint::Window,
    format::NAME,
    index::{self, INDEX, YAML},
};

/// What a reader gets of the index.
struct Shown {
    bytes: Bytes,
    etag: String,
    encoding: Encoding,
}

/// `GET /helm/{organisation}/{registry}/index.yaml`
pub(crate) async fn index(call: &Call<'_>, registry: &RegistryPlace) -> Result<Response> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let shown = shown(call, &grant, encoding(call.headers)).await?;
    shown.say(call.headers, YAML)
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
    Shown { bytes, etag, encoding }.say(call.headers, "application/json")
}

/// The page that all share, or one that is made for a caller who reaches only a part.
async fn shown(call: &Call<'_>, grant: &ReachGrant, encoding: Encoding) -> Result<Shown> {
    let Some(whole) = grant.whole() else { return made_for(call, grant).await };
    let rendered = call.registry.registry_pages(&whole, NAME).await?;
    let page = rendered.page(INDEX).ok_or_else(|| Error::internal("the index was not rendered"))?;
    let body = page.body(encoding)?;
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

/// The smallest that the reader takes. Helm itself takes gzip.
fn encoding(headers: &HeaderMap) -> Encoding {
    taken_coding(headers, &Encoding::SMALLER, Encoding::word).unwrap_or(Encoding::Identity)
}

impl Shown {
    fn say(self, request: &HeaderMap, media_type: &'static str) -> Result<Response> {
        let Self { bytes, etag, encoding } = self;
        let page = SentPage { bytes, etag, coding: encoding.word(), media_type, vary: "Accept-Encoding" };
        page.answer(request)
    }
}
