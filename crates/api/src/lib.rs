//! The doors of the management: the token endpoint that docker and its kin log in through, the exchange for jobs, the way
//! of browsers to a provider and back, and `/api/v1`.
//!
//! An endpoint of the API is a `Route`: a method, a path, and a handler whose types say what it takes and
//! answers. Everything else comes from the one list in `routes`: which handler a request goes to, the OpenAPI document,
//! and what the table of who may do what must hold.

mod browser;
mod call;
mod cookie;
mod document;
mod endpoints;
mod input;
mod oidc;
mod output;
mod password;
mod reach;
mod repeat;
mod role;
mod route;
mod routes;
mod schema;
mod template;
mod time;
mod token;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{header, request::Parts},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use wharf_auth::Auth;
use wharf_core::{Actor, Authenticator as _, Credential, Detail, Error, Kind, Presented, Result};
use wharf_http::{BaseUrl, BoundHost, address_of, collect, identify, named, problem, request_id_of};
use wharf_registry::{Registry, audit::AuditLog, webhooks::Webhooks};
use wharf_signing::Signing;

use crate::{
    call::{Call, query},
    cookie::{Cookie, Origin},
    input::LARGEST,
    template::segments,
};

/// What the endpoints are called in logs and metrics.
pub const NAMES: [&str; 5] = [token::NAME, oidc::NAME, browser::NAME, API, DOCUMENT];

/// The name of everything below `/api/v1`.
const API: &str = "api";
/// The name of the API's description.
const DOCUMENT: &str = "openapi";

/// What the face works with.
#[derive(Clone)]
pub struct Api {
    /// Who knows the callers, and who belongs where.
    pub auth: Auth,
    /// Who knows what they may, and what there is.
    pub registry: Registry,
    /// Who knows what was done.
    pub audit: AuditLog,
    /// Who knows whom to tell of it.
    pub webhooks: Webhooks,
    /// Who knows the keys that registries believe.
    pub signing: Signing,
    /// Where this Wharf is reached: a browser's page must come from there.
    pub base: BaseUrl,
    /// The registries that the operator bound to names of this Wharf: a job that comes by one means its organisation.
    pub hosts: Vec<BoundHost>,
}

/// `/token`, `/_/oidc/…` and its discovery, `/-/login/oidc/…`, `/api/openapi.json` and everything below `/api/v1/`.
pub fn router(face: Api) -> Router {
    Router::new()
        .route("/token", get(token::serve).post(token::serve))
        .route("/_/oidc/audience", get(oidc::audience))
        .route("/_/oidc/mint-token", post(oidc::mint))
        .route("/.well-known/pytp", get(oidc::discover))
        .route("/-/login/oidc/{provider}", get(browser::begin))
        .route("/-/login/oidc/{provider}/callback", get(browser::finish))
        .route("/api/openapi.json", get(describe))
        .route("/api/v1/{*path}", any(serve))
        .with_state(face)
}

/// What the endpoint at a path is called in logs and metrics, if there is one.
pub fn endpoint_of(path: &str) -> Option<&'static str> {
    match path {
        "/token" => Some(token::NAME),
        "/api/openapi.json" => Some(DOCUMENT),
        "/.well-known/pytp" => Some(oidc::NAME),
        _ if path.starts_with("/_/oidc/") => Some(oidc::NAME),
        _ if path.starts_with("/-/login/oidc/") => Some(browser::NAME),
        _ if path.starts_with("/api/v1/") => Some(API),
        _ => None,
    }
}

async fn describe() -> Response {
    named(DOCUMENT, Json(document::document()).into_response())
}

async fn serve(State(face): State<Api>, request: Request) -> Response {
    let (path, id) = (request.uri().path().to_owned(), request_id_of(request.extensions()).to_owned());
    let response =
        answer(face, request).await.unwrap_or_else(|error| problem(&with_methods(error, &path), &id));
    named(API, response)
}

/// The refusal of a method names those that are taken (RFC 9110, section 15.5.6), be it refused by the engine.
fn with_methods(error: Error, path: &str) -> Error {
    if error.kind() != Kind::Unsupported {
        return error;
    }
    let allowed = segments(path).map(|path| routes::allowed(&path)).unwrap_or_default();
    error.with(Detail::Allow(allowed))
}

async fn answer(face: Api, request: Request) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let (route, parameters) = routes::find(&parts.method, &segments(parts.uri.path())?)?;
    let query = query(parts.uri.query())?;
    let origin = face.base.of(&parts).ok().map(Origin::of);
    let actor = who(&face, &parts, origin.as_ref()).await?;
    // Who is nobody is let send nothing that he may not.
    let body = collect(&parts.headers, body, LARGEST).await?;
    let path = parts.uri.path().to_owned();
    let key = repeat::key_of(&parts.headers, &parts.method)?;
    let call = Call { face, actor, path, parameters, query, headers: parts.headers, origin, body };
    match key {
        Some(key) => repeat::answer(route, call, key).await,
        None => route.answer(call).await,
    }
}

/// Who asks: by `Authorization`, or where there is none by the cookie of a login, which takes more than the cookie to change
/// anything. A cookie whose login has ended is as good as none.
async fn who(face: &Api, parts: &Parts, origin: Option<&Origin>) -> Result<Actor> {
    let shown = origin.filter(|_| !parts.headers.contains_key(header::AUTHORIZATION));
    let Some((origin, cookie)) =
        shown.and_then(|origin| Some((origin, origin.shown(Cookie::Login, &parts.headers)?)))
    else {
        return identify(&face.auth, &parts.headers, &parts.extensions).await;
    };
    let (address, id) = (address_of(&parts.extensions), request_id_of(&parts.extensions));
    let actor = face.auth.authenticate(Presented::Cookie(cookie.clone()), address, id).await?;
    if matches!(actor.credential(), Credential::Login(_)) {
        origin.expect_own_page(&parts.method, &parts.headers, &cookie)?;
    }
    Ok(actor)
}
