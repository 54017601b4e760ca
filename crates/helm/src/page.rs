//! The index, and the list of ChartMuseum's API, which is a part of it.

use axum::{http::HeaderMap, response::Response};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::task::spawn_blocking;
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
struct IndexBody {
    bytes: Bytes,
    etag: String,
    encoding: Encoding,
}

/// `GET /helm/{organisation}/{registry}/index.yaml`
pub(crate) async fn index(call: &Call<'_>, registry: &RegistryPlace) -> Result<Response> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let shown = shown(call, (registry, &grant), encoding(call.headers)).await?;
    shown.say(call.headers, YAML)
}

/// `GET /helm/{organisation}/{registry}/api/charts`
pub(crate) async fn charts(call: &Call<'_>, registry: &RegistryPlace, window: Window) -> Result<Response> {
    let grant = call.registry.grant_reach(call.actor, registry).await?;
    let IndexBody { bytes, etag, encoding } = shown(call, (registry, &grant), Encoding::Identity).await?;
    let range = index::charts(&bytes).ok_or_else(|| Error::internal("an index has no entries"))?;
    let all = bytes.slice(range);
    let bytes = if window == Window::default() { all } else { some(call, registry, (all, window)).await? };
    IndexBody { bytes, etag: window.tag(&etag), encoding }.say(call.headers, "application/json")
}

/// The page that all share, or one that is made for a caller who reaches only a part.
async fn shown(
    call: &Call<'_>,
    (registry, grant): (&RegistryPlace, &ReachGrant),
    encoding: Encoding,
) -> Result<IndexBody> {
    let Some(whole) = grant.whole() else { return made_for(call, (registry, grant)).await };
    let rendered = call.registry.registry_pages(&whole, NAME).await?;
    let page = rendered.page(INDEX).ok_or_else(|| Error::internal("the index was not rendered"))?;
    let body = page.body(encoding)?;
    Ok(IndexBody { bytes: body.bytes.clone(), etag: body.etag.clone(), encoding })
}

/// It is made anew for each request, so few of them are made at once.
async fn made_for(call: &Call<'_>, (registry, grant): (&RegistryPlace, &ReachGrant)) -> Result<IndexBody> {
    let turn = call.looks.next(&registry.organisation).await?;
    let Listing::Shown(place, rows) = call.registry.shown(grant, NAME).await? else {
        return Err(Error::internal("a registry of charts shows something else"));
    };
    let make = move || {
        let (_turn, index) = (turn, index::index(&place, &rows)?);
        let etag = hex::encode(&Sha256::digest(&index));
        Ok(IndexBody { bytes: index.into(), etag, encoding: Encoding::Identity })
    };
    spawn_blocking(make).await.map_err(Error::internal)?
}

/// Some of the charts, which may be a copy of nearly all of them.
async fn some(call: &Call<'_>, registry: &RegistryPlace, (all, window): (Bytes, Window)) -> Result<Bytes> {
    let turn = call.looks.next(&registry.organisation).await?;
    let cut = move || {
        let _turn = turn;
        Bytes::from(index::some(&all, window))
    };
    spawn_blocking(cut).await.map_err(Error::internal)
}

/// The smallest that the reader takes. Helm itself takes gzip.
fn encoding(headers: &HeaderMap) -> Encoding {
    taken_coding(headers, &Encoding::SMALLER, Encoding::word).unwrap_or(Encoding::Identity)
}

impl IndexBody {
    fn say(self, request: &HeaderMap, media_type: &'static str) -> Result<Response> {
        let Self { bytes, etag, encoding } = self;
        let page = SentPage { bytes, etag, coding: encoding.word(), media_type, vary: "Accept-Encoding" };
        page.answer(request)
    }
}
