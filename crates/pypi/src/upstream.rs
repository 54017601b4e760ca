//! Projects of an upstream index: their page is kept and asked for again now and then, their files are fetched when
//! somebody wants them, held against the upstream's SHA-256, and stored as an upload stores them.

mod index;
mod keep;
mod page;
mod shelf;

use std::sync::Arc;

use axum::{body::Body, http::header, response::Response};
use bytes::Bytes;
use tokio::task::spawn_blocking;
use wharf_core::{Algorithm, Digest, Error, Kind, Result, Subject};
use wharf_http::Content;
use wharf_registry::{
    format::{Pair, Rendered},
    upstream::{Arrived, Coming, Document, DocumentWanted, Fetching, FileWanted, Lasting},
};

pub(crate) use self::shelf::{SHELF_BYTES, Shelf};
use self::{
    index::{Index, Moment},
    shelf::Shown,
};
use crate::{
    Call,
    accept::form,
    file::{self, Stands},
    format::{FILENAME, File, METADATA, NAME},
    simple,
    simple_page::{self, Listed},
    source::{Proxied, missing, told},
};

/// The largest file, in bytes.
const LARGEST_FILE: u64 = 4 * 1024 * 1024 * 1024;
/// The largest metadata, in bytes.
const LARGEST_METADATA: usize = 1024 * 1024;

/// Whether the upstream has a project.
pub(crate) async fn is_there(call: &Call<'_>, proxied: &Proxied) -> Result<bool> {
    Ok(document(call, proxied).await?.is_some())
}

/// The page of a project.
pub(crate) async fn project(call: &Call<'_>, proxied: &Proxied, wanted: Option<&str>) -> Result<Response> {
    let (shown, document) = shown(call, proxied).await?;
    let response = simple::say(call.headers, &shown.rendered, form(call.headers, wanted))?;
    Ok(told(response, &document, proxied.warning.as_deref()))
}

/// What is said of a file.
pub(crate) async fn head(call: &Call<'_>, proxied: &Proxied, filename: &str) -> Result<Response> {
    let (listed, digest) = find(call, proxied, filename).await?;
    match (holds(call, proxied, &digest).await?, listed.size) {
        (false, Some(size)) => file::content(digest, Stands::AsUpstreamSays)?.sized(size).head(call.headers),
        (false, None) => {
            fetch(call, proxied, &listed).await?.arrived().await?;
            stored_head(call, proxied, digest).await
        }
        (true, _) => stored_head(call, proxied, digest).await,
    }
}

async fn stored_head(call: &Call<'_>, proxied: &Proxied, digest: Digest) -> Result<Response> {
    let grant = call.registry.regrant(&proxied.grant).await?;
    file::head_of(call, &grant, (digest, Stands::AsUpstreamSays)).await
}

/// A file: from here if it is here, else as it comes, while it is stored. Who wants a part of it waits until it is here.
pub(crate) async fn get(call: &Call<'_>, proxied: &Proxied, filename: &str) -> Result<Response> {
    let (listed, digest) = find(call, proxied, filename).await?;
    let content = file::content(digest, Stands::AsUpstreamSays)?;
    if let Some(known) = content.known(call.headers)? {
        return Ok(known);
    }
    if !holds(call, proxied, &digest).await? {
        match fetch(call, proxied, &listed).await? {
            Fetching::Coming(coming) if !call.headers.contains_key(header::RANGE) => {
                return Ok(along(content, coming));
            }
            fetching => fetching.arrived().await?,
        }
    }
    // The repository may have come into being with the file.
    let grant = call.registry.regrant(&proxied.grant).await?;
    file::get_of(call, &grant, (digest, Stands::AsUpstreamSays)).await
}

/// A file as it comes. It breaks off if it is not what it was promised to be.
fn along(content: Content, Coming { length, body }: Coming) -> Response {
    let content = match length {
        Some(length) => content.sized(length),
        None => content,
    };
    content.all(Body::from_stream(body))
}

/// The metadata of a file: as the upstream promises it, from the file if that is here, else from the upstream. Where the
/// upstream promises none, from the file, which is fetched for that.
pub(crate) async fn metadata(call: &Call<'_>, proxied: &Proxied, filename: &str) -> Result<Response> {
    let (listed, digest) = find(call, proxied, filename).await?;
    let promised = listed.metadata.clone();
    if let Some(bytes) = stored_metadata(call, proxied, (filename, promised.as_deref())).await? {
        return Ok(file::metadata_of(bytes, Stands::AsUpstreamSays));
    }
    if let Some(sha256) = promised {
        let bytes = promised_metadata(call, proxied, (&listed, sha256)).await?;
        return Ok(file::metadata_of(bytes, Stands::AsUpstreamSays));
    }
    if !holds(call, proxied, &digest).await? {
        fetch(call, proxied, &listed).await?.arrived().await?;
    }
    let found = stored_metadata(call, proxied, (filename, None)).await?;
    Ok(file::metadata_of(found.ok_or_else(file::no_file)?, Stands::AsUpstreamSays))
}

