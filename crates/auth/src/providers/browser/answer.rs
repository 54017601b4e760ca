//! What an issuer sends a browser back with (RFC 6749, section 4.1.2): a code or a refusal, and perhaps its own name.

use wharf_core::{Error, Kind, Result, Secret};

use super::kept::not_begun;
use crate::{
    issuers::{IssuerUrl, Metadata},
    port::ProviderRow,
    providers::unusable,
};

/// The longest code, in bytes.
const LONGEST: usize = 4096;

/// The parameters that count.
pub(super) struct Answer {
    pub(super) state: String,
    code: Option<Secret<String>>,
    error: Option<String>,
    issuer: Option<String>,
}

impl Answer {
    /// Reads the query; parameters that mean nothing here are passed over, as section 4.1.2 says.
    ///
    /// # Errors
    /// `Invalid` for a parameter that stands twice; `Denied` without a state.
    pub(super) fn read(query: &[(String, String)]) -> Result<Self> {
        Ok(Self {
            state: one(query, "state")?.ok_or_else(not_begun)?,
            code: one(query, "code")?.map(Secret::new),
            error: one(query, "error")?,
            issuer: one(query, "iss")?,
        })
    }

    /// Refuses an answer of another issuer, so that a code is not shown where it is not from (RFC 9207).
    ///
    /// # Errors
    /// `Denied`.
    pub(super) fn expect_of(&self, issuer: &IssuerUrl, document: &Metadata) -> Result<()> {
        match &self.issuer {
            Some(named) if named == issuer.as_str() => Ok(()),
            None if !document.names_itself => Ok(()),
            _ => Err(Error::new(Kind::Denied, "the answer is of another issuer than the login was begun at")),
        }
    }

    /// The code.
    ///
    /// # Errors
    /// In plain words what the issuer refused, of which there is a closed list (section 4.1.2.1, and OpenID Connect Core,
    /// section 3.1.2.6).
    pub(super) fn code(&self, provider: &ProviderRow) -> Result<Secret<String>> {
        match (self.error.as_deref(), self.code.clone()) {
            (None, Some(code)) if !code.expose().is_empty() && code.expose().len() <= LONGEST => Ok(code),
            (None, _) => Err(Error::new(Kind::Invalid, "the issuer's answer holds no code")),
            (Some("access_denied"), _) => Err(denied("the issuer does not let you in here, or you declined")),
            (Some("login_required" | "interaction_required" | "account_selection_required"), _) => {
                Err(denied("the issuer wants you to log in there first"))
            }
            (Some("consent_required"), _) => Err(denied("the issuer wants your consent first")),
            (Some("server_error" | "temporarily_unavailable"), _) => {
                Err(Error::new(Kind::Unavailable, "the issuer cannot let anybody in now, try again later"))
            }
            (Some(other), _) => {
                let other: String = other.chars().filter(char::is_ascii_graphic).take(100).collect();
                Err(unusable(provider, &format!("it refused to log a browser in: {other}")))
            }
        }
    }
}

fn one(query: &[(String, String)], name: &str) -> Result<Option<String>> {
    let mut values = query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone());
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Error::new(Kind::Invalid, format!("the issuer's answer holds {name} twice"))),
    }
}

fn denied(words: &'static str) -> Error {
    Error::new(Kind::Denied, words)
}
