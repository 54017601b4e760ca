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
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
}

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
        })
    }
}
