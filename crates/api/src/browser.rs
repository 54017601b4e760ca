//! The way of browsers to a provider and back: `/-/login/oidc/{provider}`, and `/callback` below it. They are links, no part
//! of the API: what is answered is a redirect, or words for whoever sits before the browser.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header, request},
    response::{IntoResponse, Response},
};
use wharf_auth::{LocalPath, Returning};
use wharf_core::{Actor, Authenticator as _, Detail, Error, Kind, Presented, ProviderName, Result, Secret};
use wharf_http::{address_of, log_fault, named, refusal_headers, request_id_of, status_of};

use crate::{
    Api,
    call::query,
    cookie::{Cookie, Origin},
};

/// What the endpoints are called in logs and metrics.
pub(crate) const NAME: &str = "login";

/// Answers `GET /-/login/oidc/{provider}`: off to the provider, and after that to the path of `?to=`.
pub(crate) async fn begin(
    State(face): State<Api>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let sent = depart(&face, &parts, &provider).await;
    named(NAME, sent.unwrap_or_else(|error| refuse(&error, &parts)))
}

/// Answers `GET /-/login/oidc/{provider}/callback`: back from the provider, and logged in.
pub(crate) async fn finish(
    State(face): State<Api>,
    Path(provider): Path<String>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let arrived = arrive(&face, &parts, &provider).await;
    named(NAME, arrived.unwrap_or_else(|error| refuse(&error, &parts)))
}

async fn depart(face: &Api, parts: &request::Parts, provider: &str) -> Result<Response> {
    let provider: ProviderName = provider.parse()?;
    nobody(face, parts).await?;
    let pairs = query(parts.uri.query())?;
    let to = match pairs.as_slice() {
        [] => LocalPath::home(),
        [(name, to)] if name == "to" => to.parse()?,
        _ => return Err(Error::new(Kind::Invalid, "this page takes no parameter but to")),
    };
    let departure = face.auth.begin_login(&provider, &to).await?;
    let origin = Origin::of(face.base.of(parts)?);
    let kept = origin.kept(Cookie::Begun, departure.kept.expose(), departure.lifetime)?;
    redirect(&departure.url, [kept])
}

async fn arrive(face: &Api, parts: &request::Parts, provider: &str) -> Result<Response> {
    // What only looks must not use the code up.
    if parts.method != Method::GET {
        let only = Error::new(Kind::Unsupported, "a login is finished by GET");
        return Err(only.with(Detail::Allow("GET".to_owned())));
    }
    let origin = Origin::of(face.base.of(parts)?);
    let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    let returning = Returning {
        provider: provider.parse()?,
        kept: origin.shown(Cookie::Begun, &parts.headers),
        query: Secret::new(query(parts.uri.query())?),
        user_agent: agent.map(str::to_owned),
    };
    let arrived = face.auth.finish_login(returning, &nobody(face, parts).await?).await?;
    let row = &arrived.login.row;
    let lifetime = row.expires_at.seconds() - row.created_at.seconds();
    let login = origin.kept(Cookie::Login, arrived.login.text.expose(), lifetime)?;
    redirect(arrived.to.as_str(), [login, origin.kept(Cookie::Begun, "", 0)?])
}

/// Whoever is known already is nobody here, but asks in turn like everybody.
async fn nobody(face: &Api, parts: &request::Parts) -> Result<Actor> {
    let (address, id) = (address_of(&parts.extensions), request_id_of(&parts.extensions));
    face.auth.authenticate(Presented::Nothing, address, id).await
}

/// On by a GET, with something to keep. What stands in our address is told to nobody.
fn redirect(to: &str, kept: impl IntoIterator<Item = HeaderValue>) -> Result<Response> {
    let mut to = HeaderValue::try_from(to).map_err(Error::internal)?;
    to.set_sensitive(true);
    let mut response = (StatusCode::SEE_OTHER, quiet()).into_response();
    response.headers_mut().insert(header::LOCATION, to);
    for cookie in kept {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Words, as plain text: nothing in them is ever taken for a page.
fn refuse(error: &Error, parts: &request::Parts) -> Response {
    let id = request_id_of(&parts.extensions);
    log_fault(error, id);
    let words = format!("Not logged in: {}.\n\nThis was request {id}.\n", error.message());
    let status = match error.kind() {
        // A browser would ask for a password, which is of no use here.
        Kind::Unauthenticated => StatusCode::FORBIDDEN,
        kind => status_of(kind),
    };
    let mut response = (status, quiet(), words).into_response();
    let told = refusal_headers(error);
    response
        .headers_mut()
        .extend(told.into_iter().filter(|(name, _)| *name != Some(header::WWW_AUTHENTICATE)));
    response
}

/// That nothing of the answer is kept or believed, and its address told nobody.
fn quiet() -> [(HeaderName, &'static str); 4] {
    [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ]
}
