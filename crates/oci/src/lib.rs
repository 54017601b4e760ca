//! `/v2/`: the OCI distribution API (distribution-spec 1.1), as docker, podman, containerd and the rest speak it.
//!
//! One route takes everything: `endpoint` parses method, path and query into words, the caller is identified,
//! and one small handler asks for the grant, calls the engine and says what came of it.

mod blob;
mod endpoint;
mod error;
mod list;
mod manifest;
mod referrers;
mod upload;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, request},
    response::{IntoResponse, Response},
    routing::any,
};
use wharf_core::{Actor, Authenticator, Credential, Error, Kind, Result};
use wharf_http::{BaseUrl, identify, named, request_id_of};
use wharf_registry::Registry;

pub use crate::endpoint::{Begin, Endpoint, NAMES, PageQuery, ReferrersQuery};
use crate::error::Refusal;

/// What the face works with.
#[derive(Clone)]
pub struct Oci {
    /// The registry.
    pub registry: Registry,
    /// Who says who is calling.
    pub authenticator: Arc<dyn Authenticator>,
    /// Where clients reach this Wharf.
    pub base: BaseUrl,
    /// The `service` of the challenge.
    pub service: &'static str,
}

/// The routes below `/v2`.
pub fn router(face: Oci) -> Router {
    Router::new()
        .route("/v2", any(serve))
        .route("/v2/", any(serve))
        .route("/v2/{*path}", any(serve))
        .with_state(face)
}

/// What the endpoint that a request is for is called in logs and metrics; nothing for a request that is for none.
pub fn endpoint_of(method: &Method, uri: &Uri) -> Option<&'static str> {
    Endpoint::parse(method, uri.path(), uri.query()).ok().map(|endpoint| endpoint.name())
}

/// An answer of a layer in front of this API, in the shape its clients read.
pub fn refuse(status: StatusCode, message: &str) -> Response {
    error::oci_error(status, error::code_of(status), message, None)
}

/// A request on its way through a handler.
struct Call<'a> {
    registry: &'a Registry,
    actor: &'a Actor,
    headers: &'a HeaderMap,
}

async fn serve(State(face): State<Oci>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let id = request_id_of(&parts.extensions);
    let base = face.base.of(&parts);
    let refusal = Refusal {
        request: &parts,
        base: base.as_deref().unwrap_or_default(),
        service: face.service,
        request_id: id,
    };
    if let Err(error) = &base {
        return refusal.respond(error, None);
    }
    let endpoint = match Endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(endpoint) => endpoint,
        Err(error) => return refusal.respond(&error, None),
    };
    let response = match answer(&face, &parts, &endpoint, body).await {
        Ok(response) => response,
        Err(error) => refusal.respond(&error, Some(&endpoint)),
    };
    named(endpoint.name(), response)
}

async fn answer(face: &Oci, parts: &request::Parts, endpoint: &Endpoint, body: Body) -> Result<Response> {
    let actor = identify(face.authenticator.as_ref(), &parts.headers, &parts.extensions).await?;
    let call = Call { registry: &face.registry, actor: &actor, headers: &parts.headers };
    match endpoint {
        Endpoint::Ping => ping(&actor),
        Endpoint::Extensions => Ok(axum::Json(serde_json::json!({ "extensions": [] })).into_response()),
        Endpoint::Catalog(page) => list::catalog(&call, page).await,
        Endpoint::Tags(place, page) => list::tags(&call, place, page).await,
        Endpoint::HeadBlob(place, digest) => blob::head(&call, place, digest).await,
        Endpoint::GetBlob(place, digest) => blob::get(&call, place, digest).await,
        Endpoint::DeleteBlob(place, digest) => blob::delete(&call, place, digest).await,
        Endpoint::BeginUpload(place, begin) => upload::begin(&call, place, begin, body).await,
        Endpoint::UploadStatus(place, id) => upload::status(&call, place, *id).await,
        Endpoint::Append(place, id) => upload::append(&call, place, *id, body).await,
        Endpoint::FinishUpload(place, id, digest) => upload::finish(&call, place, *id, *digest, body).await,
        Endpoint::CancelUpload(place, id) => upload::cancel(&call, place, *id).await,
        Endpoint::HeadManifest(place, reference) => manifest::head(&call, place, reference).await,
        Endpoint::GetManifest(place, reference) => manifest::get(&call, place, reference).await,
        Endpoint::PutManifest(place, reference, tags) => {
            manifest::put(&call, place, (reference, tags), body).await
        }
        Endpoint::DeleteManifest(place, reference) => manifest::delete(&call, place, reference).await,
        Endpoint::Referrers(place, query) => referrers::list(&call, place, query).await,
    }
}

/// Tells a caller that this is a registry, and one without credentials that it wants some: always, since
/// `docker login` learns from it where tokens are had.
fn ping(actor: &Actor) -> Result<Response> {
    challenge_nobody(actor)?;
    let version = [("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"))];
    Ok((StatusCode::OK, version, axum::Json(serde_json::json!({}))).into_response())
}

/// Refuses a request without credentials, so that its client brings what it has: an anonymous token will do.
fn challenge_nobody(actor: &Actor) -> Result<()> {
    if *actor.credential() == Credential::None {
        return Err(Error::new(Kind::Unauthenticated, "authentication required"));
    }
    Ok(())
}

/// A header value of text that is made of digits, names and digests.
fn header_value(text: impl Into<String>) -> Result<HeaderValue> {
    HeaderValue::try_from(text.into()).map_err(Error::internal)
}
