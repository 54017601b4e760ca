//! Plugins of an upstream registry. What it lists is kept and asked for again now and then; a plugin is fetched when
//! somebody wants it, and stored as if it had been uploaded – if a key signed it that this registry believes. What the
//! upstream says of keys counts for nothing.

mod listed;

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use wharf_core::{Error, Kind, Protocol, RegistryGrant, Result};
use wharf_registry::{
    HashedBytes,
    upstream::{Arrived, DocumentWanted, Lasting, Proxy},
};

use self::listed::{Listed, Metadata, Names, Variants, keep};
use crate::{
    Call,
    endpoint::{Digits, Filter, not_found},
    form::Form,
    plugins::LARGEST,
    search,
    upload::Upload,
    variant::Variant,
};

/// The largest list of names that is read, in bytes.
const LARGEST_NAMES: usize = 8 * 1024 * 1024;
/// The largest page of variants, or metadata of a file.
const LARGEST_PAGE: usize = 1024 * 1024;
/// The most bytes of all pages of one plugin.
const MOST_BYTES: usize = 8 * 1024 * 1024;
/// How many variants an upstream shows at once.
const PAGE: usize = 50;
/// How many such lists of one plugin are read.
const MOST_PAGES: usize = 40;

/// The proxy that a call is for, if its registry is one.
pub(crate) async fn proxy(call: &Call<'_>, grant: &RegistryGrant) -> Result<Option<Proxy>> {
    call.serving.face.upstreams.proxy_registry(grant, Protocol::Memflow).await
}

/// `GET /plugins`: what the upstream lists. It is kept as it is said.
pub(crate) async fn plugins(call: &Call<'_>, proxy: &Proxy) -> Result<Response> {
    let read = |arrived: &Arrived| keep(&Names::read(&arrived.bytes)?);
    let (most, name) = (LARGEST_NAMES, "memflow names".to_owned());
    let wanted = wanted(proxy, (name.clone(), "plugins"), (most, Box::new(read)))?;
    let upstreams = &call.serving.face.upstreams;
    if upstreams.document(proxy, wanted).await?.is_none() {
        return Ok(Json(Names::default()).into_response());
    }
    let payload = upstreams.payload(proxy, &name).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], payload).into_response())
}

/// `GET /plugins/{name}`: the variants that the upstream lists and that pass a filter.
pub(crate) async fn variants(
    call: &Call<'_>,
    (proxy, grant): (&Proxy, &RegistryGrant),
    (name, filter): (&str, &Filter),
) -> Result<Response> {
    let mut plugins = Vec::new();
    if filter.is_possible() && filter.limit > 0 {
        for listed in found(call, proxy, (name, filter)).await? {
            plugins.push(shown(call, grant, listed).await?);
        }
    }
    Ok(Json(json!({ "plugins": plugins, "skip": filter.skip })).into_response())
}

/// A variant as the upstream lists it, and whether it is here, which it is only if it was verified.
async fn shown(call: &Call<'_>, grant: &RegistryGrant, listed: Listed) -> Result<Value> {
    let verified = search::has_file(call, grant, &Digits::parse(&listed.digest)?).await?;
    let Listed { digest, signature, created_at, descriptor } = listed;
    Ok(json!({
        "digest": digest, "signature": signature, "created_at": created_at, "descriptor": descriptor,
        "verified": verified,
    }))
}

