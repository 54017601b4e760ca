//! The doors of the management: the token endpoint that docker and its kin log in through, and `/api/v1`.

mod endpoint;
mod facts;
mod token;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header, request},
    response::Response,
    routing::{any, get},
};
use wharf_auth::Auth;
use wharf_core::{Actor, Error, Kind, Result};
use wharf_http::{identify, named, problem, request_id_of};
use wharf_registry::Registry;

use crate::endpoint::Endpoint;

/// What the endpoints are called in logs and metrics.
pub const NAMES: [&str; 2] = [token::NAME, FACTS];

/// The name of everything that reads facts.
const FACTS: &str = "facts";

/// What the face works with.
#[derive(Clone)]
pub struct Api {
    /// Who knows the callers.
    pub auth: Auth,
    /// Who knows what they may, and what there is.
    pub registry: Registry,
}

/// `/token` and everything below `/api/v1/`.
pub fn router(face: Api) -> Router {
    Router::new()
        .route("/token", get(token::serve).post(token::serve))
        .route("/api/v1/{*path}", any(serve))
        .with_state(face)
}

/// A request on its way through a handler.
struct Call<'a> {
    registry: &'a Registry,
    actor: &'a Actor,
}

async fn serve(State(face): State<Api>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let response = match answer(&face, &parts).await {
        Ok(response) => response,
        Err(error) => refuse(&error, request_id_of(&parts.extensions)),
    };
    named(FACTS, response)
}

/// A refusal. One of a method names those that are taken (RFC 9110, section 15.5.6).
fn refuse(error: &Error, request_id: &str) -> Response {
    let mut response = problem(error, request_id);
    if error.kind() == Kind::Unsupported {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

async fn answer(face: &Api, parts: &request::Parts) -> Result<Response> {
    let endpoint = Endpoint::parse(&parts.method, parts.uri.path(), parts.uri.query())?;
    let actor = identify(&face.auth, &parts.headers, &parts.extensions).await?;
    let call = Call { registry: &face.registry, actor: &actor };
    match endpoint {
        Endpoint::SearchFacts(place, search, limit) => facts::search(&call, &place, (search, limit)).await,
        Endpoint::Facts(place, reference) => facts::of_manifest(&call, &place, &reference).await,
        Endpoint::Document(place, reference, name) => {
            facts::document(&call, &place, (&reference, &name)).await
        }
    }
}