/// What was read out of a file that is here, if it is what is promised.
async fn stored_metadata(
    call: &Call<'_>,
    proxied: &Proxied,
    (filename, promised): (&str, Option<&str>),
) -> Result<Option<Bytes>> {
    let grant = call.registry.regrant(&proxied.grant).await?;
    let pair = Pair { format: NAME, name: FILENAME, value: filename };
    let Some(row) = call.registry.find_listed(&grant, pair).await? else { return Ok(None) };
    let stored = File::of(&row)?.metadata;
    if promised.is_some_and(|promised| File::sha256(&stored) != Some(promised)) {
        return Ok(None);
    }
    let document = call.registry.listed_document(&grant, pair, METADATA).await?;
    Ok(document.map(|document| document.bytes))
}

/// The metadata that lies beside a file at the upstream (PEP 658).
async fn promised_metadata(
    call: &Call<'_>,
    proxied: &Proxied,
    (listed, sha256): (&Listed, String),
) -> Result<Bytes> {
    let (upstreams, proxy) = (&call.serving.face.upstreams, &proxied.proxy);
    let name = format!("python metadata {} {sha256}", listed.filename);
    let read = move |arrived: &Arrived| {
        let found = wharf_hash::digest(Algorithm::Sha256, &arrived.bytes).to_string();
        let words = "the metadata at the upstream is not what it promises";
        let wrong = || Error::new(Kind::NotFound(Subject::Blob), words);
        if File::sha256(&found) == Some(&sha256) { Ok(arrived.bytes.clone()) } else { Err(wrong()) }
    };
    let wanted = DocumentWanted {
        name: name.clone(),
        url: format!("{}.metadata", listed.url),
        accept: "*/*",
        most: LARGEST_METADATA,
        lasting: Lasting::Forever,
        read: Box::new(read),
    };
    upstreams.document(proxy, wanted).await?.ok_or_else(file::no_file)?;
    upstreams.payload(proxy, &name).await
}

/// Whether a file is in the project's repository.
async fn holds(call: &Call<'_>, proxied: &Proxied, digest: &Digest) -> Result<bool> {
    match call.registry.open_blob(&proxied.grant, digest).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), Kind::NotFound(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn fetch(call: &Call<'_>, proxied: &Proxied, listed: &Listed) -> Result<Fetching> {
    let place = proxied.grant.place().clone();
    let wanted = FileWanted { url: listed.url.clone(), digest: listed.digest()?, place, most: LARGEST_FILE };
    let keep = keep::keep(call.serving.clone(), listed.filename.clone());
    call.serving.face.upstreams.fetch(&proxied.proxy, wanted, keep).await
}

/// A file that is shown on the page of its project.
async fn find(call: &Call<'_>, proxied: &Proxied, filename: &str) -> Result<(Listed, Digest)> {
    let (shown, _) = shown(call, proxied).await?;
    let listed = shown.index.find(filename).cloned().ok_or_else(file::no_file)?;
    let digest = listed.digest()?;
    Ok((listed, digest))
}

/// The page of a project as it is known now, from memory if it was read before.
async fn shown(call: &Call<'_>, proxied: &Proxied) -> Result<(Arc<Shown>, Document)> {
    let known = document(call, proxied).await?.ok_or_else(missing)?;
    let upstreams = &call.serving.face.upstreams;
    let (registry, project) = (proxied.proxy.registry(), proxied.project.clone());
    let days = proxied.guard.cooldown_days;
    let (key, now) = ((registry, project.to_string(), days), Moment::of(upstreams.now()));
    let find_shown = || call.serving.shelf.find(&key).filter(|shown| shown.stands(known.version, now));
    if let Some(shown) = find_shown() {
        return Ok((shown, known));
    }
    let turn = call.serving.pages.next(proxied.proxy.organisation()).await?;
    // Who had the turn before may have rendered it.
    if let Some(shown) = find_shown() {
        return Ok((shown, known));
    }
    let payload = upstreams.payload(&proxied.proxy, &name_of(proxied)).await?;
    let render = move || {
        // The reader may go away; the work goes on, and the turn with it.
        let _turn = turn;
        let index = Index::kept(&payload)?.of(&project);
        let (index, until) = index.cooled(days, now);
        let rendered = Rendered::of(known.version, page::pages(&project, &index)?)?;
        Ok::<_, Error>(Shown::new(index, until, rendered))
    };
    let shown = Arc::new(spawn_blocking(render).await.map_err(Error::internal)??);
    call.serving.shelf.put(key, shown.clone());
    Ok((shown, known))
}

fn name_of(proxied: &Proxied) -> String {
    format!("python project {}", proxied.project)
}

async fn document(call: &Call<'_>, proxied: &Proxied) -> Result<Option<Document>> {
    let proxy = &proxied.proxy;
    let wanted = DocumentWanted {
        name: name_of(proxied),
        url: proxy.upstream().url.below(&format!("{}/", proxied.project))?,
        accept: simple_page::ACCEPT,
        most: simple_page::LARGEST,
        lasting: Lasting::Lifetime,
        read: Box::new(|arrived| Index::read(arrived)?.keep()),
    };
    call.serving.face.upstreams.document(proxy, wanted).await
}
