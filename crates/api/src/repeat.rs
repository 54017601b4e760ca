//! `Idempotency-Key`: a request that makes something can be sent again when its answer was lost. The same key from the
//! same credential with the same path and body gets the first answer for a day; with another one it is refused.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tracing::Instrument as _;
use wharf_auth::Begun;
use wharf_core::{Credential, Error, Kind, Result};

use crate::{call::Call, route::Route};

/// The header.
const HEADER: &str = "idempotency-key";
/// The largest answer that is kept, in bytes: one thing that was made.
const LARGEST: usize = 1 << 20;

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    location: Option<String>,
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
    let credential = match &call.actor.credential {
        Credential::Password => "password".to_owned(),
        Credential::Token(hash) => format!("token {hash}"),
        _ => return Err(Error::new(Kind::Denied, "an idempotency key goes with a password or an API token")),
    };
    let asked = [credential.as_bytes(), call.path.as_bytes(), &call.body];
    let repeat = match auth.begin_repeat(&grant, key, &asked).await? {
        Begun::Again(kept) => return again(&kept),
        Begun::First(repeat) => repeat,
    };
    match route.answer(call).await {
        Ok(response) => {
            let (kept, response) = keep(response).await?;
            auth.end_repeat(repeat, Some(&kept)).await?;
            Ok(response)
        }
        Err(error) => {
            auth.end_repeat(repeat, None).await?;
            Err(error)
        }
    }
}

/// An answer as it is kept, and as it is sent.
async fn keep(response: Response) -> Result<(Vec<u8>, Response)> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, LARGEST).await.map_err(Error::internal)?;
    let location = parts.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let body = String::from_utf8(bytes.to_vec()).map_err(Error::internal)?;
    let kept = Kept { status: parts.status.as_u16(), location: location.map(str::to_owned), body };
    let kept = serde_json::to_vec(&kept).map_err(Error::internal)?;
    Ok((kept, Response::from_parts(parts, Body::from(bytes))))
}

fn again(kept: &[u8]) -> Result<Response> {
    let Kept { status, location, body } = serde_json::from_slice(kept).map_err(Error::internal)?;
    let mut response = (StatusCode::from_u16(status).map_err(Error::internal)?, body).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    if let Some(location) = location {
        let location = HeaderValue::try_from(location).map_err(Error::internal)?;
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}
