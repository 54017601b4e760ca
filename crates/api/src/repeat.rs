//! `Idempotency-Key`: a request that makes something can be sent again when its answer was lost. The same key from the
//! same credential with the same path and body gets the first answer for a day; with another one it is refused.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;
use wharf_auth::Begun;
use wharf_core::{Credential, Error, Kind, Result};

use crate::{call::Call, route::Route};

/// The header.
const HEADER: &str = "idempotency-key";

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    location: Option<String>,
    media_type: Option<String>,
    body: String,
}

/// The key of a request.
///
/// # Errors
/// `Invalid` where it cannot be read.
pub(crate) fn key_of(headers: &HeaderMap, method: &Method) -> Result<Option<String>> {
    let Some(value) = headers.get(HEADER).filter(|_| method == Method::POST) else { return Ok(None) };
    let text =
        value.to_str().map_err(|_| Error::new(Kind::Invalid, "an idempotency key is visible letters"))?;
    Ok(Some(text.to_owned()))
}

/// Answers a call that carries a key, on a task of its own: the answer is kept also for a client that hung up.
///
/// # Errors
/// The handler's; `Conflict` where the key stands for another request.
pub(crate) async fn answer(route: &'static Route, call: Call, key: String) -> Result<Response> {
    let answering = async move { answer_once(route, call, &key).await };
    tokio::spawn(answering.in_current_span()).await.map_err(Error::internal)?
}

async fn answer_once(route: &Route, call: Call, key: &str) -> Result<Response> {
    let auth = call.face.auth.clone();
    let grant = auth.grant_self(&call.actor)?;
    // An answer may hold a secret, so it is given again only to the credential that got it.
    let credential = match call.actor.credential() {
        Credential::Password => "password".to_owned(),
        Credential::Token(hash) => format!("token {hash}"),
        Credential::Login(hash) => format!("login {hash}"),
        _ => {
            return Err(Error::new(
                Kind::Denied,
                "an idempotency key goes with a password, a login or an API token",
            ));
        }
    };
    let asked = [credential.as_bytes(), call.path.as_bytes(), &call.body];
    let repeat = match auth.begin_repeat(&grant, key, &asked).await? {
        Begun::Again(kept) => return again(&kept),
        Begun::First(repeat) => repeat,
    };
    let request_id = call.actor.request_id().to_owned();
    let (answer, kept) = match route.answer(call).await {
        Ok(response) => {
            let (kept, response) = keep(response).await?;
            (Ok(response), Some(kept))
        }
        Err(error) => (Err(error), None),
    };
    // What was done is done, and what was refused was refused, whether or not that is remembered.
    if let Err(error) = auth.end_repeat(repeat, kept.as_deref()).await {
        tracing::warn!(request_id, ?error, "the end of a request that may be repeated was not kept");
    }
    answer
}

/// An answer as it is kept, and as it is sent. It lies in memory, whole.
async fn keep(response: Response) -> Result<(Vec<u8>, Response)> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.map_err(Error::internal)?;
    let text = |name: HeaderName| parts.headers.get(name)?.to_str().ok().map(str::to_owned);
    let kept = Kept {
        status: parts.status.as_u16(),
        location: text(header::LOCATION),
        media_type: text(header::CONTENT_TYPE),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    let kept = serde_json::to_vec(&kept).map_err(Error::internal)?;
    Ok((kept, Response::from_parts(parts, Body::from(bytes))))
}

fn again(kept: &[u8]) -> Result<Response> {
    let Kept { status, location, media_type, body } =
        serde_json::from_slice(kept).map_err(Error::internal)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).map_err(Error::internal)?;
    for (name, value) in [(header::LOCATION, location), (header::CONTENT_TYPE, media_type)] {
        if let Some(value) = value {
            response.headers_mut().insert(name, HeaderValue::try_from(value).map_err(Error::internal)?);
        }
    }
    Ok(response)
}
