//! Where jobs bring the tokens of their issuers, and get one of ours: as Python's index has it (`/_/oidc`), found by PEP
//! 807. What is given every door takes: docker's, helm's, twine's.
//!
//! What is given is of one organisation: that of `?organisation=`, which discovery puts there and some clients carry over from
//! the URL they upload to; or of the registry that the operator bound to the host; and for a client that cannot say it, that
//! of the oldest rule about the job. Errors are in the shape that publishing clients print.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use wharf_auth::workloads::{Brought, Minted};
use wharf_core::{
    Authenticator, Error, Kind, OrganisationName, Presented, RegistryName, Result, Secret, Subject,
};
use wharf_http::{
    address_of, bound_to, collect, decode_path, log_fault, named, problem, refusal_headers, request_id_of,
    status_of,
};

use crate::{Api, call::query};

/// What the endpoints are called in logs and metrics.
pub(crate) const NAME: &str = "oidc";
/// The largest body, in bytes: a token, and what JSON is around it.
const LARGEST: usize = 32 * 1024;

/// What is asked with: the token of an issuer.
#[derive(Deserialize)]
struct Asked {
    token: String,
}

/// Answers `GET /_/oidc/audience`: for whom issuers are to make their tokens.
pub(crate) async fn audience(State(face): State<Api>) -> Response {
    let response = match face.auth.audience() {
        Some(audience) => Json(json!({ "audience": audience })).into_response(),
        None => {
            let words = "this Wharf's own address is not set, so tokens of issuers cannot be for it";
            refusal(StatusCode::NOT_FOUND, "not-enabled", words)
        }
    };
    named(NAME, response)
}

/// Answers `POST /_/oidc/mint-token`.
pub(crate) async fn mint(State(face): State<Api>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let response = match exchange(&face, &parts, body).await {
        Ok(Minted { token, organisation, expires_at }) => {
            let expires = expires_at.seconds();
            let body = json!({
                "success": true, "token": token.expose(), "expires": expires, "organisation": organisation.as_str(),
            });
            ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
        }
        Err(error) => refuse(&error, request_id_of(&parts.extensions)),
    };
    named(NAME, response)
}

/// Answers `GET /.well-known/pytp?discover=…`, which is asked where the exchange for an index is.
pub(crate) async fn discover(State(face): State<Api>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let found = discovered(&face, &parts);
    let response = found.unwrap_or_else(|error| problem(&error, request_id_of(&parts.extensions)));
    named(NAME, response)
}

fn discovered(face: &Api, parts: &request::Parts) -> Result<Response> {
    let pairs = query(parts.uri.query())?;
    let wanted = pairs.iter().find(|(name, _)| name == "discover").map(|(_, value)| value.as_str());
    let organisation = wanted.and_then(organisation_of).ok_or_else(|| Error::not_found(Subject::Name))?;
    if face.auth.audience().is_none() {
        return Err(Error::not_found(Subject::Name));
    }
    let base = face.base.of(parts)?;
    let body = json!({
        "audience-endpoint": format!("{base}/_/oidc/audience"),
        "token-mint-endpoint": format!("{base}/_/oidc/mint-token?organisation={organisation}"),
    });
    Ok(Json(body).into_response())
}

/// Whose index a path is where packages are uploaded.
fn organisation_of(path: &str) -> Option<OrganisationName> {
    let path = decode_path(path.strip_prefix("/pypi/")?).ok()?;
    let mut segments = path.trim_end_matches('/').split('/');
    let (organisation, registry) = (segments.next()?.parse().ok()?, segments.next()?);
    let is_upload = segments.eq(["legacy"]) && registry.parse::<RegistryName>().is_ok();
    is_upload.then_some(organisation)
}

async fn exchange(face: &Api, parts: &request::Parts, body: Body) -> Result<Minted> {
    let (address, id) = (address_of(&parts.extensions), request_id_of(&parts.extensions));
    let nobody = face.auth.authenticate(Presented::Nothing, address, id).await?;
    let within = meant_by(face, parts)?;
    let body = collect(&parts.headers, body, LARGEST).await?;
    let wrong = |error| Error::new(Kind::Invalid, "the body must be JSON: {\"token\": \"…\"}").because(error);
    let Asked { token } = serde_json::from_slice(&body).map_err(wrong)?;
    let brought = Brought { token: Secret::new(token), within };
    face.auth.mint(brought, &nobody).await
}

/// The organisation that a request means, if it says so.
fn meant_by(face: &Api, parts: &request::Parts) -> Result<Option<OrganisationName>> {
    let pairs = query(parts.uri.query())?;
    match pairs.iter().find(|(name, _)| name == "organisation") {
        Some((_, named)) => named.parse().map(Some),
        None => Ok(bound_to(&face.hosts, parts).map(|place| place.organisation)),
    }
}

fn refuse(error: &Error, request_id: &str) -> Response {
    log_fault(error, request_id);
    let (status, code) = match error.kind() {
        Kind::Invalid | Kind::TooLarge => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-payload"),
        Kind::Unauthenticated => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-token"),
        Kind::Denied => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-publisher"),
        Kind::Exists => (StatusCode::UNPROCESSABLE_ENTITY, "invalid-reuse-token"),
        kind => (status_of(kind), "try-again"),
    };
    let mut response = refusal(status, code, error.message());
    if status != StatusCode::UNPROCESSABLE_ENTITY {
        response.headers_mut().extend(refusal_headers(error));
    }
    response
}

fn refusal(status: StatusCode, code: &str, description: &str) -> Response {
    let errors = [json!({ "code": code, "description": description })];
    let body = json!({ "message": "Token request failed", "errors": errors });
    (status, Json(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_known_by_the_path_of_its_uploads() {
        let of = |path| organisation_of(path).map(|name| name.to_string());
        assert_eq!(of("/pypi/acme/main/legacy/").as_deref(), Some("acme"));
        assert_eq!(of("/pypi/acme/main/legacy").as_deref(), Some("acme"));
        for other in [
            "",
            "/",
            "/pypi/acme/main/simple/",
            "/pypi/acme/legacy/",
            "/pypi/v2/main/legacy/",
            "/pypi/A/b/legacy/",
            "/pypi/acme/main/legacy/x",
            "pypi/acme/main/legacy/",
            "/pypi/acme/ma%2Fin/legacy/",
            "/pypi/acme/../legacy/",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
