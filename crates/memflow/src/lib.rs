//! memflow plugins: a format, and the door that memflow's own clients come through.
//!
//! The door speaks the API of memflow's own registry (memflow-registry 0.1), at the root and below
//! `/memflow/{organisation}/{registry}`. What comes through it is stored as OCI artifacts by the registry's own calls, so
//! that `oras` and the rest find it too; and what they push is read, verified and listed here.

mod artifact;
mod caller;
pub mod descriptor;
mod endpoint;
mod error;
mod file;
mod form;
mod held;
mod keys;
mod list;
mod plugins;
#[cfg(any(test, feature = "samples"))]
pub mod samples;
mod search;
mod upload;
mod upstream;
mod variant;

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, request},
    response::Response,
    routing::any,
};
use wharf_core::{Actor, Authenticator, OrganisationName, RegistryName, RegistryPlace, Result};
use wharf_http::{BoundHost, bound_to, named, request_id_of};
use wharf_registry::{Registry, Turns, upstream::Upstreams};
use wharf_signing::Signing;

pub use crate::{
    artifact::file_name,
    endpoint::NAMES,
    error::shaped,
    plugins::{LARGEST, Plugins},
};
use crate::{
    caller::caller,
    endpoint::{Endpoint, Wanted},
    error::refuse,
};

/// How many uploads are in memory while they come, are read and are stored: 512 MiB of the largest.
const UPLOADS: usize = 16;
/// How many of them are of one organisation, so that nobody waits for the slow connections of strangers.
const SHARE: usize = 4;
/// How many plugins are fetched from upstreams meanwhile, and of one organisation: each is in memory until it is stored.
const FETCHES: (usize, usize) = (8, 2);
/// How many lists of upstreams are read at once, and of one organisation.
const LOOKS: (usize, usize) = (4, 2);

/// What the face works with.
pub struct Memflow {
    /// The registry.
    pub registry: Registry,
    /// Who says who is calling.
    pub authenticator: Arc<dyn Authenticator>,
    /// The plugins that the registry knows as a format, with who knows which keys registries believe.
    pub plugins: Plugins,
    /// What proxies fetch.
    pub upstreams: Upstreams,
    /// Which registry is meant at the root, by the host that the client names, with or without its port.
    pub hosts: Vec<BoundHost>,
}

/// A face that serves.
struct Serving {
    face: Memflow,
    turns: Turns,
    fetches: Turns,
    looks: Turns,
}

/// The routes at the root and below `/memflow/`.
pub fn router(face: Memflow) -> Router {
    let turns = Turns::new(UPLOADS, SHARE);
    let (fetches, looks) = (Turns::new(FETCHES.0, FETCHES.1), Turns::new(LOOKS.0, LOOKS.1));
    Router::new()
        .route("/plugins", any(serve))
        .route("/plugins/{*name}", any(serve))
        .route("/files", any(serve))
        .route("/files/{*path}", any(serve))
        .route("/keys", any(serve))
        .route("/memflow/{*path}", any(serve))
        .with_state(Arc::new(Serving { face, turns, fetches, looks }))
}

/// What the endpoint that a request is for is called in logs and metrics; nothing for a request that is for none.
pub fn endpoint_of(method: &Method, uri: &Uri) -> Option<&'static str> {
    Wanted::parse(method, uri.path(), uri.query()).ok().map(|wanted| wanted.endpoint.name())
}

/// A request on its way through a handler.
struct Call<'a> {
    serving: &'a Serving,
    registry: &'a Registry,
    signing: &'a Signing,
    actor: &'a Actor,
    place: RegistryPlace,
    request: &'a request::Parts,
}

impl Call<'_> {
    fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    fn is_head(&self) -> bool {
        self.request.method == Method::HEAD
    }
}

async fn serve(State(serving): State<Arc<Serving>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let id = request_id_of(&parts.extensions);
    let wanted = match Wanted::parse(&parts.method, parts.uri.path(), parts.uri.query()) {
        Ok(wanted) => wanted,
        Err(error) => return refuse(&error, id),
    };
    let response = match answer(&serving, &parts, &wanted, body).await {
        Ok(response) => response,
        Err(error) => refuse(&error, id),
    };
    named(wanted.endpoint.name(), response)
}

async fn answer(serving: &Serving, parts: &request::Parts, wanted: &Wanted, body: Body) -> Result<Response> {
    let Memflow { registry, authenticator, plugins, hosts, .. } = &serving.face;
    let actor = caller(authenticator.as_ref(), parts).await?;
    let place = wanted.registry.clone().unwrap_or_else(|| at_root(hosts, parts, &actor));
    let call = Call { serving, registry, signing: &plugins.signing, actor: &actor, place, request: parts };
    match &wanted.endpoint {
        Endpoint::Plugins => list::plugins(&call).await,
        Endpoint::Variants(name, filter) => list::variants(&call, name, filter).await,
        Endpoint::Upload => upload::upload(&call, body).await,
        Endpoint::File(digits) => file::get(&call, digits).await,
        Endpoint::Metadata(digits) => file::metadata(&call, digits).await,
        Endpoint::Delete(digits) => file::delete(&call, digits).await,
        Endpoint::Keys => keys::list(&call).await,
    }
}

/// The registry that the client's name for this server stands for; where it stands for none, the one that its credential
/// is for; and else library/main.
fn at_root(hosts: &[BoundHost], request: &request::Parts, actor: &Actor) -> RegistryPlace {
    let bound = bound_to(hosts, request).or_else(|| actor.access().home());
    bound.unwrap_or_else(|| RegistryPlace {
        organisation: OrganisationName::library(),
        registry: RegistryName::main(),
    })
}