/// The variants of a plugin that are to be shown. Page after page is read until there are enough, and of all pages so many
/// bytes.
async fn found(call: &Call<'_>, proxy: &Proxy, (name, filter): (&str, &Filter)) -> Result<Vec<Listed>> {
    let (mut found, mut passed, mut read) = (Vec::new(), 0, 0);
    for number in 0..MOST_PAGES {
        let Some(payload) = page(call, proxy, (name, number * PAGE)).await? else { break };
        read += payload.len();
        if read > MOST_BYTES {
            break;
        }
        let turn = call.serving.looks.next(&call.place.organisation).await?;
        let parse = move || {
            let _turn = turn;
            Variants::kept(&payload)
        };
        let listed = spawn_blocking(parse).await.map_err(Error::internal)??;
        let is_last = listed.len() < PAGE;
        for listed in listed.into_iter().filter(|listed| listed.passes(filter)) {
            passed += 1;
            if passed > filter.skip {
                found.push(listed);
            }
            if found.len() == filter.limit {
                return Ok(found);
            }
        }
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// What is kept of one page of the variants of a plugin; none behind the last.
async fn page(call: &Call<'_>, proxy: &Proxy, (name, skip): (&str, usize)) -> Result<Option<Bytes>> {
    let upstreams = &call.serving.face.upstreams;
    let path: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let path = format!("plugins/{}?limit={PAGE}&skip={skip}", path.replace('+', "%20"));
    let read = move |arrived: &Arrived| {
        let variants = Variants::read(&arrived.bytes)?;
        // An empty list is not kept: there are as many of them as there are names.
        if variants.is_empty() { Err(not_found()) } else { Variants::keep(variants) }
    };
    let name = format!("memflow variants {name} {skip}");
    let wanted = wanted(proxy, (name.clone(), &path), (LARGEST_PAGE, Box::new(read)))?;
    match upstreams.document(proxy, wanted).await {
        Ok(Some(_)) => upstreams.payload(proxy, &name).await.map(Some),
        Ok(None) => Ok(None),
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Brings a file here that the upstream has, by one for all who wait.
///
/// # Errors
/// `NotFound` where it has none; `Denied` for one that no believed key signed; `Unavailable`.
pub(crate) async fn fetch(call: &Call<'_>, proxy: &Proxy, digits: &Digits) -> Result<()> {
    let upstreams = &call.serving.face.upstreams;
    let Digits(wanted) = digits;
    let _flight = upstreams.turn(proxy, &format!("plugin {wanted}")).await?;
    if is_here(call, digits).await? {
        return Ok(());
    }
    let trust = call.signing.trust(&call.place).await?;
    if trust.believed().next().is_none() {
        let words = "this proxy believes no key: let it believe the one that its upstream signs with";
        return Err(Error::new(Kind::Denied, words));
    }
    // Not one of those for uploads: a slow upstream holds no client up.
    let turn = call.serving.fetches.next(&call.place.organisation).await?;
    let metadata = format!("files/{wanted}/metadata");
    let metadata = upstreams.whole(proxy, &metadata, LARGEST_PAGE).await?.ok_or_else(not_found)?;
    let metadata = spawn_blocking(move || Metadata::read(&metadata)).await.map_err(Error::internal)??;
    let (digest, signature) = (metadata.digest()?, metadata.signature);
    let file = format!("files/{}", digest.hex());
    let file = upstreams.whole(proxy, &file, LARGEST).await?.ok_or_else(not_found)?;
    let form = Form { file: hashed(file).await?, signature };
    let held = call.serving.face.plugins.held.clone();
    let upload = Upload::read(form, trust, turn, held).await.map_err(|error| {
        tracing::warn!(%digest, ?error, "a plugin of an upstream was not kept");
        Error::new(Kind::Denied, format!("the upstream's plugin is refused: {}", error.message()))
    })?;
    if *upload.digest() != digest || !digest.hex().starts_with(wanted.as_str()) {
        tracing::warn!(%digest, "an upstream sent another plugin than it was asked for");
        return Err(Error::new(Kind::Unavailable, "the upstream sent another plugin than it was asked for"));
    }
    store(call, proxy, &upload).await
}

async fn hashed(file: Bytes) -> Result<HashedBytes> {
    spawn_blocking(|| HashedBytes::new(file)).await.map_err(Error::internal)
}

/// Stores a plugin as an upload is stored, in the name of whoever fetches.
async fn store(call: &Call<'_>, proxy: &Proxy, upload: &Upload) -> Result<()> {
    for (place, descriptors) in upload.places(call)? {
        let grant = call.serving.face.upstreams.grant_keeping(proxy, &place).await?;
        let call = Call {
            serving: call.serving,
            registry: call.registry,
            signing: call.signing,
            actor: grant.actor(),
            place: call.place.clone(),
            request: call.request,
        };
        upload.store(&call, &grant, &descriptors).await?;
    }
    Ok(())
}

/// Whether a file is in this registry.
async fn is_here(call: &Call<'_>, digits: &Digits) -> Result<bool> {
    match find(call, digits).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The variants of a file that are in this registry.
pub(crate) async fn find(call: &Call<'_>, digits: &Digits) -> Result<Vec<Variant>> {
    let grant = call.registry.grant_registry(call.actor, &call.place).await?;
    search::of_file(call, &grant, digits).await
}

fn wanted(
    proxy: &Proxy,
    (name, path): (String, &str),
    (most, read): (usize, wharf_registry::upstream::Read),
) -> Result<DocumentWanted> {
    let (url, lasting) = (proxy.upstream().url.below(path)?, Lasting::Lifetime);
    Ok(DocumentWanted { name, url, accept: "application/json", most, lasting, read })
}
