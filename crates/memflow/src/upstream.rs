//! Plugins of an upstream registry. What it lists is kept and asked for again now and then; a plugin is fetched when
//! somebody wants it, and stored as if it had been uploaded – if a key signed it that this registry believes. What the
//! upstream says of keys counts for nothing.

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::task::spawn_blocking;
use wharf_core::{Digest, Error, Kind, Protocol, RegistryGrant, Result};
use wharf_registry::{
    HashedBytes,
    upstream::{Arrived, DocumentWanted, Lasting, Proxy},
};

use crate::{
    Call,
    endpoint::{Digits, Filter, not_found},
    form::Form,
    plugins::LARGEST,
    search,
    upload::Upload,
    variant::Variant,
};

/// The largest list that is read, in bytes.
const LARGEST_LIST: usize = 8 * 1024 * 1024;
/// How many variants an upstream shows at once.
const PAGE: usize = 50;
/// How many such lists of one plugin are read.
const MOST_PAGES: usize = 40;

/// The proxy that a call is for, if its registry is one.
pub(crate) async fn proxy(call: &Call<'_>, grant: &RegistryGrant) -> Result<Option<Proxy>> {
    call.serving.face.upstreams.proxy_registry(grant, &call.place, Protocol::Memflow).await
}

/// `GET /plugins`: what the upstream lists.
pub(crate) async fn plugins(call: &Call<'_>, proxy: &Proxy) -> Result<Response> {
    let read = |arrived: &Arrived| list(arrived).map(|_| arrived.bytes.clone());
    let wanted = wanted(proxy, ("memflow plugins".to_owned(), "plugins"), Box::new(read))?;
    let (name, known) = (wanted.name.clone(), call.serving.face.upstreams.document(proxy, wanted).await?);
    if known.is_none() {
        return Ok(Json(json!({ "plugins": [] })).into_response());
    }
    let payload = call.serving.face.upstreams.payload(proxy, &name).await?;
    let entries = entries(&payload)?;
    let named = entries.iter().filter_map(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        Some(json!({ "name": text("name")?, "description": text("description").unwrap_or_default() }))
    });
    Ok(Json(json!({ "plugins": named.collect::<Vec<_>>() })).into_response())
}

/// `GET /plugins/{name}`: the variants that the upstream lists and that pass a filter.
pub(crate) async fn variants(
    call: &Call<'_>,
    proxy: &Proxy,
    (name, filter): (&str, &Filter),
) -> Result<Response> {
    let mut found = Vec::new();
    if filter.is_possible() && filter.limit > 0 {
        found = all_variants(call, proxy, name).await?;
        found.retain(|variant| passes(variant, filter));
    }
    let mut plugins = Vec::new();
    for variant in found.iter().skip(filter.skip).take(filter.limit) {
        plugins.push(shown(call, variant).await?);
    }
    Ok(Json(json!({ "plugins": plugins, "skip": filter.skip })).into_response())
}

/// A variant as the upstream lists it, and whether it is here, which it is only if it was verified.
async fn shown(call: &Call<'_>, variant: &Map<String, Value>) -> Result<Value> {
    let fields = ["digest", "signature", "created_at", "descriptor"];
    let mut shown: Map<String, Value> = fields
        .into_iter()
        .map(|field| (field.to_owned(), variant.get(field).cloned().unwrap_or_default()))
        .collect();
    let digest = Digits::parse(text(variant, "digest"))?;
    shown.insert("verified".to_owned(), is_here(call, &digest).await?.into());
    Ok(Value::Object(shown))
}

/// Every variant of a plugin, page by page, as they are known.
async fn all_variants(call: &Call<'_>, proxy: &Proxy, name: &str) -> Result<Vec<Map<String, Value>>> {
    let (upstreams, mut found) = (&call.serving.face.upstreams, Vec::new());
    let path: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let path = path.replace('+', "%20");
    for page in 0..MOST_PAGES {
        let skip = page * PAGE;
        let read = move |arrived: &Arrived| {
            let variants = list(arrived)?;
            // An empty list is not kept: there are as many of them as there are names.
            if variants.is_empty() { Err(not_found()) } else { keep(&variants) }
        };
        let path = format!("plugins/{path}?limit={PAGE}&skip={skip}");
        let wanted = wanted(proxy, (format!("memflow variants {name} {skip}"), &path), Box::new(read))?;
        let document = wanted.name.clone();
        match upstreams.document(proxy, wanted).await {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) if matches!(error.kind(), Kind::NotFound(_)) => break,
            Err(error) => return Err(error),
        }
        let variants = entries(&upstreams.payload(proxy, &document).await?)?;
        let is_last = variants.len() < PAGE;
        found.extend(variants);
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// Whether a variant passes a filter, as one of this registry would.
fn passes(variant: &Map<String, Value>, filter: &Filter) -> bool {
    let (hex, descriptor) = (text(variant, "digest"), variant.get("descriptor").and_then(Value::as_object));
    let Some(descriptor) = descriptor else { return false };
    let is = |name: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| text(descriptor, name) == wanted);
    let is_version = |version: &String| {
        text(descriptor, "version") == version
            || (!version.is_empty() && hex.starts_with(&version.to_ascii_lowercase()))
    };
    Digits::parse(hex).is_ok()
        && filter.version.as_ref().is_none_or(is_version)
        && filter.digests.iter().all(|digits| !digits.is_empty() && hex.starts_with(digits.as_str()))
        && is("file_type", filter.file_type)
        && is("architecture", filter.architecture)
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
    let turn = call.serving.turns.next(&call.place.organisation).await?;
    let metadata = format!("files/{wanted}/metadata");
    let metadata = upstreams.whole(proxy, &metadata, LARGEST_LIST).await?.ok_or_else(not_found)?;
    let metadata: Map<String, Value> = serde_json::from_slice(&metadata).map_err(|_| no_list())?;
    let (digest, signature) = (text(&metadata, "digest"), text(&metadata, "signature").to_owned());
    let digest: Digest = format!("sha256:{digest}").parse().map_err(|_| no_list())?;
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
    read: wharf_registry::upstream::Read,
) -> Result<DocumentWanted> {
    let (url, lasting) = (proxy.upstream().url.below(path)?, Lasting::Lifetime);
    Ok(DocumentWanted { name, url, accept: "application/json", most: LARGEST_LIST, lasting, read })
}

/// The entries of a list that came.
fn list(arrived: &Arrived) -> Result<Vec<Map<String, Value>>> {
    entries(&arrived.bytes).map_err(|_| no_list())
}

fn entries(bytes: &[u8]) -> Result<Vec<Map<String, Value>>> {
    let mut list: Map<String, Value> = serde_json::from_slice(bytes).map_err(Error::internal)?;
    serde_json::from_value(list.remove("plugins").unwrap_or_default()).map_err(Error::internal)
}

fn keep(variants: &[Map<String, Value>]) -> Result<Bytes> {
    serde_json::to_vec(&json!({ "plugins": variants })).map(Bytes::from).map_err(Error::internal)
}

fn no_list() -> Error {
    Error::new(Kind::Unavailable, "the upstream answered as no registry of plugins does")
}

fn text<'v>(object: &'v Map<String, Value>, name: &str) -> &'v str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}
