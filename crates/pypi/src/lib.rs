//! Python packages: an index that pip and uv install from and twine and uv publish to, over plain OCI artifacts.
//!
//! A file is a manifest of its own in the repository `pypi/<project>`, a release an index of them under the tag of its
//! version; so `oras pull` gets the wheel back, and what `oras push` brings is listed like what twine brings. The
//! format ([`Distributions`]) reads, lists and renders; the face below only translates.

mod accept;
mod archive;
mod attestation;
pub mod carried;
mod description;
mod endpoint;
mod error;
mod file;
mod filename;
mod format;
mod integrity;
mod metadata;
mod name;
mod page;
#[cfg(feature = "reading")]
pub mod reading;
mod release;
mod requirement;
mod shape;
mod simple;
pub mod simple_page;
mod source;
mod upload;
mod upstream;
mod version;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header, request},
    response::{IntoResponse, Response},
    routing::any,
};
use wharf_core::{Actor, Authenticator, Result};
use wharf_http::{BaseUrl, identify, named};
use wharf_registry::{Cache, Registry, Turns, upstream::Upstreams};

pub use crate::{attestation::Notary, endpoint::NAMES, format::Distributions};
use crate::{
    endpoint::Endpoint,
    source::{ProjectSource, ROOTS_BYTES, Roots},
    upstream::{SHELF_BYTES, Shelf},
};

/// How many pages are made for their readers at once, which takes several times their size in memory, and how many of them
/// for one organisation.
const PAGES: usize = 4;
const PAGES_SHARE: usize = 2;

/// What the face works with.
#[derive(Clone)]
pub struct Pypi {
    /// The registry.
    pub registry: Registry,
    /// Who says who is calling.
    pub authenticator: Arc<dyn Authenticator>,
    /// Where this Wharf is reached.
    pub base: BaseUrl,
    /// What proxies fetch, and what virtual registries show.
    pub upstreams: Upstreams,
    /// The format, one with that of the registry.
    pub distributions: Distributions,
}

/// A face that serves.
#[derive(Clone)]
struct Serving {
    face: Pypi,
    shelf: Arc<Shelf>,
    roots: Arc<Roots>,
    /// Of forms that are read.
    forms: Arc<Turns>,
    /// Of pages that are made for their readers.
    pages: Arc<Turns>,
}

/// Everything below `/pypi/{organisation}/{registry}/`.
pub fn router(face: Pypi) -> Router {
    let forms = Arc::new(face.registry.turns());
    let pages = Arc::new(Turns::new(PAGES, PAGES_SHARE));
    let (shelf, roots) = (Arc::new(Cache::new(SHELF_BYTES)), Arc::new(Cache::new(ROOTS_BYTES)));
    let serving = Serving { face, shelf, roots, forms, pages };
    Router::new().route("/pypi/{*path}", any(serve)).with_state(serving)
}

/// What the endpoint that a request is for is called in logs and metrics; nothing for a request that is for none.
pub fn endpoint_of(method: &Method, uri: &Uri) -> Option<&'static str> {
    Endpoint::parse(method, uri.path(), uri.query()).ok().map(|endpoint| endpoint.name())
}

/// A request on its way through a handler.
struct Call<'a> {
    registry: &'a Registry,
    serving: &'a Serving,
    actor: &'a Actor,
    headers: &'a HeaderMap,
}

async fn serve(State(serving): State<Serving>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let endpoint = match Endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(endpoint) => endpoint,
        Err(error) => return error::refuse(&error, &parts),
    };
    let response = match answer(&serving, &parts, &endpoint, body).await {
        Ok(response) => response,
        Err(error) => error::refuse(&error, &parts),
    };
    named(endpoint.name(), response)
}

async fn answer(
    serving: &Serving,
    parts: &request::Parts,
    endpoint: &Endpoint,
    body: Body,
) -> Result<Response> {
    let face = &serving.face;
    let actor = identify(face.authenticator.as_ref(), &parts.headers, &parts.extensions).await?;
    let call = Call { registry: &face.registry, serving, actor: &actor, headers: &parts.headers };
    match endpoint {
        Endpoint::Moved(location) => Ok(moved(location)),
        Endpoint::Upload(registry) => upload::upload(&call, registry, body).await,
        Endpoint::Root(registry, wanted) => source::root(&call, registry, wanted.as_deref()).await,
        Endpoint::Project(place, wanted) => match source::find(&call, place).await? {
            ProjectSource::Hosted(grant) => simple::project(&call, &grant, wanted.as_deref()).await,
            ProjectSource::Upstream(proxied) => upstream::project(&call, &proxied, wanted.as_deref()).await,
        },
        Endpoint::File(place, filename) => match (source::find(&call, place).await?, &parts.method) {
            (ProjectSource::Hosted(grant), &Method::HEAD) => file::head(&call, &grant, filename).await,
            (ProjectSource::Hosted(grant), _) => file::get(&call, &grant, filename).await,
            (ProjectSource::Upstream(proxied), &Method::HEAD) => {
                upstream::head(&call, &proxied, filename).await
            }
            (ProjectSource::Upstream(proxied), _) => upstream::get(&call, &proxied, filename).await,
        },
        Endpoint::Metadata(place, filename) => match source::find(&call, place).await? {
            ProjectSource::Hosted(grant) => file::metadata(&call, &grant, filename).await,
            ProjectSource::Upstream(proxied) => upstream::metadata(&call, &proxied, filename).await,
        },
        Endpoint::Description(place, version) => match source::find(&call, place).await? {
            ProjectSource::Hosted(grant) => {
                let base = serving.face.base.of(parts)?;
                description::project(&call, (&grant, &base), version.as_deref()).await
            }
            ProjectSource::Upstream(_) => Err(source::missing()),
        },
        Endpoint::Provenance(place, (version, filename)) => match source::find(&call, place).await? {
            ProjectSource::Hosted(grant) => {
                integrity::provenance_of(&call, &grant, (version, filename)).await
            }
            ProjectSource::Upstream(_) => Err(source::missing()),
        },
    }
}

fn moved(location: &str) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response()
}
