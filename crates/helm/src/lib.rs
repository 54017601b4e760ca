//! Helm charts: a repository that `helm repo add` takes and ChartMuseum's clients push to, over plain OCI artifacts.
//!
//! There is one store and there are two doors. What `helm push` brings is in the index, and what `helm cm-push` brings is
//! the artifact that `helm push` would have made. The format ([`Charts`]) reads, shows and renders; the face only
//! translates.

mod archive;
mod artifact;
mod chart;
mod download;
mod endpoint;
mod error;
mod format;
mod images;
mod index;
mod listed;
mod museum;
mod page;
mod provenance;
mod question;
mod version;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, request},
    response::Response,
    routing::any,
};
use wharf_core::{Actor, Authenticator, Result};
use wharf_http::{identify, named};
use wharf_registry::{Registry, Turns};

use crate::endpoint::{Endpoint, Wanted};
pub use crate::{
    artifact::Artifact,
    endpoint::NAMES,
    error::shaped,
    format::{Charts, tag_of},
    listed::{Listed, listed},
};

/// How many uploads are held in memory at once, and how many of them of one organisation.
const UPLOADS: usize = 8;
const SHARE: usize = 4;
/// How many packaged charts and long lists are read at once for those who ask what is in them, and how many of them of one
/// organisation.
const LOOKS: usize = 4;
const LOOKS_SHARE: usize = 2;

/// What the face works with.
#[derive(Clone)]
pub struct Helm {
    /// The registry.
    pub registry: Registry,
    /// Who says who is calling.
    pub authenticator: Arc<dyn Authenticator>,
}

/// A face that serves.
struct Serving {
    face: Helm,
    turns: Turns,
    looks: Turns,
}

/// Everything below `/helm/{organisation}/{registry}/`.
pub fn router(face: Helm) -> Router {
    let looks = Turns::new(LOOKS, LOOKS_SHARE);
    let serving = Serving { face, turns: Turns::new(UPLOADS, SHARE), looks };
    Router::new().route("/helm/{*path}", any(serve)).with_state(Arc::new(serving))
}

/// What the endpoint that a request is for is called in logs and metrics; nothing for a request that is for none.
pub fn endpoint_of(method: &Method, uri: &Uri) -> Option<&'static str> {
    Wanted::parse(method, uri.path(), uri.query()).ok().map(|wanted| wanted.endpoint.name())
}

/// A request on its way through a handler.
struct Call<'a> {
    registry: &'a Registry,
    turns: &'a Turns,
    looks: &'a Turns,
    actor: &'a Actor,
    headers: &'a HeaderMap,
}

async fn serve(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let wanted = match Wanted::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(wanted) => wanted,
        Err(error) => return error::refuse(&error, &parts),
    };
    let response = match answer(&serving, &parts, &wanted, body).await {
        Ok(response) => response,
        Err(error) => error::refuse(&error, &parts),
    };
    named(wanted.endpoint.name(), response)
}

async fn answer(
    serving: &Serving,
    parts: &request::Parts,
    Wanted { registry, endpoint }: &Wanted,
    body: Body,
) -> Result<Response> {
    let Helm { registry: engine, authenticator } = &serving.face;
    let actor = identify(authenticator.as_ref(), &parts.headers, &parts.extensions).await?;
    let Serving { turns, looks, .. } = serving;
    let call = Call { registry: engine, turns, looks, actor: &actor, headers: &parts.headers };
    match endpoint {
        Endpoint::Index => page::index(&call, registry).await,
        Endpoint::Download(file) => download::get(&call, file).await,
        Endpoint::Charts(window) => page::charts(&call, registry, *window).await,
        Endpoint::Versions(name) => museum::versions(&call, registry, name).await,
        Endpoint::Version(name, version) => museum::version(&call, registry, (name, version)).await,
        Endpoint::Values(name, version) => museum::values(&call, registry, (name, version)).await,
        Endpoint::Templates(name, version) => museum::templates(&call, registry, (name, version)).await,
        Endpoint::Upload(existing) => museum::upload(&call, (registry, *existing), body).await,
        Endpoint::UploadProvenance(existing) => {
            museum::upload_provenance(&call, (registry, *existing), body).await
        }
        Endpoint::Delete(name, version) => museum::delete(&call, registry, (name, version)).await,
    }
}
