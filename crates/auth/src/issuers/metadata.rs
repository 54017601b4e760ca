//! What an issuer says of itself (OpenID Connect Discovery, section 3), as far as it is used here.

use serde::Deserialize;
use wharf_core::{Error, Kind, Result};

use super::{IssuerUrl, KeysUrl};

/// The largest document, in bytes.
pub(super) const LARGEST: usize = 64 * 1024;

/// Where an issuer does what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Its keys.
    pub keys_url: KeysUrl,
    /// Where people are sent to log in, if they can be.
    pub authorization_endpoint: Option<String>,
    /// Where tokens are had, if they can be.
    pub token_endpoint: Option<String>,
    /// Where more is told of whom an access token is of, if anywhere.
    pub userinfo_endpoint: Option<String>,
    /// Whether it names itself in what it sends a browser back with (RFC 9207).
    pub names_itself: bool,
    /// Whether a client may show its secret in a header.
    pub takes_secret_in_header: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    userinfo_endpoint: Option<String>,
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    names_itself: bool,
    #[serde(rename = "token_endpoint_auth_methods_supported")]
    ways_of_clients: Option<Vec<String>>,
}

/// How a client shows its secret that says nothing of it.
const IN_HEADER: &str = "client_secret_basic";

impl Metadata {
    /// Reads the document of an issuer, which must name itself as it was asked for (section 4.3).
    pub(super) fn parse(issuer: &IssuerUrl, bytes: &[u8]) -> Result<Self> {
        let document: Document = serde_json::from_slice(bytes).map_err(|error| {
            Error::new(Kind::Unavailable, "the issuer's document cannot be read").because(error)
        })?;
        if document.issuer != issuer.as_str() {
            return Err(Error::new(Kind::Unavailable, "the issuer's document is of another issuer"));
        }
        Ok(Self {
            keys_url: document.jwks_uri.parse()?,
            authorization_endpoint: document.authorization_endpoint,
            token_endpoint: document.token_endpoint,
            userinfo_endpoint: document.userinfo_endpoint,
            names_itself: document.names_itself,
            takes_secret_in_header: document
                .ways_of_clients
                .is_none_or(|ways| ways.iter().any(|way| way == IN_HEADER)),
        })
    }
}
