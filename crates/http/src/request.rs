//! What the server knows of a request beside its bytes: where it came from, how it came, and an id.

use std::{fmt, net::IpAddr};

use axum::{
    http::{Extensions, HeaderMap},
    response::Response,
};
use tracing::{Instrument as _, info_span};
use wharf_core::{Actor, Authenticator, Result};

use crate::credentials::presented;

/// The client: the other end of the connection, or whom a trusted proxy names; none for a local socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub Option<IpAddr>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("local"),
        }
    }
}

/// How a request reached the server, as the connection or a trusted proxy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Over plain HTTP or over TLS.
    pub scheme: Scheme,
    /// The name the client used, if a proxy says so; else it stands in the request.
    pub authority: Option<String>,
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS, ours or a proxy's.
    Https,
}

impl Scheme {
    /// The word before `://`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The id of a request: in every log line, audit record and problem of it, and in the header `X-Request-Id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(pub String);

/// The name of the endpoint that answered, for logs and metrics: one of a few words, never a part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointName(pub &'static str);

/// Names the endpoint on its answer.
pub fn named(endpoint: &'static str, mut response: Response) -> Response {
    response.extensions_mut().insert(EndpointName(endpoint));
    response
}

/// The id the server gave a request; empty where it gave none.
pub fn request_id_of(extensions: &Extensions) -> &str {
    extensions.get::<RequestId>().map_or("", |id| id.0.as_str())
}

/// The address a request came from.
pub fn address_of(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Peer>().and_then(|peer| peer.0)
}

/// Asks who is calling.
///
/// # Errors
/// `Unauthenticated` for a header that cannot be read; those of the authenticator.
pub async fn identify(
    authenticator: &dyn Authenticator,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Actor> {
    let presented = presented(headers)?;
    let asked = authenticator.authenticate(presented, address_of(extensions), request_id_of(extensions));
    asked.instrument(info_span!("authentication")).await
}
