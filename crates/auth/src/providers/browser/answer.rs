//! What a provider sends a browser back with (RFC 6749, section 4.1.2): a code or a refusal, and perhaps its own name. It
//! comes from the browser, so anybody may have written it.

use wharf_core::{Error, Kind, Result, Secret};

use super::{denied, kept::not_begun};
use crate::{issuers::Metadata, port::ProviderRow};

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

    /// The code, if the answer is of this provider.
    ///
    /// # Errors
    /// `Denied` for one of another; else in plain words what the provider refused, of which there is a closed list (section
    /// 4.1.2.1, and OpenID Connect Core, section 3.1.2.6).
    pub(super) fn code(self, provider: &ProviderRow, document: &Metadata) -> Result<Secret<String>> {
        self.expect_of(provider, document)?;
        match (self.error.as_deref(), self.code) {
            (None, Some(code)) if !code.expose().is_empty() && code.expose().len() <= LONGEST => Ok(code),
            (None, _) => Err(Error::new(Kind::Invalid, "the provider's answer holds no code")),
            (Some(error), _) => Err(refusal(error)),
        }
    }

    /// Refuses an answer of another provider, so that a code is not shown where it is not from (RFC 9207).
    fn expect_of(&self, provider: &ProviderRow, document: &Metadata) -> Result<()> {
        match &self.issuer {
            Some(named) if named == provider.issuer.url.as_str() => Ok(()),
            None if !document.names_itself => Ok(()),
            _ => Err(denied("the answer is of another provider than the login was begun at")),
        }
    }
}

fn refusal(error: &str) -> Error {
    match error {
        "access_denied" => denied("the provider does not let you in here, or you declined"),
        "login_required" | "interaction_required" | "account_selection_required" => {
            denied("the provider wants you to log in there first")
        }
        "consent_required" => denied("the provider wants your consent first"),
        "server_error" | "temporarily_unavailable" => {
            Error::new(Kind::Unavailable, "the provider cannot let anybody in now, try again later")
        }
        other => {
            let other: String = other.chars().filter(char::is_ascii_graphic).take(100).collect();
            denied("the provider does not log anybody in for this Wharf: ask its operator").because(other)
        }
    }
}

fn one(query: &[(String, String)], name: &str) -> Result<Option<String>> {
    let mut values = query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone());
    let first = values.next();
    match values.next() {
        None => Ok(first),
        Some(_) => Err(Error::new(Kind::Invalid, format!("the provider's answer holds {name} twice"))),
    }
}
