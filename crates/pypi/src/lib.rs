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
mod upload;
mod version;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, header, request},
    response::{IntoResponse, Response},
    routing::any,
};
use wharf_core::{Actor, Authenticator, Result};
use wharf_http::{BaseUrl, identify, named};
use wharf_registry::Registry;

use crate::endpoint::Endpoint;
pub use crate::{endpoint::NAMES, format::Distributions};

/// What the face works with.
#[derive(Clone)]
pub struct Pypi {
    /// The registry.
    pub registry: Registry,
    /// Who says who is calling.
    pub authenticator: Arc<dyn Authenticator>,
    /// Where this Wharf is reached.
    pub base: BaseUrl,
}

/// Everything below `/pypi/{organisation}/{registry}/`.
pub fn router(face: Pypi) -> Router {
    Router::new().route("/pypi/{*path}", any(serve)).with_state(face)
}

/// A request on its way through a handler.
struct Call<'a> {
    registry: &'a Registry,
    actor: &'a Actor,
    headers: &'a HeaderMap,
}

async fn serve(State(face): State<Pypi>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let endpoint = match Endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(endpoint) => endpoint,
        Err(error) => return error::refuse(&error, &parts),
    };
    let response = match answer(&face, &parts, &endpoint, body).await {
        Ok(response) => response,
        Err(error) => error::refuse(&error, &parts),
    };
    named(endpoint.name(), response)
}

async fn answer(face: &Pypi, parts: &request::Parts, endpoint: &Endpoint, body: Body) -> Result<Response> {
    let actor = identify(face.authenticator.as_ref(), &parts.headers, &parts.extensions).await?;
    let call = Call { registry: &face.registry, actor: &actor, headers: &parts.headers };
    match endpoint {
        Endpoint::Moved(location) => Ok(moved(location)),
        Endpoint::Upload(registry) => upload::upload(&call, registry, body).await,
        Endpoint::Root(registry, wanted) => simple::root(&call, registry, wanted.as_deref()).await,
        Endpoint::Project(place, wanted) => simple::project(&call, place, wanted.as_deref()).await,
        Endpoint::File(place, filename) => match parts.method {
            Method::HEAD => file::head(&call, place, filename).await,
            _ => file::get(&call, place, filename).await,
        },
        Endpoint::Metadata(place, filename) => file::metadata(&call, place, filename).await,
        Endpoint::Description(place, version) => {
            let base = face.base.of(parts)?;
            description::project(&call, (place, &base), version.as_deref()).await
        }
        Endpoint::Provenance(place, (version, filename)) => {
            integrity::provenance_of(&call, place, (version, filename)).await
        }
    }
}

fn moved(location: &str) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location)]).into_response()
}
